import numpy as np
import pytest

from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ, Motion, Track
from pipelines.lab.simulation.poses import standing
from pipelines.lab.simulation.wearable import simulate_sensor
from pipelines.lab.simulation.world import World, random_world

GRAVITY_MPS2 = 9.81


@pytest.fixture(scope="module")
def world() -> World:
    return random_world(np.random.default_rng(5))


def still(world: World, samples: int = 50) -> Track:
    motion = Motion(world, np.random.default_rng(0))
    upright = motion.on_feet(standing(motion.rng), 0.3, np.zeros(2))
    for _ in range(samples):
        motion.record("standing", upright)
    return motion.track(samples / SAMPLE_RATE_HZ)


def test_a_person_at_rest_feels_gravity_alone(world: World) -> None:
    felt = simulate_sensor(world, still(world), "waist", np.random.default_rng(0))
    norms = np.linalg.norm(felt[:, :3], axis=1)
    assert norms == pytest.approx(GRAVITY_MPS2, abs=0.6)
    assert np.abs(felt[:, 3:]).max() < 0.15


def test_gravity_is_felt_along_the_sensor_s_own_axes(world: World) -> None:
    track = still(world)
    lying = track.qpos.copy()
    lying[:, 3:7] = (np.sqrt(0.5), 0, -np.sqrt(0.5), 0)  # on the back: x points up
    fallen = Track(lying, track.labels, track.notes, track.covered)
    felt = simulate_sensor(world, fallen, "waist", np.random.default_rng(0))
    assert felt[:, 0].mean() == pytest.approx(GRAVITY_MPS2, abs=0.5)
    assert abs(felt[:, 2].mean()) < 0.5


def test_turning_on_the_spot_is_what_the_gyro_reads(world: World) -> None:
    track = still(world, samples=100)
    turning = track.qpos.copy()
    angles = np.arange(100) / SAMPLE_RATE_HZ  # 1 rad/s about the vertical
    turning[:, 3] = np.cos(angles / 2)
    turning[:, 4:6] = 0
    turning[:, 6] = np.sin(angles / 2)
    spun = Track(turning, track.labels, track.notes, track.covered)
    felt = simulate_sensor(world, spun, "waist", np.random.default_rng(0))
    assert np.linalg.norm(felt[:, 3:], axis=1).mean() == pytest.approx(1.0, abs=0.1)


def felt_at(
    lives: list[tuple[World, Track]], site: str
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The labels of each life, and how hard its accelerometer was pulled."""
    rng = np.random.default_rng(0)
    felt = [(track, simulate_sensor(world, track, site, rng)) for world, track in lives]
    return [
        (np.array(track.labels), np.linalg.norm(values[:, :3], axis=1))
        for track, values in felt
    ]


def test_a_fall_is_felt_as_loss_of_weight_and_then_a_blow(
    lives: list[tuple[World, Track]],
) -> None:
    lightest, hardest = [], []
    for labels, norms in felt_at(lives, "waist"):
        if "falling" not in labels:
            continue
        # The push at the onset, felt for 0.2 s, is not the blow.
        onset = int(np.argmax(labels == "falling")) + SAMPLE_RATE_HZ // 5
        fall = norms[onset : onset + 2 * SAMPLE_RATE_HZ]
        blow = int(fall.argmax())
        lightest.append(fall[: blow + 1].min())
        hardest.append(fall[blow])
    assert np.median(lightest) < 0.6 * GRAVITY_MPS2
    assert np.median(hardest) > 1.8 * GRAVITY_MPS2


def test_walking_never_strikes_like_a_fall(lives: list[tuple[World, Track]]) -> None:
    walks = [norms[labels == "walking"] for labels, norms in felt_at(lives, "waist")]
    assert np.concatenate(walks).max() < 3 * GRAVITY_MPS2


def test_nobody_in_the_room_leaves_the_wearable_at_rest(
    lives: list[tuple[World, Track]],
) -> None:
    felt = felt_at(lives, "wrist_left")
    at_rest = [norms[labels == "empty room"] for labels, norms in felt]
    assert np.concatenate(at_rest) == pytest.approx(GRAVITY_MPS2, abs=1.0)


def test_coming_into_the_room_is_no_blow(lives: list[tuple[World, Track]]) -> None:
    after = []
    for labels, norms in felt_at(lives, "waist"):
        absent = labels == "empty room"
        entries = np.flatnonzero(absent[:-1] & ~absent[1:])
        after += [norms[entry : entry + 10].max() for entry in entries]
    assert len(after) > 0
    assert max(after) < 3 * GRAVITY_MPS2


def test_a_breath_is_felt_by_a_person_at_rest(world: World) -> None:
    track = still(world, samples=1000)
    felt = simulate_sensor(world, track, "waist", np.random.default_rng(0))
    means = felt[:, :3].reshape(-1, 25, 3).mean(axis=1)
    noise = np.diff(felt[:, :3], axis=0).std() / np.sqrt(2 * 25)
    assert means.std(axis=0).max() > 2 * noise
    absent = Track(track.qpos, ("empty room",) * 1000, track.notes, track.covered)
    alone = simulate_sensor(world, absent, "waist", np.random.default_rng(0))
    quiet = alone[:, :3].reshape(-1, 25, 3).mean(axis=1)
    assert quiet.std(axis=0).max() < 2 * noise
