import asyncio
from pathlib import Path

import numpy as np
import pytest

from pipelines.clock import NS_PER_S, SystemClock
from pipelines.errors import FolderError, FootageError
from pipelines.lab.data.footage import LabelledSpan, read_footage
from pipelines.lab.simulation.footage import (
    RecordingPlan,
    Stream,
    render_recording,
    simulate,
    simulate_motion,
)
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.records import Frame
from pipelines.sources.camera.source import CameraSource
from pipelines.sources.wearable.replay import IMU_COLUMNS

pytestmark = pytest.mark.gst

PLANS = [RecordingPlan(Stream.FOOTAGE, 3, index, 2.0) for index in (91, 2)]


@pytest.fixture(scope="module")
def rendered(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[LabelledSpan]]:
    folder = tmp_path_factory.mktemp("rendered") / "new"
    return folder, simulate(folder, PLANS)


def pictures_of(video: Path) -> list[Frame]:
    async def read() -> list[Frame]:
        source = CameraSource(
            "ward",
            str(video),
            clock=SystemClock(),
            image_size_px=64,
            step_ns=NS_PER_S // 12,
        )
        async with source:
            return [item async for item in source if isinstance(item, Frame)]

    return asyncio.run(read())


def test_what_is_simulated_is_read_back_as_a_footage_folder(
    rendered: tuple[Path, list[LabelledSpan]],
) -> None:
    folder, rows = rendered
    footage = read_footage(folder)
    assert [recording.file for recording in footage.recordings] == [
        "ward-3-0091.mp4",
        "ward-3-0002.mp4",
    ]
    assert [span for it in footage.recordings for span in it.spans] == rows
    for recording in footage.recordings:
        assert set(recording.imu) == {"waist", "wrist"}


def test_labels_say_what_is_done_at_every_moment(
    rendered: tuple[Path, list[LabelledSpan]],
) -> None:
    folder, rows = rendered
    assert len(rows) == 3  # the first recording goes from walking to kneeling
    for plan, recording in zip(PLANS, read_footage(folder).recordings, strict=True):
        _, _, track = simulate_motion(plan)
        labels = [
            span.label
            for i in range(len(track.labels))
            for span in recording.spans
            if span.start_s <= i / SAMPLE_RATE_HZ < span.end_s
        ]
        assert tuple(labels) == track.labels


def test_wearables_are_sampled_from_beginning_to_end(
    rendered: tuple[Path, list[LabelledSpan]],
) -> None:
    folder, _ = rendered
    lines = (folder / "ward-3-0091.wrist.imu.csv").read_text().splitlines()
    assert lines[0] == ",".join(IMU_COLUMNS)
    times_s = [float(line.split(",")[0]) for line in lines[1:]]
    np.testing.assert_allclose(times_s, np.arange(100) / SAMPLE_RATE_HZ)


def test_equal_plans_make_equal_recordings_in_whatever_process(
    rendered: tuple[Path, list[LabelledSpan]], tmp_path: Path
) -> None:
    folder, _ = rendered
    plan = PLANS[0]
    render_recording(tmp_path, plan)
    first, second = pictures_of(folder / plan.name), pictures_of(tmp_path / plan.name)
    assert len(first) == 24
    assert [it.timestamp_ns for it in first] == [it.timestamp_ns for it in second]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)
    felt = Path(plan.name).with_suffix(".waist.imu.csv")
    assert (folder / felt).read_text() == (tmp_path / felt).read_text()


def test_a_folder_that_labels_other_recordings_is_refused_and_left_alone(
    tmp_path: Path,
) -> None:
    text = "file,label,source,t_start_s,t_end_s,notes\nmine.mp4,walking,me,0,1,\n"
    (tmp_path / "labels.csv").write_text(text)
    problem = r"labels\.csv: labels other recordings; choose another folder$"
    with pytest.raises(FootageError, match=problem):
        simulate(tmp_path, PLANS)
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]
    assert (tmp_path / "labels.csv").read_text() == text


def test_a_file_in_the_folder_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError):
        simulate(tmp_path / "file", PLANS)
