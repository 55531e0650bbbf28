"""The canary: a clip with a known answer, for tests of recognition.

Whatever breaks on the way (a replica, its weights, the wrong prompts) shows here before
somebody falls.
"""

from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from models.bundled import CANARY_FILE
from pipelines.recognition import ActionRecognizer
from pipelines.records import Clip

_TOLERANCE = 0.02
"""Largest change of a probability that other batch sizes or processors make."""


@final
class Canary:
    """Shows the clip.

    Args:
        recognizer: What is tested.
        path: Pictures as ``pixels`` uint8 [time, height, width, 3].
    """

    def __init__(self, recognizer: ActionRecognizer, path: Path = CANARY_FILE) -> None:
        self._recognizer = recognizer
        with np.load(path) as kept:
            self._pixels = _resized(kept["pixels"], recognizer.info.image_size_px)

    @property
    def name(self) -> str:
        """What an answer belongs to: a checkpoint and a prompt set."""
        info = self._recognizer.info
        return f"canary {info.checkpoint} {info.prompt_set}"

    async def answer(self) -> list[float]:
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
            reused_frames=0,
            missing_frames=0,
            partial=False,
        )
        scores = await self._recognizer.classify([clip])
        return [round(float(each), 4) for each in scores.probabilities[0]]

    @staticmethod
    def is_same(answer: list[float], known: list[float]) -> bool:
        """Tell whether an answer is the known one, but for rounding."""
        return len(answer) == len(known) and bool(
            np.allclose(answer, known, rtol=0, atol=_TOLERANCE)
        )


def _resized(
    pixels: UInt8[np.ndarray, "time height width 3"], size_px: int
) -> UInt8[np.ndarray, "time size size 3"]:
    if pixels.shape[1:3] == (size_px, size_px):
        return pixels
    shape = (size_px, size_px)
    return np.stack([np.asarray(Image.fromarray(it).resize(shape)) for it in pixels])
