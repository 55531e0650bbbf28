import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.utils import logging

from models.clip.checkpoint import find_checkpoint, read_pixel_scale
from models.clip.encoder import CLIP_DEVIATION, CLIP_MEAN, load_clip
from models.errors import CheckpointError

Damage = Callable[[Path], object]


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "damaged"))


def refusal(name_or_path: str | Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_clip(name_or_path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{name_or_path}: ")
    return message.removeprefix(f"{name_or_path}: ")


def edit_json(name: str, *path: str, value: object) -> Damage:
    def edit(folder: Path) -> None:
        content: dict[str, Any] = json.loads((folder / name).read_text())
        part = content
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
        (folder / name).write_text(json.dumps(content))

    return edit


def edit_weight(
    name: str, change: Callable[[torch.Tensor], torch.Tensor | None]
) -> Damage:
    def edit(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        changed = change(weights.pop(name))
        if changed is not None:
            weights[name] = changed
        save_file(weights, folder / "model.safetensors", {"format": "pt"})

    return edit


def truncate(name: str) -> Damage:
    def cut(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return cut


def use_bare_tokenizer(folder: Path) -> None:
    """Leave a tokenizer that knows its two markers alone."""
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text('{"<|startoftext|>": 0, "<|endoftext|>": 1}')
    (folder / "merges.txt").write_text("#version: 0.2\n")


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda folder: (folder / "config.json").unlink(), "holds no config.json$"),
        (
            lambda folder: (folder / "model.safetensors").unlink(),
            "holds no model.safetensors or pytorch_model.bin$",
        ),
        (
            lambda folder: (folder / "tokenizer.json").unlink(),
            "holds no tokenizer.json, nor vocab.json with merges.txt$",
        ),
        (truncate("model.safetensors"), "the model cannot be read: .*incomplete"),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b""),
            "the model cannot be read: .*header too small",
        ),
        (truncate("config.json"), "config.json is not valid JSON: "),
        (
            lambda folder: (folder / "config.json").write_text("[]"),
            "config.json holds no JSON object$",
        ),
        (truncate("tokenizer.json"), "the tokenizer cannot be read: "),
        (use_bare_tokenizer, "the tokenizer ends a text with id 1, the model expects"),
        (
            edit_json("config.json", "model_type", value="bert"),
            "config.json describes a model of type 'bert', expected 'clip'$",
        ),
        (
            edit_json("config.json", "vision_config", "hidden_size", value="wide"),
            "the model cannot be read: .*hidden_size.*expected int, got str",
        ),
        (
            edit_json("config.json", "text_config", "vocab_size", value=4000),
            r"text_model.embeddings.token_embedding.weight has shape \(4514, 16\), "
            r"but config.json wants \(4000, 16\)$",
        ),
        (
            edit_json("config.json", "vision_config", "num_hidden_layers", value=3),
            r"weights are missing, vision_model.encoder.layers.2.\S+ the first of 16$",
        ),
        (
            edit_json("config.json", "vision_config", "num_hidden_layers", value=1),
            r"config.json has no place for vision_model.\S+, the first of 16$",
        ),
        (
            edit_weight("visual_projection.weight", lambda weight: None),
            "weights are missing, visual_projection.weight the first of 1$",
        ),
        (
            edit_weight("visual_projection.weight", lambda weight: weight * torch.nan),
            "visual_projection.weight holds NaN or infinite values$",
        ),
        (
            edit_json("preprocessor_config.json", "image_std", value=[1, 0, 1]),
            "preprocessor_config.json: image_mean and image_std must be three numbers",
        ),
    ],
)
def test_damage_is_named_in_one_line(
    folder: Path, damage: Damage, expected: str
) -> None:
    damage(folder)
    assert re.match(expected, refusal(folder))


def test_pickled_weights_that_are_no_weights_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"not a pickle" * 100)
    assert refusal(folder).startswith("the model cannot be read: ")


@pytest.mark.parametrize("name", ["./nowhere", "/no/where", "a/b/c", "nowhere/"])
def test_missing_folder_is_not_looked_for_on_the_hub(name: str) -> None:
    assert refusal(name) == "no such folder"


def test_missing_path_is_never_a_hub_name() -> None:
    assert refusal(Path("openai/clip")) == "no such folder"


def test_file_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    assert refusal(path) == "is a file, not a folder"


def test_name_that_no_hub_allows_is_refused() -> None:
    assert refusal("no such name") == "no such folder, and not a hub name"


def test_folder_is_found_by_its_text_or_its_path(tiny_folder: Path) -> None:
    assert find_checkpoint(str(tiny_folder)) == find_checkpoint(tiny_folder)


def test_model_is_named_for_its_folder(tiny_folder: Path) -> None:
    assert load_clip(tiny_folder).name == "tiny-clip"


def test_weights_are_turned_into_the_wanted_type(tiny_folder: Path) -> None:
    clip = load_clip(tiny_folder, dtype=torch.bfloat16)
    assert clip.model.dtype == torch.bfloat16
    assert not clip.model.training


def test_pixel_scale_is_the_checkpoints_own(folder: Path) -> None:
    assert read_pixel_scale(folder) == (CLIP_MEAN, CLIP_DEVIATION)
    edit_json("preprocessor_config.json", "image_mean", value=[0.1, 0.2, 0])(folder)
    assert read_pixel_scale(folder) == ((0.1, 0.2, 0.0), CLIP_DEVIATION)


def test_pixel_scale_is_found_in_a_processors_settings(folder: Path) -> None:
    settings = (folder / "preprocessor_config.json").read_text()
    (folder / "preprocessor_config.json").unlink()
    assert read_pixel_scale(folder) is None
    nested = {"image_processor": json.loads(settings)}
    (folder / "processor_config.json").write_text(json.dumps(nested))
    assert read_pixel_scale(folder) == (CLIP_MEAN, CLIP_DEVIATION)


def test_openai_configs_old_end_marker_is_taken(folder: Path) -> None:
    edit_json("config.json", "text_config", "eos_token_id", value=2)(folder)
    clip = load_clip(folder)
    assert clip.model.text_model.config.eos_token_id == 2


def test_nothing_is_printed(
    tiny_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    had_bars = logging.is_progress_bar_enabled()
    load_clip(tiny_folder)
    assert capfd.readouterr() == ("", "")
    assert logging.is_progress_bar_enabled() == had_bars
