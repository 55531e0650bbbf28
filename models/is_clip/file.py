"""Read and write adaptations of kind ``is-clip``.

A file holds the student's and the wearable's weights, the settings, the number and
spacing of a window's frames, and the scale of the spectrograms.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

from models.adaptation import Adaptation, write_adaptation
from models.clip.encoder import ClipEncoder
from models.is_clip.model import IsClip, IsClipSettings
from models.is_clip.spectrogram import SpectrogramScale


@final
@dataclass(frozen=True, slots=True, eq=False)
class TrainedIsClip:
    """An IS-CLIP with the settings needed to use it.

    ``scale`` is that of the spectrograms that it was trained on. ``step_s`` is the time
    from one position of the window to the next.
    """

    model: IsClip
    scale: SpectrogramScale
    step_s: float


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
    }
    write_adaptation(path, "is-clip", clip, facts, model.trained())


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
    except (KeyError, TypeError, ValueError) as err:
        raise kept.damaged(err) from err
    kept.fill(model.trained())
    return TrainedIsClip(model, scale, step_s)
