"""An ``ActionRecognizer`` that runs the models in this process.

Pictures are encoded in one worker thread and clips are classified in another. So the
event loop is never blocked, and classification (about 1 ms) does not wait for encoding
(about 100 ms). Requests of one kind are answered in the order of arrival.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
    """Adapter from a ``ClipRecognizer`` to the chain's ``ActionRecognizer``.

    Use it in a ``with`` block, or call ``close``, to end its threads.

    Nothing else may use the models at the same time.
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
            view=recognizer.clip.card.view,
            outcomes=dict(prompt_set.outcomes),
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

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the threads after their current request; cancel the waiting requests."""
        for worker in (self._encoding, self._classifying):
            worker.shutdown(cancel_futures=True)

    @property
    def info(self) -> RecognizerInfo:
        """Facts about the recogniser, fixed for its life."""
        return self._info

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        """Encode each picture once; the pictures may be of several subjects.

        Raises:
            ValueError: If the pictures are not of the size ``info.image_size_px``.
        """
        return await _run(self._encoding, lambda: self._recognizer.encode(frames))

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        """Score clips in the order given; the clips may be of several subjects.

        Raises:
            ValueError: If a clip has no data that the recogniser can use.
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
