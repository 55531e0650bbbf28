from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.prompts.prompt_file import bundled_prompt_set
from pipelines.clock import NS_PER_S
from pipelines.errors import FolderError
from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate_motion
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.picture import Photographer, random_sensor
from pipelines.lab.training.pictures import PictureRun, label_matrix, prepare_runs

STEP_S = 0.375
SIDE_PX = 64
BAR_PX = SIDE_PX // 8  # above and below a 4:3 picture in a square
PLAN = RecordingPlan(Stream.TRAINING, 1, 14, 6.0, Fraction(8, 3))  # always moving
OTHER = RecordingPlan(Stream.TRAINING, 1, 2, 1.5, Fraction(8, 3))

pytestmark = pytest.mark.gst


def prepare(
    folder: Path, plans: list[RecordingPlan], side_px: int = SIDE_PX
) -> list[PictureRun]:
    ready: list[RecordingPlan] = []
    runs = prepare_runs(
        folder,
        plans,
        image_size_px=side_px,
        step_ns=round(STEP_S * NS_PER_S),
        on_done=ready.append,
        workers=1,
    )
    assert sorted(plan.index for plan in ready) == sorted(plan.index for plan in plans)
    return runs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    prepare(folder, [PLAN, OTHER])
    return folder


@pytest.fixture
def run(folder: Path) -> PictureRun:
    return prepare(folder, [PLAN])[0]


def samples_of(run: PictureRun) -> list[int]:
    return [round(k * STEP_S * SAMPLE_RATE_HZ) for k in range(len(run.labels))]


def shots_of(plan: RecordingPlan, samples: list[int]) -> np.ndarray:
    """What the world's camera saw then, as small as the model sees it."""
    rng, world, track = simulate_motion(plan)
    with Photographer(world, random_sensor(rng), rng) as photographer:
        shots = [
            photographer.render(track.qpos[sample], covered=track.covered[sample])
            for sample in samples
        ]
    small = (SIDE_PX, SIDE_PX - 2 * BAR_PX)
    return np.array([np.asarray(Image.fromarray(shot).resize(small)) for shot in shots])


def test_every_picture_shows_the_moment_of_its_place(run: PictureRun) -> None:
    pictures = run.pictures(np.arange(16))[:, BAR_PX:-BAR_PX].astype(float)
    shots = shots_of(PLAN, samples_of(run)).astype(float)
    apart = np.abs(pictures[:, None] - shots[None]).mean(axis=(2, 3, 4))
    assert apart.argmin(axis=1).tolist() == list(range(16))


def test_every_picture_has_the_label_of_its_moment(run: PictureRun) -> None:
    _, _, track = simulate_motion(PLAN)
    assert len(set(run.labels)) >= 2
    assert run.labels == tuple(track.labels[sample] for sample in samples_of(run))


def test_landmarks_are_placed_in_the_square_that_holds_the_picture(
    run: PictureRun,
) -> None:
    _, world, track = simulate_motion(PLAN)
    for mark, sample in zip(run.landmarks, samples_of(run), strict=True):
        wide = world.landmarks(track.qpos[sample])
        row_px = BAR_PX + wide[:, 1] * (SIDE_PX - 2 * BAR_PX)
        np.testing.assert_allclose(mark[:, 1], row_px / SIDE_PX, atol=1e-4)
        np.testing.assert_allclose(mark[:, [0, 2, 3]], wide[:, [0, 2, 3]], atol=1e-4)
    bars = run.pictures(np.arange(16))[:, : BAR_PX - 1]
    assert bars.max() == 0


def test_what_is_ready_is_not_rendered_again(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert len(before) == 4
    prepare(folder, [PLAN, OTHER])
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_pictures_of_another_size_or_length_are_others(tmp_path: Path) -> None:
    (small,) = prepare(tmp_path, [OTHER], 32)
    (large,) = prepare(tmp_path, [OTHER])
    (short,) = prepare(tmp_path, [replace(OTHER, duration_s=0.75)])
    assert small.pictures(np.array([0])).shape == (1, 32, 32, 3)
    assert large.pictures(np.array([0])).shape == (1, SIDE_PX, SIDE_PX, 3)
    assert (len(large.labels), len(short.labels)) == (4, 2)


def test_a_recording_that_was_broken_off_is_rendered_anew(folder: Path) -> None:
    (pixels,) = folder.glob("*-0002-*.npy")
    whole = np.load(pixels)
    # The plug was pulled: its facts are not there.
    pixels.write_bytes(pixels.read_bytes()[:1000])
    pixels.with_suffix(".json").unlink()
    (run,) = prepare(folder, [OTHER])
    again = np.load(pixels)
    assert again.shape == whole.shape
    # Encoded again, some pixels may be some grey levels off; what was cut is black.
    assert np.abs(again - whole.astype(float)).mean() < 2.0
    assert len(run.labels) == 4


def test_a_run_keeps_no_file_open(run: PictureRun) -> None:
    pictures = run.pictures(np.array([3]))
    assert str(run.pictures_path) not in Path("/proc/self/maps").read_text()
    assert len(pictures) == 1


def test_every_label_of_the_ward_has_its_place_among_the_prompt_set_s(
    run: PictureRun,
) -> None:
    prompt_set = bundled_prompt_set()
    (row,) = label_matrix([run], prompt_set)
    named = [prompt_set.labels[index] for index in row]
    assert named == [prompt_set.resolve(label) for label in run.labels]


def test_a_label_that_the_prompt_set_lacks_has_no_place(run: PictureRun) -> None:
    left_out = run.labels[0]
    prompt_set = bundled_prompt_set()
    name = prompt_set.resolve(left_out)
    assert name is not None
    (row,) = label_matrix([run], prompt_set.without([name]))
    assert [it == left_out for it in run.labels] == [index == -1 for index in row]


def test_a_file_in_the_folder_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError):
        prepare(tmp_path / "file", [OTHER])
