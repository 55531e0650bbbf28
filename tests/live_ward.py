"""Live cameras and wearables on a clock that jumps: everything comes in its time."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from pipelines.clock import ns_to_seconds, seconds_to_ns
from pipelines.live.events.settings import EventSettings
from pipelines.live.observer import Tally
from pipelines.live.subject import Item, Record, Subject, WatchSettings
from pipelines.live.watch import Watch
from pipelines.live.windows.assembler import WindowSettings
from pipelines.live.windows.wearable_wait import WearableWaitSettings
from pipelines.recognition import ClipScores
from pipelines.records import (
    ActionEvent,
    Clip,
    ImuBatch,
    Prediction,
    SourceState,
    SourceStatus,
)
from tests.fakes import ColourRecognizer, FakeClock, colour_frames

STEP_S = 0.375
RATE_HZ = 50
SHAKEN_MPS2 = 30.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of a span of seconds, and when they arrive."""

    first_s: float
    last_s: float
    arrives_s: float
    accel_mps2: float = 9.81


def steady(
    period_s: float, until_s: float, *, delay_s: float = 0.05, shaken_s: float = 1e9
) -> list[Batch]:
    """Return what a wearable sends; it is shaken from ``shaken_s`` on."""
    starts = np.arange(0.0, until_s - period_s + 1e-9, period_s)
    return [
        Batch(
            first,
            first + period_s,
            first + period_s + delay_s,
            SHAKEN_MPS2 if first + period_s > shaken_s else 9.81,
        )
        for first in starts.tolist()
    ]


async def wearable(
    clock: FakeClock,
    batches: Sequence[Batch],
    states: Sequence[SourceState] = (),
    *,
    ends: bool = False,
) -> AsyncGenerator[Item, None]:
    """Be a wearable that sends these batches, and then nothing."""
    for state in states:
        yield SourceStatus("bed-4", "imu", state, 0, "", "sender")
    for batch in batches:
        await clock.sleep_s(batch.arrives_s - ns_to_seconds(clock.now_ns()))
        times_s = np.arange(batch.first_s, batch.last_s - 1e-9, 1 / RATE_HZ)
        values = np.zeros((len(times_s), 3), np.float32)
        values[:, 2] = batch.accel_mps2
        times_ns = np.rint(times_s * 1e9).astype(np.int64)
        yield ImuBatch("wrist", times_ns, values, np.zeros_like(values))
    if not ends:
        await asyncio.Event().wait()


async def camera(
    clock: FakeClock,
    name: str,
    row: str,
    *,
    ends: bool = True,
    failure: Exception | None = None,
) -> AsyncGenerator[Item, None]:
    """Give each frame of a drawn row at its own time."""
    for frame in colour_frames(name, row):
        await clock.sleep_s(ns_to_seconds(frame.timestamp_ns - clock.now_ns()))
        yield frame
    if failure is not None:
        raise failure
    if not ends:
        await asyncio.Event().wait()


@final
class SamplesDecide:
    """Goes by colour where there are no samples, and else by how shaken they are."""

    def __init__(self) -> None:
        self._colours = ColourRecognizer()
        self.info = replace(self._colours.info)

    async def encode(self, frames: np.ndarray) -> np.ndarray:
        return await self._colours.encode(frames)

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        scores = await self._colours.classify(clips)
        rows = scores.probabilities.copy()
        for row, clip in zip(rows, clips, strict=True):
            if clip.imu is not None:
                is_shaken = np.abs(clip.imu).max() > SHAKEN_MPS2 - 1
                row[:] = 0.0
                row[self.info.labels.index("falling" if is_shaken else "walking")] = 1.0
        return ClipScores(rows, rows - 0.5, scores.modalities)


@dataclass(frozen=True, slots=True)
class Told:
    """A record, and when it was reported."""

    at_s: float
    record: Record


def live(
    ward: Mapping[str, tuple[str, Sequence[Batch] | None]],
    *,
    recognizer: ColourRecognizer | SamplesDecide | None = None,
    ceiling_s: float = 7.0,
    states: Sequence[SourceState] = ("connecting",),
    observer: Tally | None = None,
    ends: bool = True,
    failing: Mapping[str, Exception] | None = None,
    wearable_ends: bool = False,
    until_s: float | None = None,
) -> list[Told]:
    """Watch rows of frames beside batches; return what is reported, and when.

    Windows have four frames, and half of them start an event after three windows.
    """
    settings = WatchSettings(
        windows=WindowSettings(frames=4, seconds=4 * STEP_S),
        events=EventSettings(
            enter=0.5, exit=0.3, minimum_duration_s=0.75, merge_gap_s=0.75
        ),
        wearable_wait=WearableWaitSettings(ceiling_s),
    )

    async def scene() -> list[Told]:
        clock = FakeClock(0, auto_advance=True)
        subjects = [
            Subject(
                name,
                camera(clock, name, row, ends=ends, failure=(failing or {}).get(name)),
                None
                if batches is None
                else wearable(clock, batches, states, ends=wearable_ends),
            )
            for name, (row, batches) in ward.items()
        ]
        chain = Watch(
            subjects, recognizer or ColourRecognizer(), clock, settings, observer
        )
        told: list[Told] = []

        async def listen() -> None:
            async for record in chain.records():
                at_s = ns_to_seconds(clock.now_ns())
                told.append(Told(at_s, record))

        listening = asyncio.create_task(listen())
        if until_s is None:
            await listening
        else:
            await clock.sleep_s(until_s)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        return told

    return asyncio.run(scene())


def answers(
    told: Sequence[Told], name: str = "bed-4"
) -> list[tuple[float, Prediction]]:
    """Return the predictions of a subject, each with the seconds since its end."""
    return [
        (each.at_s - ns_to_seconds(each.record.end_ns), each.record)
        for each in told
        if isinstance(each.record, Prediction) and each.record.subject_id == name
    ]


def falls(told: Sequence[Told]) -> list[tuple[float, ActionEvent]]:
    """Return the events of falls, and when each was reported."""
    return [
        (each.at_s, each.record)
        for each in told
        if isinstance(each.record, ActionEvent) and each.record.name == "fall"
    ]


def step_ns(step: int) -> int:
    """Return the time of a step of the grid."""
    return seconds_to_ns(step * STEP_S)
