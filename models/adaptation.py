"""Read and write adaptations: files with what was trained on top of a checkpoint.

    safetensors ─┬─ tensors: the trained weights, none of the checkpoint's own
                 └─ metadata: the kind, the checkpoint's hash, and settings

An adaptation needs its checkpoint, so reading compares the checkpoint's hash.
``models.csn.file``, ``models.is_clip.file`` and ``models.sc_clip.file`` define what
each kind holds and rebuild the model from it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from models.clip.encoder import ClipEncoder
from models.errors import CheckpointError
from models.reading import one_line

Kind = Literal["csn", "is-clip", "sc-clip"]

_FORMAT = "wardwatch adaptation 1"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Adaptation:
    """The content of an adaptation file.

    Attributes:
        path: The file, named in errors.
        kind: The kind of model.
        hash: First eight hexadecimal digits of the file's SHA-256.
        facts: Settings needed to rebuild the model, in JSON types.
        tensors: Trained tensors by name.
    """

    path: Path
    kind: Kind
    hash: str
    facts: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    def fill(self, places: Mapping[str, Tensor]) -> None:
        """Copy every tensor into the parameter or buffer of the same name.

        Raises:
            CheckpointError: If names or shapes do not match, or a value is not finite.
        """
        odd = sorted(self.tensors.keys() ^ places.keys())
        if odd:
            problem = f"{odd[0]} is missing or has no place, the first of {len(odd)}"
            raise CheckpointError(str(self.path), problem)
        for name, place in places.items():
            given = self.tensors[name]
            if given.shape != place.shape:
                found, wanted = tuple(given.shape), tuple(place.shape)
                problem = f"{name} has shape {found}, expected {wanted}"
                raise CheckpointError(str(self.path), problem)
            if not given.isfinite().all():
                problem = f"{name} holds NaN or infinite values"
                raise CheckpointError(str(self.path), problem)
        with torch.no_grad():
            for name, place in places.items():
                place.copy_(self.tensors[name])

    def damaged(self, error: Exception) -> CheckpointError:
        """Return the error for settings that cannot be used."""
        return CheckpointError(str(self.path), f"cannot be used: {one_line(error)}")


def write_adaptation(
    path: Path,
    kind: Kind,
    clip: ClipEncoder,
    facts: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
) -> None:
    """Write an adaptation. A failed write leaves the old file unchanged.

    ``facts`` and ``tensors`` are as in ``Adaptation``.

    Raises:
        CheckpointError: If the file cannot be written.
    """
    metadata = json.dumps({"kind": kind, "base": clip.hash, "facts": facts})
    kept = {name: value.detach().contiguous() for name, value in tensors.items()}
    part = path.with_suffix(".part")
    try:
        part.write_bytes(save(kept, {_FORMAT: metadata}))
        part.replace(path)
    except OSError as err:
        problem = f"cannot be written: {err.strerror or one_line(err)}"
        raise CheckpointError(str(path), problem) from err


def read_adaptation(path: Path, clip: ClipEncoder) -> Adaptation:
    """Read a file that ``write_adaptation`` wrote.

    Raises:
        CheckpointError: If the file is missing, damaged, not an adaptation, or trained
            on another checkpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = (file.metadata() or {}).get(_FORMAT)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a mapping
        if metadata is None:
            problem = "is not an adaptation of this version: wardwatch train makes one"
            raise CheckpointError(str(path), problem)
        content = json.loads(metadata)
        kind, base, facts = content["kind"], content["base"], content["facts"]
        digits = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as err:
        raise CheckpointError(str(path), f"cannot be read: {one_line(err)}") from err
    if kind not in get_args(Kind) or not isinstance(facts, dict):
        raise CheckpointError(str(path), f"holds an unknown kind, {kind!r}")
    if base != clip.hash:
        problem = f"was trained on checkpoint {base}, not on {clip.name}, {clip.hash}"
        raise CheckpointError(str(path), problem)
    return Adaptation(path, kind, digits, facts, tensors)
