"""Rendered clips: what is seen, felt and known of each belongs together."""

from pathlib import Path

import numpy as np
import pytest

from models.prompts.prompt_file import bundled_prompt_set
from pipelines.lab.simulation.footage import RecordingPlan, Stream
from pipelines.lab.simulation.world import PARTS
from pipelines.lab.studies.clip_set import ClipSet
from pipelines.lab.studies.ward_clips import (
    FRAMES,
    IMU_SAMPLES,
    plan_rooms,
    prepare_ward_clips,
)

LABELS = bundled_prompt_set().labels
SIDE_PX = 64

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


def prepare(folder: Path, done: list[RecordingPlan]) -> ClipSet:
    return prepare_ward_clips(
        folder,
        [RecordingPlan(Stream.FOOTAGE, 5, i, 30.0) for i in range(2)],
        LABELS,
        image_size_px=SIDE_PX,
        on_done=done.append,
    )


@pytest.fixture(scope="module")
def clips(folder: Path) -> ClipSet:
    return prepare(folder, [])


def test_every_clip_has_pictures_a_wearable_and_a_map(clips: ClipSet) -> None:
    assert len(clips) >= 6
    assert clips.frames.shape == (len(clips), FRAMES, SIDE_PX, SIDE_PX, 3)
    assert clips.imu is not None
    assert clips.imu.shape == (len(clips), IMU_SAMPLES, 6)
    assert set(clips.groups.tolist()) == {0, 1}


def test_the_map_shows_the_person_unless_the_room_is_empty(clips: ClipSet) -> None:
    assert clips.parts is not None
    person = (clips.parts == PARTS.index("person")).sum(axis=(1, 2))
    empty = clips.labels == LABELS.index("empty room")
    assert (person[empty] == 0).all()
    upright = np.isin(clips.labels, [LABELS.index(it) for it in ("walking", "sitting")])
    assert upright.any()
    assert (person[upright] > 0).all()
    shares = (clips.parts == PARTS.index("floor")).mean(axis=(1, 2))
    assert (shares > 0.02).all()


def test_who_walks_is_felt_and_who_sits_is_still(clips: ClipSet) -> None:
    assert clips.imu is not None
    restless = np.linalg.norm(clips.imu[:, :, :3], axis=2).std(axis=1)
    walks = restless[clips.labels == LABELS.index("walking")]
    sits = restless[clips.labels == LABELS.index("sitting")]
    assert walks.min() > 2 * np.median(sits)


def test_rooms_that_are_there_are_not_rendered_again(
    folder: Path, clips: ClipSet
) -> None:
    written = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    done: list[RecordingPlan] = []
    again = prepare(folder, done)
    assert len(done) == 2
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == written
    assert (again.frames == clips.frames).all()


def test_rooms_are_planned_for_the_number_of_clips() -> None:
    assert len(plan_rooms(1000, 1, Stream.FOOTAGE)) == 100
    assert len(plan_rooms(1, 1, Stream.FOOTAGE)) == 2
