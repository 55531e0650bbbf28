"""The protocol between the chain and the models: NumPy arrays, no torch.

``pipelines.in_process`` implements it in the same process. The client of a served
recogniser implements it too, so that both use the same chain, ``pipelines.live.watch``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from models.clip.card import View
from models.prompts.prompt_set import Outcome
from models.window import Modality
from pipelines.records import FALL, Clip


@dataclass(frozen=True, slots=True)
class RecognizerInfo:
    """Facts about a recogniser, fixed for its life.

    Attributes:
        model: Name of the checkpoint.
        prompt_set: Name and hash of the prompt set, such as ``ward@1a2b3c4d``.
        labels: The labels in the order of every score row.
        events: The event that each label belongs to.
        image_size_px: Height and width of the square input picture, in pixels.
        view: What that picture shows of the camera's.
        outcomes: The labels that belong to their event only after another label.
        checkpoint: Identity of everything but the prompts that changes the scores:
            weights, temperature and way of averaging.
        cosine_floors: Lowest best cosine of a clip that fits any label, by modality;
            only modalities with calibrated confidence have one.
        needs_frames: Whether a clip must have frames; a wearable alone is not enough.
        uses_wearable: Whether the scores can use a wearable's samples.
        urgent_events: Events that are reported as soon as the camera shows them.
    """

    model: str
    prompt_set: str
    labels: tuple[str, ...]
    events: Mapping[str, str]
    image_size_px: int
    view: View = "picture"
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    checkpoint: str = ""
    cosine_floors: Mapping[Modality, float] = field(default_factory=dict)
    needs_frames: bool = True
    uses_wearable: bool = True
    urgent_events: frozenset[str] = frozenset({FALL})

    @property
    def event_names(self) -> tuple[str, ...]:
        """Every event that can be reported, in alphabetical order."""
        others = (each.otherwise for each in self.outcomes.values())
        return tuple(sorted({*self.events.values(), *filter(None, others)}))


@dataclass(frozen=True, slots=True, eq=False)
class ClipScores:
    """Scores of a batch of clips; rows of ``probabilities`` sum to one."""

    probabilities: Float32[np.ndarray, "clip label"]
    cosines: Float32[np.ndarray, "clip label"]
    modalities: tuple[Modality, ...]


@runtime_checkable  # annotations are checked at run time under test
class ActionRecognizer(Protocol):
    """An encoder of pictures into features, and a classifier of clips of features."""

    @property
    def info(self) -> RecognizerInfo:
        """Facts about the recogniser, fixed for its life."""
        ...

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        """Encode each picture once; the pictures may be of several subjects."""
        ...

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        """Score clips in the order given; the clips may be of several subjects."""
        ...
