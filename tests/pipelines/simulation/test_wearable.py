import numpy as np
import pytest

from pipelines.simulation.footage import RecordingPlan, Stream, perform
from pipelines.simulation.motion import SAMPLE_RATE_HZ, Motion, Track
from pipelines.simulation.poses import standing
from pipelines.simulation.wearable import feel
from pipelines.simulation.world import World, random_world

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
    felt = feel(world, still(world), "waist", np.random.default_rng(0))
    norms = np.linalg.norm(felt[:, :3], axis=1)
    assert norms == pytest.approx(GRAVITY_MPS2, abs=0.6)
    assert np.abs(felt[:, 3:]).max() < 0.15


def test_gravity_is_felt_along_the_sensor_s_own_axes(world: World) -> None:
    track = still(world)
    lying = track.qpos.copy()
    lying[:, 3:7] = (np.sqrt(0.5), 0, -np.sqrt(0.5), 0)  # on the back: x points up
    fallen = Track(lying, track.labels, track.notes, track.covered)
    felt = feel(world, fallen, "waist", np.random.default_rng(0))
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
    felt = feel(world, spun, "waist", np.random.default_rng(0))
    assert np.linalg.norm(felt[:, 3:], axis=1).mean() == pytest.approx(1.0, abs=0.1)


def test_a_fall_is_felt_as_loss_of_weight_and_then_a_blow() -> None:
    lightest, hardest = [], []
    for index in range(20):
        rng, world, track = perform(RecordingPlan(Stream.FOOTAGE, 3, index, 30.0))
        if "falling" not in track.labels:
            continue
        onset = track.labels.index("falling")
        felt = feel(world, track, "waist", rng)
        norms = np.linalg.norm(felt[onset : onset + 150, :3], axis=1)
        lightest.append(norms.min())
        hardest.append(norms.max())
    assert np.median(lightest) < 0.6 * GRAVITY_MPS2
    assert np.median(hardest) > 2 * GRAVITY_MPS2


def test_nobody_in_the_room_leaves_the_wearable_at_rest() -> None:
    for index in range(40):
        rng, world, track = perform(RecordingPlan(Stream.FOOTAGE, 3, index, 30.0))
        absent = np.array([label == "empty room" for label in track.labels])
        if absent.any():
            felt = feel(world, track, "wrist_left", rng)
            assert np.linalg.norm(felt[absent, :3], axis=1) == pytest.approx(
                GRAVITY_MPS2, abs=1.0
            )
            return
    pytest.fail("no empty room among 40 recordings")
