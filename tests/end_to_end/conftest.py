"""Footage that the tests of the whole service share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate
from services.demo.rtsp_process import RtspServer
from tests.end_to_end.service_rig import SECONDS

SEED = 43


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two rooms in which somebody falls and lies for a while."""
    folder = tmp_path_factory.mktemp("ward")
    plans = [RecordingPlan(Stream.FOOTAGE, SEED, i, SECONDS) for i in range(2)]
    simulate(folder, plans)
    return [folder / plan.name for plan in plans]


@pytest.fixture
def server(footage: list[Path]) -> Iterator[RtspServer]:
    mounts = {f"room-{i}": file for i, file in enumerate(footage)}
    with RtspServer(mounts, loop=True) as running:
        yield running
