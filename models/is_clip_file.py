"""What an adaptation of the kind ``is-clip`` keeps.

The student and the samples' part; settings, the windows that it was trained on, and the
scale of their spectrograms.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from models.adaptation import Adaptation, write_adaptation
from models.clip import ClipEncoder
from models.is_clip import IsClip, IsClipSettings
from models.spectrogram import SpectrogramScale


@final
@dataclass(frozen=True, slots=True, eq=False)
class TrainedIsClip:
    """An IS-CLIP, and what its use takes.

    Attributes:
        model: In evaluation mode.
        scale: Of the spectrograms that it was trained on, with their rate.
        step_s: From one place of the window to the next, in seconds: SGAM's weights
            belong to places.
    """

    model: IsClip
    scale: SpectrogramScale
    step_s: float


def save_is_clip(path: Path, trained: TrainedIsClip, clip: ClipEncoder) -> None:
    """Write what was trained.

    Args:
        path: Overwritten.
        trained: Left as it is.
        clip: The checkpoint that it was made from.

    Raises:
        CheckpointError: If it cannot be written.
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
    }
    write_adaptation(path, "is-clip", clip, facts, model.trained())


def is_clip_of(kept: Adaptation, clip: ClipEncoder) -> TrainedIsClip:
    """Make an IS-CLIP of what a file holds.

    Args:
        kept: Of this kind.
        clip: The checkpoint that it was read for; frozen by this.

    Raises:
        CheckpointError: If it is damaged.
    """
    facts: Mapping[str, Any] = kept.facts
    try:
        settings = IsClipSettings(**facts["settings"])
        model = IsClip(clip.model, settings, frames=facts["frames"])
        scale = SpectrogramScale(**facts["scale"])
        step_s = float(facts["step_s"])
    except (KeyError, TypeError, ValueError) as err:
        raise kept.damaged(err) from err
    kept.fill(model.trained())
    return TrainedIsClip(model, scale, step_s)
