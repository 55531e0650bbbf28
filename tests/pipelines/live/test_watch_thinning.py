"""The chain leaves pictures out while its turns last longer than the grid's step."""

import asyncio
from typing import final

import numpy as np
from jaxtyping import Float32, UInt8

from pipelines.live.observer import Tally
from pipelines.live.subject import Subject
from pipelines.live.thinning import Thinning
from pipelines.live.watch import Watch
from pipelines.live.windows.assembler import WindowSettings
from pipelines.records import Clip, Prediction
from tests.fakes import ColourRecognizer, FakeClock, colour_frames, play

STEP_NS = WindowSettings().step_ns
FRAMES, TURN_S = 40, 0.5


@final
class SlowRecognizer:
    """Needs half a second for each request to encode."""

    info = ColourRecognizer().info

    def __init__(self, clock: FakeClock) -> None:
        self._clock, self._fast = clock, ColourRecognizer()

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch 3"]:
        self._clock.advance_s(TURN_S)
        return await self._fast.encode(frames)

    async def classify(self, clips: list[Clip]) -> object:
        return await self._fast.classify(clips)


def watch(
    thinning: Thinning | None, waiting: int
) -> tuple[list[Prediction], Tally, int]:
    """Watch two subjects whose cameras have pictures waiting until they are thinned.

    Returns:
        The predictions, what was counted, and the windows that drift learnt from.
    """
    clock, tally = FakeClock(), Tally()
    subjects = [
        Subject(
            name,
            play(colour_frames(name, "w" * FRAMES)),
            waiting=lambda: waiting if thinning and thinning.every == 1 else 0,
        )
        for name in ("bed-4", "bed-5")
    ]
    chain = Watch(
        subjects,
        SlowRecognizer(clock),  # type: ignore[arg-type]
        clock,
        observer=tally,
        thinning=thinning,
    )

    async def scene() -> list[Prediction]:
        records = [record async for record in chain.records()]
        return [record for record in records if isinstance(record, Prediction)]

    predictions = asyncio.run(scene())
    learnt = sum(each.snapshot()["clips"] for each in chain.drift.values())
    return predictions, tally, learnt


def test_an_overloaded_chain_leaves_pictures_of_all_cameras_out_and_counts_them() -> (
    None
):
    thinning = Thinning(STEP_NS, 2)
    predictions, tally, _ = watch(thinning, waiting=1)
    assert thinning.every == 1  # nothing was late
    assert (len(predictions), tally.frames_thinned) == (2 * FRAMES, 0)

    _, tally, _ = watch(None, waiting=2)
    assert tally.frames_thinned == 0

    thinning = Thinning(STEP_NS, 2)
    predictions, tally, _ = watch(thinning, waiting=2)
    assert thinning.every == 2
    assert tally.frames_encoded + tally.frames_reused == 2 * FRAMES - 36
    assert tally.frames_thinned == 36
    for name in ("bed-4", "bed-5"):
        ends = [each.end_ns for each in predictions if each.subject_id == name]
        assert len(ends) == len(set(ends))  # no window repeats the one before
        assert abs(len(ends) - (FRAMES - 18)) <= 1
    assert max(each.missing_frames for each in predictions) == 4


def test_drift_learns_nothing_from_windows_of_few_pictures() -> None:
    predictions, _, learnt = watch(Thinning(STEP_NS, 2), waiting=1)
    assert learnt == sum(not each.partial for each in predictions) > 0
    predictions, _, learnt = watch(Thinning(STEP_NS, 2), waiting=2)
    assert len(predictions) > 0
    assert learnt == 0  # they were thinned before the first whole window
