"""Windows of simulated lives are what a camera and a wearable would bring live."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from models.build import build_recognizer
from models.is_clip.spectrogram import SpectrogramScale, spectrograms
from models.recognizer import ClipRecognizer
from models.window import Window
from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate_motion
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.wearable import simulate_sensor
from pipelines.lab.training.adaptations import adapt_is_clip
from pipelines.lab.training.lives import FORM, Life, simulate_lives
from pipelines.lab.training.pictures import label_matrix, prepare_runs
from pipelines.lab.training.watched_lives import WatchedWindows, watched_windows
from tests.tiny_checkpoint import TINY_PX, save_tiny_checkpoint

RATE_HZ = Fraction(8, 3)
STEP_S = 0.375
FRAMES = 8
SCALE = SpectrogramScale(50.0, 0.0, 1.0, 0.0, 1.0)

pytestmark = [pytest.mark.gst, pytest.mark.slow]


def life_with(label: str) -> RecordingPlan:
    """A short life in which that is done for more than a second."""
    for index in range(100):
        plan = RecordingPlan(Stream.TRAINING, 1, index, 9.0, RATE_HZ)
        _, _, track = simulate_motion(plan)
        if track.labels.count(label) > SAMPLE_RATE_HZ:
            return plan
    raise AssertionError(label)


@pytest.fixture(scope="module")
def plans() -> list[RecordingPlan]:
    return [life_with("sitting"), life_with("empty room")]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def plain(work: Path) -> ClipRecognizer:
    return build_recognizer(save_tiny_checkpoint(work / "tiny-clip"))


@pytest.fixture(scope="module")
def lives(plain: ClipRecognizer, plans: list[RecordingPlan]) -> list[Life]:
    return simulate_lives(plans, plain.prompt_set, lambda _: None)


@pytest.fixture(scope="module")
def windows(
    plain: ClipRecognizer, plans: list[RecordingPlan], lives: list[Life], work: Path
) -> WatchedWindows:
    return watched_windows(
        plain.clip,
        plain.prompt_set,
        plans,
        lives,
        SCALE,
        work / "pictures",
        lambda *_: None,
        frames=FRAMES,
    )


@pytest.fixture(scope="module")
def rows(
    windows: WatchedWindows,
    plain: ClipRecognizer,
    plans: list[RecordingPlan],
    work: Path,
) -> np.ndarray:
    """Labels of the pictures of all recordings, side by side."""
    runs = prepare_runs(
        work / "pictures",
        plans,
        image_size_px=TINY_PX,
        step_ns=375_000_000,
        on_done=lambda _: None,
    )
    return np.concatenate(label_matrix(runs, plain.prompt_set))


def test_windows_end_at_every_second_picture_from_the_first_that_is_felt(
    windows: WatchedWindows, rows: np.ndarray
) -> None:
    places = windows.kept.places.numpy()
    length = len(rows) // 2
    ends = [run * length + at for run in (0, 1) for at in range(2, length, 2)]
    assert places[:, -1].tolist() == ends
    whole = places[places.min(axis=1) >= 0]
    assert (np.diff(whole, axis=1) == 1).all()
    assert places[0].tolist() == [-1] * 5 + [0, 1, 2]
    assert len(windows.kept.tokens) == len(rows)  # each picture once


def test_targets_are_the_labels_shares_of_the_pictures(
    windows: WatchedWindows, rows: np.ndarray
) -> None:
    places = windows.kept.places.numpy()
    for place, target in zip(places, windows.targets, strict=True):
        held = rows[place[place >= 0]]
        expected = [(held == label).mean() for label in range(len(target))]
        np.testing.assert_allclose(target, expected, atol=1e-6)
    assert (windows.targets.max(axis=1) < 1).any()


#  picture       0   1   2   3   4   5   6   7   8
#  at the waist  .               [too short: none]
#  at the wrist  [.......]
#  at the waist  [...............]
def test_samples_are_those_of_the_same_time_at_waist_and_wrist_by_turns(
    windows: WatchedWindows, lives: list[Life]
) -> None:
    places = windows.kept.places.numpy()
    length = len(windows.kept.tokens) // len(lives)
    for row, place in enumerate(places):
        life, last = divmod(int(place[-1]), length)
        turn = life * len(range(0, length, 2)) + last // 2
        first = max(0, last - FRAMES + 1)
        step = STEP_S * SAMPLE_RATE_HZ
        samples = lives[life].felt[turn % 2][round(first * step) : round(last * step)]
        acc, gyro = spectrograms(samples, FORM, SCALE)
        torch.testing.assert_close(windows.felt.acc[row], acc)
        torch.testing.assert_close(windows.felt.gyro[row], gyro)


def test_a_life_is_felt_a_little_askew_and_labelled_throughout(
    plain: ClipRecognizer, plans: list[RecordingPlan], lives: list[Life]
) -> None:
    for plan, life in zip(plans, lives, strict=True):
        rng, world, track = simulate_motion(plan)
        names = [*plain.prompt_set.labels, None]
        assert [names[it] for it in life.labels] == [
            plain.prompt_set.resolve(label) for label in track.labels
        ]
        for felt, site in zip(life.felt, ("waist", "wrist_left"), strict=True):
            straight = simulate_sensor(world, track, site, rng)
            apart = np.linalg.norm(felt[:, :3] - straight[:, :3], axis=1).mean()
            assert 0.1 < apart < 6  # m/s²
            sizes = [np.linalg.norm(it[:, :3], axis=1) for it in (felt, straight)]
            np.testing.assert_allclose(sizes[0], sizes[1], atol=1.0)


def test_is_clip_learns_from_samples_alone_at_waist_and_wrist(
    plain: ClipRecognizer, plans: list[RecordingPlan], work: Path
) -> None:
    path = work / "is-clip.safetensors"
    ends: dict[str, tuple[int, int]] = {}

    def note(stage: str, done: int, total: int, _: str) -> None:
        ends[stage] = done, total

    given = plain, plans, work / "pictures", path, note
    adapt_is_clip(*given, recordings=1, seed=1, steps=(150, 5), frames=FRAMES)
    assert ends == {
        "living": (2, 2),
        "samples": (150, 150),
        "rendering": (1, 1),
        "encoding": (1, 1),
        "training": (5, 5),
    }
    adapted = build_recognizer(work / "tiny-clip", adaptation=path)
    _, world, track = simulate_motion(plans[1])
    reach = round(7 * STEP_S * SAMPLE_RATE_HZ)
    starts = range(0, len(track.labels) - reach, 25)
    present = [track.labels[at + reach // 2] != "empty room" for at in starts]
    assert 0 < sum(present) < len(present)
    for site in ("waist", "wrist_left"):
        felt = simulate_sensor(world, track, site, np.random.default_rng(0))
        asked = [
            Window(np.zeros((0, 0), np.float32), (), felt[at : at + reach], 50.0)
            for at in starts
        ]
        scores, _, rests = adapted.classify(asked)
        assert set(rests) == {"imu"}
        said = scores[:, plain.prompt_set.labels.index("empty room")]
        absent = ~np.array(present)
        assert said[absent].mean() > said[~absent].mean()
