"""Windows in which nothing hit are not recognised, and raise nothing."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from pipelines.clock import seconds_to_ns
from pipelines.lab.studies.wearables.quiet import QuietRecognizer
from pipelines.recognition import ClipScores
from pipelines.records import Clip
from tests.fakes import EvenRecognizer

G = 9.80665


class Counting:
    """Counts the clips that it is asked about."""

    def __init__(self) -> None:
        self._inner = EvenRecognizer()
        self.info = self._inner.info
        self.asked = 0

    async def encode(self, frames: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        self.asked += len(clips)
        return await self._inner.classify(clips)


def window(greatest_g: float) -> Clip:
    samples = np.zeros((100, 6), np.float32)
    samples[:, 2] = G
    samples[50, 2] = greatest_g * G
    return Clip(
        subject_id="waist",
        start_ns=0,
        end_ns=seconds_to_ns(2),
        features=np.zeros((0, 0), np.float32),
        slots=(),
        imu=samples,
        imu_rate_hz=50.0,
        missing_frames=0,
        partial=False,
    )


def test_only_windows_with_an_impact_are_recognised() -> None:
    inner = Counting()
    clips = [window(1.0), window(3.0), window(1.2)]
    scores = asyncio.run(QuietRecognizer(inner).classify(clips))
    assert inner.asked == 1
    even = 1 / len(inner.info.labels)
    assert scores.probabilities[1] == pytest.approx(even)
    falls = [inner.info.events[label] == "fall" for label in inner.info.labels]
    assert any(falls)
    assert not scores.probabilities[[0, 2]][:, falls].any()
    np.testing.assert_allclose(scores.probabilities.sum(axis=1), 1, atol=1e-6)
    assert scores.modalities == ("imu",) * 3
