"""The input of every study of models: clips, a checkpoint, and its features.

clips ─▶ picture tower, each frame once ─▶ features ─┐
prompt set ─▶ text bank ─────────────────────────────┴─▶ compared by a study
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float32, Int64

from models.clip.averaging import average_clip
from models.recognizer import ClipRecognizer
from pipelines.lab.studies.clip_set import ClipSet
from pipelines.lab.training.features import encode_clips
from pipelines.progress import Progress


@dataclass(frozen=True, slots=True)
class StudySize:
    """The size of a study.

    ``effort`` is the share of the usual training steps; each seed is one run.
    """

    clips: int = 1000
    seeds: tuple[int, ...] = (1, 2, 3)
    effort: float = 1.0


QUICK = StudySize(clips=120, seeds=(1,), effort=0.2)


@final
class Laboratory:
    """A checkpoint, its prompts, and labelled clips.

    ``basis`` is a sentence that describes clips and checkpoint. ``learnt`` holds the
    labels of the checkpoint's own training; None if unknown.
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
        """Factor of a cosine before the softmax."""
        return self.recognizer.clip.logit_scale

    def how_novel(self, labels: Sequence[int]) -> str:
        """Return a sentence on whether labels are novel to the checkpoint as well."""
        if self._learnt is None:
            return (
                "Novel labels are novel to the adaptation. The labels of the"
                " checkpoint's own training are not known."
            )
        seen = [
            self.names[label] for label in labels if self.names[label] in self._learnt
        ]
        if not seen:
            return (
                "Novel labels are novel to the checkpoint as well: its own training had"
                " none of them, in pictures or in words."
            )
        return (
            "Novel labels are novel to the adaptation only: the checkpoint's own"
            f" training included pictures and texts of {', '.join(seen)}."
        )

    @cached_property
    def features(self) -> Float32[np.ndarray, "clip frame dim"]:
        """Every frame's feature, of unit norm."""
        return self.encode(self.clips)

    @cached_property
    def vectors(self) -> Float32[np.ndarray, "clip dim"]:
        """Every clip's average feature, of unit norm."""
        return np.stack([average_clip(clip) for clip in self.features])

    def encode(self, clips: ClipSet) -> Float32[np.ndarray, "clip frame dim"]:
        """Encode every frame of some clips."""
        return encode_clips(self.recognizer, clips.frames, self.on_progress)


def accuracy(
    predicted: Int64[np.ndarray, " clip"], labels: Int64[np.ndarray, " clip"]
) -> float:
    """Return the share of right predictions."""
    return float((predicted == labels).mean()) if len(labels) else float("nan")
