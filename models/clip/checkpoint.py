"""Find and read a CLIP checkpoint, and report one line if something is wrong.

A checkpoint is a folder as transformers writes it (``config.json``,
``model.safetensors``, the tokenizer's files, ``preprocessor_config.json``) or the name
of one on the Hugging Face hub. A copy in the hub's cache is used without any network
access. See ``models.clip.encoder`` for its use.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, CLIPModel, PreTrainedTokenizerBase

from models.clip.hub import WEIGHTS, fetch, is_path
from models.clip.quiet import quiet_transformers
from models.errors import CheckpointError
from models.reading import READ_ERRORS, one_line

Colour = tuple[float, float, float]
"""Red, green and blue, as fractions of full scale."""

_CONFIG = "config.json"
_TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"))
_PREPROCESSORS = ("preprocessor_config.json", "processor_config.json")
_WANTED = (
    _CONFIG,
    *_PREPROCESSORS,
    "tokenizer*.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
)
_LEGACY_EOS_ID = 2
"""OpenAI's configs hold this id; transformers then pools at a text's highest id."""


def find_checkpoint(name_or_path: str | Path) -> Path:
    """Return the folder of a checkpoint; fetch it from the hub if it is named there.

    Raises:
        CheckpointError: If there is no such folder, a file is missing in it, or it
            cannot be fetched from the hub.
    """
    folder = Path(name_or_path).expanduser()
    if folder.is_dir():
        problem = _missing_file(folder)
        if problem is not None:
            raise CheckpointError(str(name_or_path), problem)
        return folder
    if isinstance(name_or_path, Path) or is_path(name_or_path):
        problem = "is a file, not a folder" if folder.exists() else "no such folder"
        raise CheckpointError(str(name_or_path), problem)
    return fetch(name_or_path, _WANTED, _missing_file)


def _missing_file(folder: Path) -> str | None:
    def has(name: str) -> bool:
        return (folder / name).is_file()

    if not has(_CONFIG):
        return f"holds no {_CONFIG}"
    if not any(has(name) for name in WEIGHTS):
        return "holds no model.safetensors or pytorch_model.bin"
    if not any(all(has(name) for name in names) for names in _TOKENIZERS):
        return "holds no tokenizer.json, nor vocab.json with merges.txt"
    return None


def read_model(folder: Path, dtype: torch.dtype) -> CLIPModel:
    """Read all weights into a model in evaluation mode.

    Raises:
        CheckpointError: If the folder is damaged, is not a CLIP model, or has weights
            that do not match its configuration.
    """
    model_type = _read_json(folder / _CONFIG).get("model_type")
    if model_type != "clip":
        problem = f"{_CONFIG} describes a model of type {model_type!r}, expected 'clip'"
        raise CheckpointError(str(folder), problem)
    with _translated(folder, "the model cannot be read"):
        # its type does not say that it returns a pair
        load: Callable[..., tuple[CLIPModel, dict[str, Any]]] = (
            CLIPModel.from_pretrained  # type: ignore[assignment]
        )
        model, report = load(
            folder,
            dtype=dtype,
            local_files_only=True,
            ignore_mismatched_sizes=True,  # they are in the report
            output_loading_info=True,
        )
    _check_report(folder, report)
    for name, values in model.named_parameters():
        if not torch.isfinite(values).all():
            raise CheckpointError(str(folder), f"{name} holds NaN or infinite values")
    return model


def _check_report(folder: Path, report: dict[str, Any]) -> None:
    """Refuse missing or unused weights, of which transformers only warns."""
    for name, on_disk, expected in sorted(report["mismatched_keys"]):
        problem = (
            f"{name} has shape {tuple(on_disk)}, but {_CONFIG} wants {tuple(expected)}"
        )
        raise CheckpointError(str(folder), problem)
    missing = sorted(report["missing_keys"])
    if missing:
        problem = f"weights are missing, {missing[0]} the first of {len(missing)}"
        raise CheckpointError(str(folder), problem)
    towers = ("vision_model.encoder.", "text_model.encoder.")
    extra = sorted(key for key in report["unexpected_keys"] if key.startswith(towers))
    if extra:
        problem = f"{_CONFIG} has no place for {extra[0]}, the first of {len(extra)}"
        raise CheckpointError(str(folder), problem)


def read_tokenizer(folder: Path, model: CLIPModel) -> PreTrainedTokenizerBase:
    """Read the tokenizer and check that it belongs to the model.

    Raises:
        CheckpointError: If it is damaged, or its ids differ from the model's.
    """
    with _translated(folder, "the tokenizer cannot be read"):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, local_files_only=True
        )
    config = model.text_model.config
    if len(tokenizer) > config.vocab_size:
        problem = (
            f"the tokenizer has {len(tokenizer)} tokens, the model {config.vocab_size}"
        )
        raise CheckpointError(str(folder), problem)
    if config.eos_token_id not in (_LEGACY_EOS_ID, tokenizer.eos_token_id):
        problem = (
            f"the tokenizer ends a text with id {tokenizer.eos_token_id}, "
            f"the model expects {config.eos_token_id}"
        )
        raise CheckpointError(str(folder), problem)
    return tokenizer


def image_size_px(model: CLIPModel) -> int:
    """Return the height and width of the pictures that a model accepts."""
    size = model.vision_model.config.image_size
    assert isinstance(size, int)  # CLIPModel cannot be built with two numbers
    return size


def read_pixel_scale(folder: Path) -> tuple[Colour, Colour] | None:
    """Read the mean and standard deviation of each colour, in fractions of full scale.

    Returns:
        None where the folder does not state them.

    Raises:
        CheckpointError: If either is not three numbers, or a deviation is not positive.
    """
    for path in filter(Path.is_file, (folder / name for name in _PREPROCESSORS)):
        settings = _read_json(path)
        settings = settings.get("image_processor", settings)
        if not isinstance(settings, dict) or "image_mean" not in settings:
            continue
        mean = _colour(settings["image_mean"])
        deviation = _colour(settings.get("image_std"))
        if mean is None or deviation is None or min(deviation) <= 0:
            problem = "image_mean and image_std must be three numbers each"
            raise CheckpointError(str(folder), f"{path.name}: {problem}")
        return mean, deviation
    return None


def _colour(value: object) -> Colour | None:
    match value:
        case [
            int() | float() as red,
            int() | float() as green,
            int() | float() as blue,
        ]:
            return float(red), float(green), float(blue)
    return None


def _read_json(path: Path) -> dict[str, Any]:
    with _translated(path.parent, f"{path.name} is not valid JSON"):
        content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        problem = f"{path.name} holds no JSON object"
        raise CheckpointError(str(path.parent), problem)
    return content


@contextmanager
def _translated(folder: Path, what: str) -> Iterator[None]:
    try:
        with quiet_transformers():
            yield
    except READ_ERRORS as err:
        raise CheckpointError(str(folder), f"{what}: {one_line(err)}") from err
