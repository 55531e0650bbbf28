"""Everything that determines a checkpoint on poses; ``pose_clip`` follows it."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float32

from pipelines.lab.poses.pose_lives import STEP_RATE_HZ
from pipelines.lab.simulation.everyday import HOUR_S
from pipelines.lab.simulation.footage import RecordingPlan, Stream
from pipelines.lab.simulation.pair import PairKind, PairPlan


@dataclass(frozen=True, slots=True)
class PoseRecipe:
    """Everything that determines the checkpoint, including the seed.

    Attributes:
        seed: Seed of lives, initial weights and batches.
        lives: Number of simulated lives, each with its own person and room.
        life_s: Length of a life in seconds.
        views: Cameras that look at each life.
        frames: Latest pictures of a window that are drawn in training.
        recency: Weight of a picture relative to the next newer one, in training.
        card_recency: The same for the finished checkpoint. With a smaller one falls
            were decided sooner, with fewer false ones, on training footage.
        vision_width: Width of the picture tower, of ``vision_layers`` blocks with
            ``vision_heads`` attention heads each.
        steps: Optimiser steps.
        windows: Windows in a step.
        late_from: Share of the steps before recordings, rendered people, ordinary hours
            and short names of the labels are learnt as well; at once if the training
            starts from a checkpoint. Few scenes, seen for long, taught the model their
            people instead of their motion.
        filmed_share: Share of the windows that are of recordings, if there are any.
        footage: Hash of the recordings' labels; empty without recordings.
        start: Hash of the checkpoint whose weights the training starts from; empty for
            new weights. Its text tower and scale stay as they are, so an IS-CLIP on it
            that fuses late, and so uses no picture tower, needs no new training.
        start_share: Share of the start's weights in the result; the rest are those of
            the training (Wortsman et al. 2022, "Robust fine-tuning of zero-shot
            models", arXiv:2109.01903).
        others: Whether windows of lives show other paces and proportions than the lives
            have, because real people do.
        rendered: Number of further lives that are rendered, and in whose pictures the
            finder looks.
        rendered_share: Share of the windows that are of them.
        pairs: Number of half minutes with two people in view that are rendered as well.
            In three of four, one of the two falls; in the others, a carer kneels or
            bends.
        pairs_share: Share of the windows that are of them.
        hours: Simulated hours of ordinary days, without a fall.
        hard_share: Share of the windows that are of these hours. Of many drawn, those
            that look most like a fall are used, because a day has few of them.
        short_share: Share of the texts that are a short name of the label instead of a
            sentence: the label itself, an alias, or a text without a template.
        peak_rate: Highest learning rate of Muon, for the matrices of both towers'
            layers, after ``warmup_steps``; it then falls linearly.
        other_rate: Highest learning rate of AdamW, for all other parameters.
        warmup_steps: Steps in which the learning rate rises linearly.
        weight_decay: Weight decay of both optimisers; none for biases, norms and scale.
        average_decay: Decay of the moving average of the weights, which is the result.
    """

    seed: int = 1
    lives: int = 2400
    life_s: float = 60.0
    views: int = 3
    frames: int = 4
    recency: float = 0.7
    card_recency: float = 0.5
    vision_width: int = 128
    vision_layers: int = 4
    vision_heads: int = 4
    steps: int = 8000
    windows: int = 64
    late_from: float = 0.75
    filmed_share: float = 0.06
    footage: str = ""
    start: str = ""
    start_share: float = 0.5
    others: bool = False
    rendered: int = 120
    rendered_share: float = 0.2
    pairs: int = 200
    pairs_share: float = 0.15
    hours: int = 200
    hard_share: float = 0.2
    short_share: float = 0.25
    peak_rate: float = 4e-3
    other_rate: float = 1.5e-3
    warmup_steps: int = 200
    weight_decay: float = 0.02
    average_decay: float = 0.998

    def plans(self) -> list[RecordingPlan]:
        """Return the lives for training, which no seed of footage can produce."""
        rate_hz = Fraction(STEP_RATE_HZ)
        return [
            RecordingPlan(Stream.TRAINING, self.seed, i, self.life_s, rate_hz)
            for i in range(self.lives)
        ]

    def hour_plans(self) -> list[RecordingPlan]:
        """Return the ordinary hours, none of which a seed of footage can produce."""
        rate_hz = Fraction(STEP_RATE_HZ)
        return [
            RecordingPlan(Stream.TRAINING, self.seed, self.lives + i, HOUR_S, rate_hz)
            for i in range(self.hours)
        ]

    def rendered_plans(self) -> list[RecordingPlan]:
        """Return the lives to render, which no seed of footage can produce."""
        rate_hz, first = Fraction(STEP_RATE_HZ), self.lives + self.hours
        return [
            RecordingPlan(Stream.TRAINING, self.seed, first + i, self.life_s, rate_hz)
            for i in range(self.rendered)
        ]

    def pair_plans(self) -> list[PairPlan]:
        """Return the pairs to render, which no seed of a study can produce."""
        kinds: Iterator[PairKind] = itertools.cycle(("fall", "fall", "fall", "carer"))
        return [
            PairPlan(kind, self.seed, number, Stream.TRAINING)
            for number, kind in zip(range(self.pairs), kinds, strict=False)
        ]

    def is_late(self, step: int) -> bool:
        """Return whether a step learns from what comes late as well."""
        return bool(self.start) or step >= self.late_from * self.steps

    @property
    def weights(self) -> Float32[np.ndarray, " frame"]:
        """Weight of each drawn picture, the newest first; they sum to 1."""
        powers = self.recency ** np.arange(self.frames, dtype=np.float32)
        weights: Float32[np.ndarray, " frame"] = powers / powers.sum()
        return weights


FURTHER = PoseRecipe(steps=6000, others=True, peak_rate=3e-3, other_rate=1.1e-3)
"""To train a checkpoint further, at lower rates than a new one.

The trained weights alone recognised filmed people better than the start, but decided
later and found fewer falls; their mean with the start's found as many with fewer false
ones. Other paces and proportions were measured here alone, so a new checkpoint has
none.
"""
