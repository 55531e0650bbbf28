"""How long recognition has owed an answer, seen from one watcher."""

from collections.abc import Awaitable, Sequence
from typing import TypeVar, final

import numpy as np
from jaxtyping import Float32, UInt8

from pipelines.clock import Clock, ns_to_seconds
from pipelines.recognition import ActionRecognizer, ClipScores
from pipelines.records import Clip

Answer = TypeVar("Answer")


@final
class AnswerTimer:
    """An ``ActionRecognizer`` that passes requests on and times the one in progress.

    The chain has one request in progress at a time.

    Args:
        recognizer: What answers.
        clock: Times the requests.
    """

    def __init__(self, recognizer: ActionRecognizer, clock: Clock) -> None:
        self._recognizer, self._clock = recognizer, clock
        self._asked_ns: int | None = None
        self.info = recognizer.info

    @property
    def waiting_s(self) -> float:
        """For how long the request in progress has waited, seconds; 0 without one."""
        if self._asked_ns is None:
            return 0.0
        return ns_to_seconds(self._clock.now_ns() - self._asked_ns)

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        """Encode pictures."""
        return await self._timed(self._recognizer.encode(frames))

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        """Score clips."""
        return await self._timed(self._recognizer.classify(clips))

    async def _timed(self, asked: Awaitable[Answer]) -> Answer:
        self._asked_ns = self._clock.now_ns()
        try:
            return await asked
        finally:
            self._asked_ns = None
