"""Recognition: encode frames as features, and score windows of features.

    frames ─encode─▶ features ─┐
    samples ───────────────────┴─scorer─▶ cosines ─▶ softmax at a temperature
    prompt set ─text bank, once───┘

``models.scorers`` has the kinds of scorers. ``models.build`` makes a recogniser from a
checkpoint, a prompt set and an optional adaptation.
"""

from collections.abc import Mapping, Sequence
from typing import final, get_args

import numpy as np
from jaxtyping import Float32, UInt8
from scipy.special import softmax

from models.calibration import Calibration
from models.clip.encoder import ClipEncoder
from models.clip.text_bank import build_text_bank
from models.prompts.prompt_set import PromptSet
from models.scorers import ClipScorer, Scorer
from models.window import Modality, Window


@final
class ClipRecognizer:
    """Recognises the labels of a prompt set with a checkpoint.

    One thread may encode while another classifies.

    The default scorer is temporal clip averaging over 8 frames. A modality without a
    calibration has the model's own confidence.
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
        """Name of the model in predictions."""
        plain = isinstance(self.scorer, ClipScorer)
        return self.clip.name if plain else f"{self.clip.name}+{self.scorer.kind}"

    @property
    def weights(self) -> str:
        """Hash of all trained weights and the view, the key of calibrations."""
        return weights_hash(self.clip, self._adaptation)

    @property
    def identity(self) -> str:
        """Everything but the prompt set that the scores depend on."""
        scales = [f"{self._scale(modality):.6g}" for modality in get_args(Modality)]
        return " ".join([self.weights, self.scorer.kind, *scales])

    def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        """Encode RGB pictures of the model's own size.

        Returns:
            The scorer's feature of each picture.

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
        """Score windows of any length, independently of each other.

        Returns:
            Probabilities, whose rows sum to one; the cosines that they come from; and
            the modality of each answer.

        Raises:
            ValueError: If a window holds nothing that the scorer can use.
        """
        cosines, modalities = self.scorer.cosines(windows, self.text_bank)
        cosines = np.clip(cosines, -1, 1)
        scales = np.array([self._scale(modality) for modality in modalities])
        # float64, so that the rows sum to one within float32's rounding
        logits = (scales.reshape(-1, 1) * cosines).astype(np.float64)
        probabilities = softmax(logits, axis=-1).astype(np.float32)
        return probabilities, cosines, modalities

    def _scale(self, modality: Modality) -> float:
        """Return the factor of a window's cosines."""
        fitted = self.calibrations.get(modality)
        return self.scorer.scale / (1.0 if fitted is None else fitted.temperature)


def weights_hash(clip: ClipEncoder, adaptation: str) -> str:
    """Return a checkpoint's hash, joined with an adaptation's if there is one.

    The same weights can be used with the views ``picture`` and ``person``, with other
    scores; so the latter is named too, as is a backend that changes the scores.
    """
    digits = f"{clip.hash}+{adaptation}" if adaptation else clip.hash
    variant = f"/{clip.tower.variant}" if clip.tower.variant else ""
    view = "@person" if clip.card.view == "person" else ""
    return f"{digits}{variant}{view}"
