"""Drift through the whole chain, with a picture every ten minutes: days are short."""

import asyncio

import pytest

from pipelines.live.drift.settings import DriftSettings
from pipelines.live.subject import Record, Subject, WatchSettings
from pipelines.live.watch import Watch
from pipelines.live.windows.assembler import WindowSettings
from pipelines.records import DriftAlert, DriftStatus, Prediction
from tests.fakes import ColourRecognizer, FakeClock, colour_frames, play

pytestmark = pytest.mark.slow

STEP_NS = 600 * 1_000_000_000
A_DAY = 144
SETTINGS = WatchSettings(
    windows=WindowSettings(frames=2, seconds=1200.0),
    drift=DriftSettings(block_s=3600.0, learning_days=3),
)


def records_of(chain: Watch) -> list[Record]:
    async def scene() -> list[Record]:
        return [record async for record in chain.records()]

    return asyncio.run(scene())


def seen(row: str, first_tick: int = 0) -> Subject:
    frames = colour_frames("bed-4", row, STEP_NS, first_tick)
    return Subject("bed-4", play(frames), camera_name="rtsp://cam")


def test_alerts_come_beside_predictions_and_every_block_says_how_it_stands() -> None:
    row = "w" * 4 * A_DAY + "e" * 24
    records = records_of(Watch([seen(row)], ColourRecognizer(), FakeClock(), SETTINGS))
    standing = [it for it in records if isinstance(it, DriftStatus)]
    assert [standing[block].state for block in (0, 70, 90, -1)] == [
        *("learning", "learning", "watching", "alerted")
    ]
    (alert,) = [it for it in records if isinstance(it, DriftAlert)]
    assert (alert.subject_id, alert.state) == ("bed-4", "alerted")
    changed_ns = 4 * A_DAY * STEP_NS
    assert changed_ns < alert.decided_ns <= changed_ns + 3 * 3600 * 10**9
    assert any(isinstance(it, Prediction) for it in records)


def test_a_chain_goes_on_from_what_another_has_learnt() -> None:
    first = Watch([seen("w" * 4 * A_DAY)], ColourRecognizer(), FakeClock(), SETTINGS)
    records_of(first)
    memory = first.drift["bed-4"].snapshot()
    rest = seen("e" * 24, first_tick=4 * A_DAY)
    second = Watch([rest], ColourRecognizer(), FakeClock(), SETTINGS)
    (standing,) = second.drift["bed-4"].restore(memory, 0)
    assert isinstance(standing, DriftStatus)
    assert standing.state == "watching"
    assert any(isinstance(it, DriftAlert) for it in records_of(second))
