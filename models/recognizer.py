"""Recognition: frames to features, windows of features to scores.

    frames ─encode─▶ features ─┐
    samples ───────────────────┴─scorer─▶ cosines ─▶ softmax at a temperature
    prompt set ─text bank, once───┘

``models.scorers`` has the kinds; ``models.build`` makes a recogniser from a checkpoint,
a prompt set and perhaps an adaptation.
"""

from collections.abc import Mapping, Sequence
from typing import final, get_args

import numpy as np
from jaxtyping import Float, Float32, UInt8

from models.calibration import Calibration
from models.clip import ClipEncoder
from models.prompt_set import PromptSet
from models.scorers import ClipScorer, Scorer
from models.text_bank import build_text_bank
from models.window import Modality, Window


@final
class ClipRecognizer:
    """A checkpoint that answers about the labels of a prompt set.

    One thread may encode while another classifies.

    Args:
        clip: Encodes texts, and what the scorer is made of.
        prompt_set: What is told apart.
        text_bank: Its vectors; computed if none.
        scorer: The kind; temporal clip averaging over 8 frames if none.
        adaptation: Hash of what was trained on top of the checkpoint.
        calibrations: What was fitted for all of these, by what a window holds; for any
            other the confidence is the model's own.
    """

    def __init__(
        self,
        clip: ClipEncoder,
        prompt_set: PromptSet,
        *,
        text_bank: Float32[np.ndarray, "label dim"] | None = None,
        scorer: Scorer | None = None,
        adaptation: str = "",
        calibrations: Mapping[Modality, Calibration] | None = None,
    ) -> None:
        self.clip = clip
        self.prompt_set = prompt_set
        if text_bank is None:
            text_bank = build_text_bank(clip, prompt_set)
        self.text_bank: Float32[np.ndarray, "label dim"] = text_bank
        self.scorer: Scorer = scorer or ClipScorer(clip, "clip", 8)
        self._adaptation = adaptation
        self.calibrations = dict(calibrations or {})

    @property
    def name(self) -> str:
        """What a prediction calls the model."""
        plain = isinstance(self.scorer, ClipScorer)
        return self.clip.name if plain else f"{self.clip.name}+{self.scorer.kind}"

    @property
    def weights(self) -> str:
        """Hash of all that was trained, under which calibrations are kept."""
        return weights_hash(self.clip, self._adaptation)

    @property
    def identity(self) -> str:
        """What the scores depend on, beside the prompt set."""
        scales = [f"{self._scale(modality):.6g}" for modality in get_args(Modality)]
        return " ".join([self.weights, self.scorer.kind, *scales])

    def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        """Encode RGB pictures of the model's own size.

        Returns:
            What the kind keeps of each.

        Raises:
            ValueError: If the pictures have another size.
        """
        return self.scorer.encode(frames)

    def classify(
        self, windows: Sequence[Window]
    ) -> tuple[
        Float32[np.ndarray, "clip label"],
        Float32[np.ndarray, "clip label"],
        tuple[Modality, ...],
    ]:
        """Score windows of any length, each for itself.

        Returns:
            Probabilities, whose rows sum to one; the cosines that they come from; and
            what each rests on.

        Raises:
            ValueError: If a window holds nothing that the kind can use.
        """
        cosines, modalities = self.scorer.cosines(windows, self.text_bank)
        cosines = np.clip(cosines, -1, 1)
        scales = np.array([self._scale(told) for told in modalities]).reshape(-1, 1)
        return _softmax(scales * cosines), cosines, modalities

    def _scale(self, modality: Modality) -> float:
        """Return what multiplies the cosines of a window."""
        fitted = self.calibrations.get(modality)
        return self.scorer.scale / (1.0 if fitted is None else fitted.temperature)


def weights_hash(clip: ClipEncoder, adaptation: str) -> str:
    """Name a checkpoint with what was trained on top of it, if anything was."""
    return f"{clip.hash}+{adaptation}" if adaptation else clip.hash


def _softmax(
    logits: Float[np.ndarray, "clip label"],
) -> Float32[np.ndarray, "clip label"]:
    wide = logits.astype(np.float64)
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return shares.astype(np.float32)
