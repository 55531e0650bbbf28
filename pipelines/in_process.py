"""The recogniser in this process: ``ActionRecognizer`` over ``models``.

Pictures are encoded in one worker thread and clips classified in another: the event
loop is never blocked, and what takes a millisecond does not wait for what takes a
hundred. Requests of one kind are answered in the order they came.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar, final

import numpy as np
from jaxtyping import Float32, UInt8

from models.recognizer import ClipRecognizer
from models.window import Window
from pipelines.recognition import ClipScores, RecognizerInfo
from pipelines.records import FALL, Clip

Answer = TypeVar("Answer")


@final
class InProcessRecognizer:
    """Runs a recogniser of ``models`` for the chain.

    Used in a ``with`` block, or closed with ``close``: the threads end there.

    Args:
        recognizer: Not used by anyone else meanwhile.
    """

    def __init__(self, recognizer: ClipRecognizer) -> None:
        self._recognizer = recognizer
        self._encoding = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._classifying = ThreadPoolExecutor(1, thread_name_prefix="classify")
        prompt_set = recognizer.prompt_set
        self._info = RecognizerInfo(
            model=recognizer.name,
            prompt_set=prompt_set.id,
            labels=prompt_set.labels,
            events=prompt_set.events,
            image_size_px=recognizer.clip.image_size_px,
            checkpoint=recognizer.identity,
            cosine_floors={
                modality: fitted.cosine_floor
                for modality, fitted in recognizer.calibrations.items()
            },
            needs_frames=recognizer.scorer.needs_frames,
            uses_wearable=recognizer.scorer.uses_samples,
            urgent_events=frozenset(
                {FALL, *(e for e, p in prompt_set.priorities.items() if p == "high")}
            ),
        )

    def __enter__(self) -> "InProcessRecognizer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads after what they are at; nothing is answered any more."""
        for worker in (self._encoding, self._classifying):
            worker.shutdown(cancel_futures=True)

    @property
    def info(self) -> RecognizerInfo:
        """What it answers about."""
        return self._info

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        """Encode pictures, of any number of subjects, once each.

        Raises:
            ValueError: If the pictures are not of ``info.image_size_px``.
        """
        return await _run(self._encoding, lambda: self._recognizer.encode(frames))

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        """Score clips, of any number of subjects, in the order given.

        Raises:
            ValueError: If a clip holds nothing that the kind of recognition can use.
        """
        windows = [
            Window(clip.features, clip.slots, clip.imu, clip.imu_rate_hz)
            for clip in clips
        ]
        return ClipScores(
            *await _run(self._classifying, lambda: self._recognizer.classify(windows))
        )


async def _run(worker: ThreadPoolExecutor, work: Callable[[], Answer]) -> Answer:
    return await asyncio.get_running_loop().run_in_executor(worker, work)
