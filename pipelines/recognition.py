"""The protocol between the chain and the models: NumPy in and out, no torch.

The in-process form is ``pipelines.in_process``; a served form satisfies the same
protocol, so that ``pipelines.live.watch`` is the one chain for both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

from models.window import Modality
from pipelines.records import FALL, Clip


@dataclass(frozen=True, slots=True)
class RecognizerInfo:
    """What a recogniser answers about, fixed for its life.

    Attributes:
        model: Name of the checkpoint.
        prompt_set: Name and hash of the prompt set, as ``ward@1a2b3c4d``.
        labels: The labels in the order of every score row.
        events: The event that each label belongs to.
        image_size_px: Height and width of the square picture that it encodes.
        checkpoint: What its scores depend on beside the prompts: other weights,
            another temperature or way of averaging have another.
        cosine_floors: Of each modality whose confidence was fitted to how often it is
            right: nothing fits a clip whose best cosine is below it.
        needs_frames: Whether a wearable alone is not enough.
        uses_wearable: Whether its answers can rest on a wearable's samples.
        urgent_events: Events that are reported as soon as the camera shows them.
    """

    model: str
    prompt_set: str
    labels: tuple[str, ...]
    events: Mapping[str, str]
    image_size_px: int
    checkpoint: str = ""
    cosine_floors: Mapping[Modality, float] = field(default_factory=dict)
    needs_frames: bool = True
    uses_wearable: bool = True
    urgent_events: frozenset[str] = frozenset({FALL})


@dataclass(frozen=True, slots=True, eq=False)
class ClipScores:
    """Scores of a batch of clips; rows of ``probabilities`` sum to one."""

    probabilities: Float32[np.ndarray, "clip label"]
    cosines: Float32[np.ndarray, "clip label"]
    modalities: tuple[Modality, ...]


@runtime_checkable  # annotations are checked at run time under test
class ActionRecognizer(Protocol):
    """What turns pictures into features and clips of features into scores."""

    @property
    def info(self) -> RecognizerInfo:
        """What it answers about."""
        ...

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        """Encode pictures, of any number of subjects, once each."""
        ...

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        """Score clips, of any number of subjects, in the order given."""
        ...
