"""Time since a watcher has waited for an answer of recognition."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar, final

import numpy as np
from jaxtyping import Float32, UInt8

from pipelines.recognition import ActionRecognizer, ClipScores
from pipelines.records import Clip

Answer = TypeVar("Answer")


@final
class AnswerTimer:
    """An ``ActionRecognizer`` that passes requests on and times the one in progress.

    The chain has one request in progress at a time.
    """

    def __init__(self, recognizer: ActionRecognizer) -> None:
        self._recognizer = recognizer
        self._asked_s: float | None = None
        self.info = recognizer.info

    @property
    def waiting_s(self) -> float:
        """Seconds since the request in progress was sent; 0 without a request."""
        return 0.0 if self._asked_s is None else _now_s() - self._asked_s

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        """Encode pictures."""
        return await self._timed(self._recognizer.encode(frames))

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        """Score clips."""
        return await self._timed(self._recognizer.classify(clips))

    async def _timed(self, asked: Awaitable[Answer]) -> Answer:
        self._asked_s = _now_s()
        try:
            return await asked
        finally:
            self._asked_s = None


def _now_s() -> float:
    """Return the time of the event loop, which no correction of the clock moves."""
    return asyncio.get_running_loop().time()
