"""Fetch a checkpoint's files from the Hugging Face hub, or report one line.

A copy in the hub's cache is used without any network access.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
)

from models.errors import CheckpointError

WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
"""The names of weight files that transformers looks for."""

_SAFE_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "model-*")


def is_path(name: str) -> bool:
    """Return whether a name looks like a path rather than a hub name."""
    return name.startswith((".", "/", "~")) or name.endswith("/") or name.count("/") > 1


def fetch(
    name: str, wanted: Sequence[str], missing: Callable[[Path], str | None]
) -> Path:
    """Return the folder of a checkpoint on the hub; download it if it is not cached.

    Args:
        name: Hub name, as ``facebook/sam-vit-base``.
        wanted: Patterns of its files beside the weights. Weights are downloaded as
            safetensors, or as a pickle if there are no safetensors.
        missing: Returns what a folder lacks, or None.

    Raises:
        CheckpointError: If the hub cannot be reached, refuses, or the checkpoint is
            incomplete.
    """
    try:
        folder = Path(snapshot_download(name, local_files_only=True))
        if missing(folder) is None:
            return folder
    except HFValidationError as err:
        problem = "no such folder, and not a hub name"
        raise CheckpointError(name, problem) from err
    except OSError:
        pass  # never fetched before
    folder = _download(name, wanted)
    lacking = missing(folder)
    if lacking is not None:
        raise CheckpointError(name, f"on the hub, it {lacking}")
    return folder


def _download(name: str, wanted: Sequence[str]) -> Path:
    try:
        folder = Path(snapshot_download(name, allow_patterns=[*wanted, *_SAFE_WEIGHTS]))
        if not any((folder / weights).is_file() for weights in WEIGHTS):
            folder = Path(snapshot_download(name, allow_patterns=[*wanted, *WEIGHTS]))
    except GatedRepoError as err:
        problem = "the hub wants a login for it: run `hf auth login`"
        raise CheckpointError(name, problem) from err
    except RepositoryNotFoundError as err:
        problem = "no such folder, and the hub has no model of this name"
        raise CheckpointError(name, problem) from err
    except OSError as err:
        why = str(err).partition("\n")[0]
        problem = f"no such folder, and the hub cannot be reached: {why}"
        raise CheckpointError(name, problem) from err
    return folder
