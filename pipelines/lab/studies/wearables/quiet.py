"""A recogniser that is asked only about windows in which something hit.

A wearable alone starts no fall from any other window (``pipelines.live.impact``), and
nearly all of an ordinary day are others. So a long day can be watched in minutes.
"""

from collections.abc import Sequence
from typing import final

import numpy as np
from jaxtyping import Float32, UInt8

from models.window import Modality
from pipelines.live.impact import has_impact
from pipelines.recognition import ActionRecognizer, ClipScores, RecognizerInfo
from pipelines.records import Clip


@final
class QuietRecognizer:
    """Answers quiet windows itself: any label that belongs to no urgent event."""

    def __init__(self, recognizer: ActionRecognizer) -> None:
        self._recognizer = recognizer
        info = recognizer.info
        self._calm = np.array(
            [info.events[label] not in info.urgent_events for label in info.labels],
            np.float32,
        )
        self._calm /= max(1.0, float(self._calm.sum()))

    @property
    def info(self) -> RecognizerInfo:
        """Facts of the recogniser that it asks."""
        return self._recognizer.info

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        """Encode pictures as the recogniser that it asks."""
        return await self._recognizer.encode(frames)

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        """Score clips; only those with an impact are recognised."""
        loud = [
            place
            for place, clip in enumerate(clips)
            if clip.imu is None or has_impact(clip.imu)
        ]
        probabilities = np.tile(self._calm, (len(clips), 1))
        cosines = np.zeros_like(probabilities)
        if loud:
            scores = await self._recognizer.classify([clips[place] for place in loud])
            probabilities[loud], cosines[loud] = scores.probabilities, scores.cosines
        modalities: list[Modality] = ["imu"] * len(clips)
        return ClipScores(probabilities, cosines, tuple(modalities))
