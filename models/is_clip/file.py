"""Read and write adaptations of kind ``is-clip``.

A file holds the trained weights, the settings, the number and spacing of a window's
frames, and the scale of the spectrograms. With late fusion only the wearable's weights
are trained.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from torch import nn

from models.adaptation import Adaptation, write_adaptation
from models.clip.encoder import ClipEncoder
from models.is_clip.model import IsClip, IsClipSettings
from models.is_clip.spectrogram import SpectrogramScale


@final
@dataclass(frozen=True, slots=True, eq=False)
class TrainedIsClip:
    """An IS-CLIP with the settings needed to use it.

    Attributes:
        model: The model.
        scale: Scale of the spectrograms that it was trained on.
        step_s: Time from one position of the window to the next.
        late_weight: Weight of the wearable's cosines relative to the camera's in a
            window that has both; above 0. None fuses as in the paper.

    Raises:
        ValueError: If the weight is out of its range.
    """

    model: IsClip
    scale: SpectrogramScale
    step_s: float
    late_weight: float | None = None

    def __post_init__(self) -> None:
        if self.late_weight is not None and not 0 < self.late_weight < math.inf:
            msg = f"late_weight {self.late_weight}, expected above 0 and finite"
            raise ValueError(msg)

    def kept(self) -> dict[str, nn.Parameter]:
        """Return the parameters that a file holds, by name."""
        trained = self.model.trained()
        if self.late_weight is None:
            return trained
        prefixes = ("imu_encoder.", "joint.")
        return {
            name: value for name, value in trained.items() if name.startswith(prefixes)
        }


def save_is_clip(path: Path, trained: TrainedIsClip, clip: ClipEncoder) -> None:
    """Write an IS-CLIP to an adaptation file.

    Raises:
        CheckpointError: If the file cannot be written.
        ValueError: If the model was made from another checkpoint.
    """
    model = trained.model
    if model.clip is not clip.model:
        msg = f"the model was not made from {clip.name}"
        raise ValueError(msg)
    facts = {
        "settings": asdict(model.settings),
        "frames": model.frames,
        "step_s": trained.step_s,
        "scale": asdict(trained.scale),
        "late_weight": trained.late_weight,
    }
    write_adaptation(path, "is-clip", clip, facts, trained.kept())


def is_clip_of(kept: Adaptation, clip: ClipEncoder) -> TrainedIsClip:
    """Build an IS-CLIP from an adaptation.

    The checkpoint is frozen by this.

    Raises:
        CheckpointError: If the file is damaged.
    """
    facts: Mapping[str, Any] = kept.facts
    try:
        settings = IsClipSettings(**facts["settings"])
        model = IsClip(clip.model, settings, frames=facts["frames"])
        scale = SpectrogramScale(**facts["scale"])
        step_s = float(facts["step_s"])
        trained = TrainedIsClip(model, scale, step_s, facts.get("late_weight"))
    except (KeyError, TypeError, ValueError) as err:
        raise kept.damaged(err) from err
    kept.fill(trained.kept())
    return trained
