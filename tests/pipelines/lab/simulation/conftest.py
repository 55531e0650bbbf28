"""Half a minute of eight lives, shared by the tests."""

import pytest

from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate_motion
from pipelines.lab.simulation.motion import Track
from pipelines.lab.simulation.world import World

SEED = 3
CHOSEN = (0, 3, 9, 17, 21, 28, 32, 5)  # every label; seven falls; a drop onto the bed


@pytest.fixture(scope="session")
def lives() -> list[tuple[World, Track]]:
    plans = [RecordingPlan(Stream.FOOTAGE, SEED, index, 30.0) for index in CHOSEN]
    return [simulate_motion(plan)[1:] for plan in plans]
