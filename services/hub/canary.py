"""The canary: a clip with a known answer, which tests recognition at intervals.

Every fault on the way (a replica, its weights, the wrong prompts) shows here before
somebody falls. The store keeps the first answer of each checkpoint and prompt set.
Later answers are compared with it, so a restarted hub still notices a change.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast, final

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from models.bundled import CANARY_FILE
from pipelines.clock import Clock
from pipelines.recognition import ActionRecognizer
from pipelines.records import Clip
from services.errors import StoreError
from services.hub.clock import HubClock
from services.hub.metrics.hub import HubMetrics
from services.hub.topics import Topics
from services.store.notes import Notes
from services.store.outbox import Message

_ANSWER_S = 30.0
_TOLERANCE = 0.02
"""Largest change of a probability by other batch sizes or processors."""


@final
class Canary:
    """Tests recognition at intervals, and reports each change.

    ``publish`` keeps a message for delivery, or raises ``StoreError``.

    Attributes:
        trouble: What is wrong with recognition; empty if nothing is.
        has_tested: Whether it was tested at all.
    """

    def __init__(
        self,
        recognizer: ActionRecognizer,
        notes: Notes,
        clock: Clock,
        dates: HubClock,
        metrics: HubMetrics,
        topics: Topics,
        publish: Callable[[Message], Awaitable[object]],
    ) -> None:
        self._recognizer, self._notes = recognizer, notes
        self._clock, self._dates = clock, dates
        self._metrics, self._topics = metrics, topics
        self._publish = publish
        self._published: bool | None = None
        self.trouble = "recognition has not been tested yet"
        self.has_tested = False
        kind = "poses" if recognizer.info.view == "pose" else "pixels"
        with np.load(CANARY_FILE) as file:
            self._pixels = _resized(file[kind], recognizer.info.image_size_px)

    async def run(self, every_s: float) -> None:
        """Test recognition until cancelled.

        ``every_s`` is the time from a result to the next test.
        """
        while True:
            with suppress(StoreError):  # the hub reports it; the next round tries again
                await self._test()
            await self._clock.sleep_s(every_s)

    async def _test(self) -> None:
        self.trouble = await self._find_trouble()
        self.has_tested = True
        is_well = not self.trouble
        self._metrics.canary(is_well, self._clock.now_ns())
        if self._published == is_well:
            return
        state = "cleared" if is_well else "alarmed"
        text = self.trouble or "recognition gives the known answer"
        at_ns = self._dates.utc_ns()
        await self._publish(self._topics.technical("canary", state, text, at_ns))
        self._published = is_well

    async def _find_trouble(self) -> str:
        """Return what is wrong with recognition, or an empty text."""
        try:
            answer = await asyncio.wait_for(self._answer(), _ANSWER_S)
        except TimeoutError:
            return f"recognition has not answered for {_ANSWER_S:g} s"
        except Exception as err:  # noqa: BLE001  any failure is a result of the test
            return f"recognition fails: {type(err).__name__}"
        info = self._recognizer.info
        name = f"canary {info.checkpoint} {info.prompt_set}"
        known = cast("list[float] | None", self._notes.recall(name))
        if known is None:
            self._notes.note(name, answer)
        elif len(answer) != len(known) or not np.allclose(
            answer, known, rtol=0, atol=_TOLERANCE
        ):
            return "recognition does not give the known answer on the canary clip"
        return ""

    async def _answer(self) -> list[float]:
        """Return the probability of each label."""
        features = await self._recognizer.encode(self._pixels)
        clip = Clip(
            subject_id="canary",
            start_ns=0,
            end_ns=0,
            features=features,
            slots=tuple(range(len(features))),
            imu=None,
            imu_rate_hz=None,
            missing_frames=0,
            partial=False,
        )
        scores = await self._recognizer.classify([clip])
        return [round(float(share), 4) for share in scores.probabilities[0]]


def _resized(
    pixels: UInt8[np.ndarray, "time height width 3"], size_px: int
) -> UInt8[np.ndarray, "time size size 3"]:
    shape = (size_px, size_px)
    if pixels.shape[1:3] == shape:
        return pixels
    return np.stack([np.asarray(Image.fromarray(one).resize(shape)) for one in pixels])
