"""Zero-shot recognition: frames to features, clips of features to scores.

    frames ─encode─▶ features ─average or middle─▶ clip vector ─┐
                                                                ├─▶ cosines ─▶ softmax
    prompt set ────────────text bank, once──────────────────────┘

``models.build`` makes one from a checkpoint and a prompt set.
"""

from collections.abc import Sequence
from typing import Literal, final

import numpy as np
from jaxtyping import Float32, UInt8

from models.calibration import Calibration
from models.clip import ClipEncoder
from models.prompt_set import PromptSet
from models.temporal import average_clip, middle_frame
from models.text_bank import build_text_bank

Temporal = Literal["clip", "single"]
"""The average of a window's frames, or its middle frame alone."""


@final
class ClipRecognizer:
    """CLIP with temporal clip averaging.

    One thread may encode while another classifies.

    Args:
        clip: Encodes pictures and texts.
        prompt_set: What is told apart.
        temporal: How a window becomes one vector.
        frames: Places in a whole window, of which ``single`` takes the middle.
        calibration: What was fitted for this checkpoint and prompt set; without it the
            confidence is CLIP's own.

    Raises:
        ValueError: If ``frames`` is not positive.
    """

    def __init__(
        self,
        clip: ClipEncoder,
        prompt_set: PromptSet,
        *,
        temporal: Temporal = "clip",
        frames: int = 8,
        calibration: Calibration | None = None,
    ) -> None:
        if frames < 1:
            msg = f"a window of {frames} frames, expected one at least"
            raise ValueError(msg)
        self.clip = clip
        self.prompt_set = prompt_set
        self.text_bank = build_text_bank(clip, prompt_set)
        self._temporal: Temporal = temporal
        self._frames = frames
        self.calibration = calibration
        temperature = 1.0 if calibration is None else calibration.temperature
        self._scale = clip.logit_scale / temperature

    @property
    def identity(self) -> str:
        """What the scores depend on, beside the prompt set."""
        return f"{self.clip.hash} {self._temporal} {self._scale:.6g}"

    def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch dim"]:
        """Encode RGB pictures of the model's own size.

        Returns:
            Rows of unit norm.

        Raises:
            ValueError: If the pictures have another size.
        """
        return self.clip.encode_frames(frames)

    def classify(
        self,
        clips: Sequence[Float32[np.ndarray, "_time dim"]],
        slots: Sequence[Sequence[int]],
    ) -> tuple[Float32[np.ndarray, "clip label"], Float32[np.ndarray, "clip label"]]:
        """Score clips of any length, each for itself.

        Args:
            clips: The features of each clip's frames, one frame at least, of any norm.
            slots: The place of each of these frames in its window.

        Returns:
            Probabilities, whose rows sum to one, and the cosines that they come from.

        Raises:
            ValueError: If a clip holds no frame, or clips and slots do not match.
        """
        vectors = np.zeros((len(clips), self.clip.dim), np.float32)
        for row, features, places in zip(vectors, clips, slots, strict=True):
            if len(features) != len(places):
                msg = f"{len(features)} frames in {len(places)} slots"
                raise ValueError(msg)
            row[:] = self._vector(features, places)
        cosines = np.clip(vectors @ self.text_bank.T, -1, 1)
        return _softmax(self._scale * cosines), cosines

    def _vector(
        self, features: Float32[np.ndarray, "time dim"], slots: Sequence[int]
    ) -> Float32[np.ndarray, " dim"]:
        if self._temporal == "single":
            middle = middle_frame(slots, self._frames)
            features = features[middle : middle + 1]
        return average_clip(features)


def _softmax(
    logits: Float32[np.ndarray, "clip label"],
) -> Float32[np.ndarray, "clip label"]:
    wide = logits.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return shares.astype(np.float32)
