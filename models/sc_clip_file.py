"""Files of what SC-CLIP was taught: the trained parts alone.

A safetensors file with, in its metadata, the settings and the hash of the CLIP model
below, which it is of no use without: 85 MB for ViT-B/16, whose towers take 600.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPModel

from models.errors import CheckpointError
from models.sc_clip import ScClip
from models.sc_clip_settings import ScSettings

_KIND = "wardwatch sc-clip 1"


def base_hash(clip: CLIPModel) -> str:
    """Return eight hexadecimal digits of the weights, as ``ClipEncoder.hash`` does."""
    digest = hashlib.sha256()
    for _, value in sorted(clip.named_parameters()):
        digest.update(value.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()[:8]


def save_sc_clip(model: ScClip, path: Path) -> None:
    """Write what was trained.

    Args:
        model: It is left as it is.
        path: A file that is there is replaced.

    Raises:
        CheckpointError: If it cannot be written.
    """
    metadata = {
        "kind": _KIND,
        "base": base_hash(model.clip),
        "settings": json.dumps(asdict(model.settings)),
    }
    tensors = {name: value.contiguous() for name, value in _trained(model).items()}
    part = path.with_suffix(".part")
    try:
        save_file(tensors, part, metadata)
        part.replace(path)
    except (OSError, SafetensorError) as err:
        problem = f"cannot be written: {_one_line(err)}"
        raise CheckpointError(str(path), problem) from err


def load_sc_clip(path: Path, clip: CLIPModel) -> ScClip:
    """Read what was trained, onto the CLIP model that it was trained on.

    Args:
        path: As ``save_sc_clip`` wrote it.
        clip: Is held as it is, and frozen, even where the file's
            weights turn out not to fit.

    Returns:
        The model in evaluation mode, on the device of ``clip``.

    Raises:
        CheckpointError: If the file is missing, damaged or no such file, or was trained
            on other weights.
    """
    metadata, tensors = _read(path)
    if metadata.get("kind") != _KIND:
        raise CheckpointError(str(path), "holds no SC-CLIP training of this version")
    here = base_hash(clip)
    if metadata.get("base") != here:
        problem = f"was trained on weights {metadata.get('base')}, not on {here}"
        raise CheckpointError(str(path), problem)
    try:
        model = ScClip(clip, _settings(metadata["settings"]))
    except (KeyError, TypeError, ValueError) as err:
        problem = f"its settings cannot be read: {_one_line(err)}"
        raise CheckpointError(str(path), problem) from err
    _fill(path, _trained(model), tensors)
    return model


def _trained(model: ScClip) -> dict[str, Tensor]:
    return {
        name: value.detach()
        for name, value in model.named_parameters()
        if value.requires_grad
    }


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a mapping
    except (OSError, SafetensorError) as err:
        problem = f"cannot be read: {_one_line(err)}"
        raise CheckpointError(str(path), problem) from err
    return metadata, tensors


def _settings(text: str) -> ScSettings:
    values = json.loads(text)
    for name in ("trained_layers", "window_sizes"):
        if values[name] is not None:
            values[name] = tuple(values[name])  # JSON has lists alone
    return ScSettings(**values)


def _fill(path: Path, places: dict[str, Tensor], tensors: dict[str, Tensor]) -> None:
    wanted = {name: tuple(place.shape) for name, place in places.items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            problem = (
                f"{name} has shape {found.get(name)}, "
                f"but its settings want {wanted.get(name)}"
            )
            raise CheckpointError(str(path), problem)
    for name, place in places.items():
        if not torch.isfinite(tensors[name]).all():
            raise CheckpointError(str(path), f"{name} holds NaN or infinite values")
        place.copy_(tensors[name])


def _one_line(err: BaseException) -> str:
    return " ".join(str(err).split())
