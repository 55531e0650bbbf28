"""The chain with a wearable that is put down: it says so, and goes by the camera."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import numpy as np
import pytest

from pipelines.clock import NS_PER_S, seconds_to_ns
from pipelines.live.subject import Record, Subject
from pipelines.live.watch import Watch
from pipelines.live.windows.held import HeldWindows
from pipelines.live.windows.wearable_wait import WearableWait
from pipelines.recognition import ActionRecognizer
from pipelines.records import Frame, ImuBatch, Prediction, WornStatus
from pipelines.sources.wearable.buffer import ImuBuffer
from tests.fakes import ColourRecognizer, EvenRecognizer, FakeClock, colour_frames
from tests.pipelines.live.windows.test_held import clip

RATE_HZ, WORN_S, LAST_S = 50, 20, 330


def batches() -> list[ImuBatch]:
    """A batch a second: the device is moved, then lies on a table."""
    rng = np.random.default_rng(3)
    sent = []
    for second in range(LAST_S):
        times_s = second + np.arange(RATE_HZ) / RATE_HZ
        noise = 3.0 if second < WORN_S else 0.01
        accel = rng.normal((0, 0, 9.8), noise, (RATE_HZ, 3)).astype(np.float32)
        times_ns = np.rint(times_s * NS_PER_S).astype(np.int64)
        sent.append(ImuBatch("wrist", times_ns, accel, np.zeros_like(accel)))
    return sent


def watched(*, has_camera: bool) -> list[Record]:
    async def items() -> AsyncGenerator[Frame | ImuBatch, None]:
        frames = iter(colour_frames("bed-4", "w" * 900) if has_camera else ())
        frame = next(frames, None)
        for batch in batches():
            yield batch
            while frame is not None and frame.timestamp_ns < batch.timestamps_ns[-1]:
                yield frame
                frame = next(frames, None)

    async def records() -> list[Record]:
        recognizer: ActionRecognizer = EvenRecognizer()
        subject = Subject("bed-4", None, items())
        if has_camera:
            recognizer, subject = ColourRecognizer(), Subject("bed-4", items())
        chain = Watch([subject], recognizer, FakeClock())
        async with aclosing(chain.records()) as told:
            return [record async for record in told]

    return asyncio.run(records())


def worn_states(records: Sequence[Record]) -> list[tuple[str, int]]:
    return [
        (each.state, each.since_ns // NS_PER_S)
        for each in records
        if isinstance(each, WornStatus)
    ]


@pytest.mark.slow
def test_a_wearable_on_a_table_gives_no_answers_of_its_own() -> None:
    records = watched(has_camera=False)
    assert worn_states(records) == [("worn", 0), ("not worn", WORN_S)]
    ends = [each.end_ns for each in records if isinstance(each, Prediction)]
    assert max(ends) < (WORN_S + 285) * NS_PER_S


@pytest.mark.slow
def test_beside_a_wearable_on_a_table_the_camera_answers_alone() -> None:
    records = watched(has_camera=True)
    assert worn_states(records) == [("worn", 0), ("not worn", WORN_S)]
    late = {
        each.modality
        for each in records
        if isinstance(each, Prediction) and each.end_ns > (WORN_S + 285) * NS_PER_S
    }
    early = {
        each.modality
        for each in records
        if isinstance(each, Prediction) and 5 * NS_PER_S < each.end_ns < 200 * NS_PER_S
    }
    assert (early, late) == ({"fused"}, {"video"})


def test_a_window_does_not_wait_for_a_wearable_that_is_not_worn() -> None:
    imu, wait = ImuBuffer(), WearableWait()
    held = HeldWindows(imu, wait)
    first = batches()[0]
    imu.add(first)
    wait.add_batch(first, seconds_to_ns(1.0))
    held.add([clip(0.5, 3.5)], seconds_to_ns(3.5))
    assert held.pop_due(seconds_to_ns(3.5)) == []
    imu.worn.state = "not worn"
    (due,) = held.pop_due(seconds_to_ns(3.5))
    assert due.clip.imu is None
