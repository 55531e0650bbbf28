"""The file of an adaptation: what was trained on top of a checkpoint, of any kind.

    safetensors ─┬─ tensors: what was trained, none of the checkpoint's own weights
                 └─ metadata: kind, the checkpoint's hash, what its use takes

It is of no use without its checkpoint, so the checkpoint's hash is compared.
``models.csn_file``, ``models.is_clip_file`` and ``models.sc_clip_file`` say what each
kind keeps, and make it whole again.
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

from models.clip import ClipEncoder
from models.errors import CheckpointError
from models.reading import one_line

Kind = Literal["csn", "is-clip", "sc-clip"]

_FORMAT = "wardwatch adaptation 1"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Adaptation:
    """What a file holds.

    Attributes:
        path: The file, for messages.
        kind: Which model it is of.
        hash: Eight hexadecimal digits of all it holds.
        facts: What its use takes, as JSON has it.
        tensors: What was trained, by name.
    """

    path: Path
    kind: Kind
    hash: str
    facts: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    def fill(self, places: Mapping[str, Tensor]) -> None:
        """Copy every tensor to its place.

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
        """Say in one line that what its use takes cannot be read."""
        return CheckpointError(str(self.path), f"cannot be used: {one_line(error)}")


def write_adaptation(
    path: Path,
    kind: Kind,
    clip: ClipEncoder,
    facts: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
) -> None:
    """Write an adaptation, whole or not at all.

    Args:
        path: Overwritten.
        kind: Which model it is of.
        clip: The checkpoint that it was trained on.
        facts: What its use takes, as JSON can have it.
        tensors: What was trained.

    Raises:
        CheckpointError: If it cannot be written.
    """
    told = json.dumps({"kind": kind, "base": clip.hash, "facts": facts})
    kept = {name: value.detach().contiguous() for name, value in tensors.items()}
    part = path.with_suffix(".part")
    try:
        part.write_bytes(save(kept, {_FORMAT: told}))
        part.replace(path)
    except OSError as err:
        problem = f"cannot be written: {err.strerror or one_line(err)}"
        raise CheckpointError(str(path), problem) from err


def read_adaptation(path: Path, clip: ClipEncoder) -> Adaptation:
    """Read what ``write_adaptation`` wrote.

    Args:
        path: The file.
        clip: The checkpoint that it shall be used with.

    Raises:
        CheckpointError: If it is missing, damaged, none, or of another checkpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            told = (file.metadata() or {}).get(_FORMAT)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a mapping
        if told is None:
            problem = "is no adaptation of this version: wardwatch train makes one"
            raise CheckpointError(str(path), problem)
        content = json.loads(told)
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
