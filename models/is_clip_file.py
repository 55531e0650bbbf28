"""The file of an IS-CLIP: what was trained, and what its use takes.

    safetensors: the student and the samples' part, without CLIP's own weights
    its metadata: hash of the checkpoint, settings, places in a window, spectrograms

An IS-CLIP is of use with its checkpoint alone, so the checkpoint's hash is compared.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from models.clip import ClipEncoder
from models.errors import CheckpointError
from models.is_clip import IsClip, IsClipSettings
from models.spectrogram import SpectrogramScale

_FORMAT = "is-clip 1"


def save_is_clip(
    path: Path, model: IsClip, clip: ClipEncoder, scale: SpectrogramScale
) -> None:
    """Write what was trained, and what its use takes, as safetensors.

    Args:
        path: Overwritten.
        model: Left as it is.
        clip: The checkpoint that it was made from.
        scale: Of the spectrograms that it was trained on, with their rate.

    Raises:
        CheckpointError: If it cannot be written.
        ValueError: If the model was made from another checkpoint.
    """
    if model.clip is not clip.model:
        msg = f"the model was not made from {clip.name}"
        raise ValueError(msg)
    facts = {
        "base": clip.hash,
        "frames": model.frames,
        "settings": asdict(model.settings),
        "scale": asdict(scale),
    }
    weights = {name: value.detach() for name, value in model.trained().items()}
    part = path.with_suffix(".part")
    try:
        part.write_bytes(save(weights, {_FORMAT: json.dumps(facts)}))
        part.replace(path)
    except OSError as err:
        raise CheckpointError(str(path), err.strerror or "cannot be written") from err


def load_is_clip(path: Path, clip: ClipEncoder) -> tuple[IsClip, SpectrogramScale]:
    """Read what ``save_is_clip`` wrote.

    Args:
        path: The file.
        clip: The checkpoint that it was made from; frozen by this.

    Returns:
        The model in evaluation mode, and the scale of its spectrograms.

    Raises:
        CheckpointError: If the file is missing, damaged, no IS-CLIP, or made from
            another checkpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            told = (file.metadata() or {}).get(_FORMAT, "null")
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = json.loads(told)
        if facts is None:
            raise CheckpointError(str(path), f"holds no {_FORMAT}")
        if facts["base"] != clip.hash:
            problem = f"made from checkpoint {facts['base']}, not {clip.hash}"
            raise CheckpointError(str(path), problem)
        settings = IsClipSettings(**facts["settings"])
        model = IsClip(clip.model, settings, frames=facts["frames"])
        scale = SpectrogramScale(**facts["scale"])
        _take(weights, model.trained())
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as err:
        problem = f"cannot be read: {' '.join(str(err).split())}"
        raise CheckpointError(str(path), problem) from err
    return model, scale


@torch.no_grad()
def _take(given: Mapping[str, Tensor], wanted: Mapping[str, nn.Parameter]) -> None:
    odd = sorted(given.keys() ^ wanted.keys())
    if odd:
        msg = f"{odd[0]} is missing or has no place, the first of {len(odd)}"
        raise ValueError(msg)
    for name, value in wanted.items():
        if given[name].shape != value.shape:
            msg = (
                f"{name} has shape {tuple(given[name].shape)}, not {tuple(value.shape)}"
            )
            raise ValueError(msg)
        if not given[name].isfinite().all():
            msg = f"{name} holds NaN or infinite values"
            raise ValueError(msg)
        value.copy_(given[name])
