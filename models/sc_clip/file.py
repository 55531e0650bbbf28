"""Read and write adaptations of kind ``sc-clip``: the trained blocks and adapters.

For ViT-B/16 a file has 85 MB, where both towers have 600.
"""

from dataclasses import asdict
from pathlib import Path

from torch import nn

from models.adaptation import Adaptation, write_adaptation
from models.clip.encoder import ClipEncoder
from models.sc_clip.model import ScClip
from models.sc_clip.settings import ScSettings


def save_sc_clip(path: Path, model: ScClip, clip: ClipEncoder) -> None:
    """Write an SC-CLIP to an adaptation file.

    Raises:
        CheckpointError: If the file cannot be written.
        ValueError: If the model was made from another checkpoint.
    """
    if model.clip is not clip.model:
        msg = f"the model was not made from {clip.name}"
        raise ValueError(msg)
    facts = {"settings": asdict(model.settings)}
    write_adaptation(path, "sc-clip", clip, facts, _trained(model))


def sc_clip_of(kept: Adaptation, clip: ClipEncoder) -> ScClip:
    """Build an SC-CLIP, in evaluation mode, from an adaptation.

    The checkpoint is frozen by this.

    Raises:
        CheckpointError: If the file is damaged.
    """
    try:
        values = dict(kept.facts["settings"])
        for name in ("trained_layers", "window_sizes"):
            if values[name] is not None:
                values[name] = tuple(values[name])  # JSON has no tuples
        model = ScClip(clip.model, ScSettings(**values))
    except (KeyError, TypeError, ValueError) as err:
        raise kept.damaged(err) from err
    kept.fill(_trained(model))
    return model


def _trained(model: ScClip) -> dict[str, nn.Parameter]:
    named = model.named_parameters()
    return {name: value for name, value in named if value.requires_grad}
