"""What every study of models starts from: clips, a checkpoint, and its features.

clips ─▶ picture tower, each frame once ─▶ features ─┐
prompt set ─▶ text bank ─────────────────────────────┴─▶ what a study compares
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float32, Int64

from models.recognizer import ClipRecognizer
from models.temporal import average_clip
from pipelines.progress import Progress
from pipelines.studies.clip_set import ClipSet

_BATCH_CLIPS = 16


@dataclass(frozen=True, slots=True)
class StudySize:
    """How much a study does.

    Attributes:
        clips: About how many clips it runs on.
        seeds: One run for each.
        effort: Share of the training steps that the recipes ask for.
    """

    clips: int = 1000
    seeds: tuple[int, ...] = (1, 2, 3)
    effort: float = 1.0


QUICK = StudySize(clips=120, seeds=(1,), effort=0.2)


@final
class Laboratory:
    """A checkpoint, its prompts, and labelled clips.

    Args:
        recognizer: What is studied.
        clips: Whose labels are the prompt set's.
        basis: What they are, in a sentence.
        on_progress: Told of what takes long.
        learnt: The labels that the checkpoint's own training has shown it; None if
            nobody knows.
    """

    def __init__(
        self,
        recognizer: ClipRecognizer,
        clips: ClipSet,
        basis: str,
        on_progress: Progress,
        *,
        learnt: Collection[str] | None = None,
    ) -> None:
        self._learnt = learnt
        self.recognizer = recognizer
        self.clips = clips
        self.basis = basis
        self.on_progress = on_progress

    @property
    def names(self) -> tuple[str, ...]:
        """The labels."""
        return self.recognizer.prompt_set.labels

    @property
    def text_bank(self) -> Float32[np.ndarray, "label dim"]:
        """The labels' text vectors, of unit norm."""
        return self.recognizer.text_bank

    @property
    def scale(self) -> float:
        """What multiplies a cosine before the softmax."""
        return self.recognizer.clip.logit_scale

    def how_novel(self, labels: Sequence[int]) -> str:
        """Say whether labels are novel to the checkpoint, too."""
        if self._learnt is None:
            return (
                "Novel labels are novel to the adaptation; what the checkpoint's own"
                " training has shown it is not known."
            )
        seen = [self.names[it] for it in labels if self.names[it] in self._learnt]
        if not seen:
            return (
                "Novel labels are novel to the checkpoint, too: its own training had"
                " none of them, in pictures or in words."
            )
        return (
            "Novel labels are novel to the adaptation only: the checkpoint's own"
            f" training, of its texts as of its pictures, has seen {', '.join(seen)}."
        )

    @cached_property
    def features(self) -> Float32[np.ndarray, "clip frame dim"]:
        """Every frame's feature, of unit norm."""
        return self.encode(self.clips, "encoding")

    @cached_property
    def vectors(self) -> Float32[np.ndarray, "clip dim"]:
        """Every clip's average feature, of unit norm."""
        return np.stack([average_clip(clip) for clip in self.features])

    def encode(
        self, clips: ClipSet, stage: str
    ) -> Float32[np.ndarray, "clip frame dim"]:
        """Encode every frame of some clips."""
        parts = []
        for start in range(0, len(clips), _BATCH_CLIPS):
            frames = clips.frames[start : start + _BATCH_CLIPS]
            flat = self.recognizer.encode(frames.reshape(-1, *frames.shape[2:]))
            parts.append(flat.reshape(*frames.shape[:2], -1))
            done = min(start + _BATCH_CLIPS, len(clips))
            self.on_progress(stage, done, len(clips), "clips")
        return np.concatenate(parts)


def accuracy(
    predicted: Int64[np.ndarray, " clip"], labels: Int64[np.ndarray, " clip"]
) -> float:
    """Return the share of clips that were taken for what they are."""
    return float((predicted == labels).mean()) if len(labels) else float("nan")
