import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPModel

from models.clip import ClipEncoder
from models.errors import CheckpointError
from models.new_checkpoint import small_clip
from models.sc_clip import ScClip
from models.sc_clip_file import base_hash, load_sc_clip, save_sc_clip
from models.sc_clip_settings import ScSettings

SETTINGS = ScSettings(
    delta=0.8,
    head="average",
    query_adapter="mlp",
    trained_layers=(1, 2),
    window_sizes=(2, 5),
    seed=4,
)


def base(seed: int = 0) -> CLIPModel:
    return small_clip(
        seed=seed,
        image_size_px=32,
        patch_size_px=8,
        vision_width=24,
        vision_layers=3,
        vision_heads=2,
        text_width=16,
        text_layers=1,
        text_heads=2,
        dim=12,
    )


@pytest.fixture
def model() -> ScClip:
    made = ScClip(base(), SETTINGS)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in made.trainable_parameters():
            value.add_(torch.randn(value.shape, generator=draw))
    return made


@pytest.fixture
def saved(model: ScClip, tmp_path: Path) -> Path:
    path = tmp_path / "sc-clip.safetensors"
    save_sc_clip(model, path)
    return path


def change(path: Path, **metadata: str) -> None:
    """Write the file again with other metadata."""
    kept = {"kind": "wardwatch sc-clip 1", "base": base_hash(base()), "settings": "{}"}
    save_file(load_file(path), path, {**kept, **metadata})


def test_what_was_trained_comes_back(model: ScClip, saved: Path) -> None:
    loaded = load_sc_clip(saved, base())
    assert loaded.settings == SETTINGS
    assert not loaded.training
    pixels = torch.randn(1, 3, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    text = torch.eye(12)[:3]
    with torch.no_grad():
        expected, found = model(pixels, text), loaded(pixels, text)
    assert torch.equal(found.logits, expected.logits)
    assert torch.equal(found.auxiliary, expected.auxiliary)
    trained = {name for name, it in loaded.named_parameters() if it.requires_grad}
    assert set(load_file(saved)) == trained
    assert [it.name for it in saved.parent.iterdir()] == [saved.name]


def test_hash_is_the_checkpoints_own(tiny_clip: ClipEncoder) -> None:
    assert base_hash(tiny_clip.model) == tiny_clip.hash


def test_file_is_refused_on_other_weights(saved: Path) -> None:
    mine, other = base_hash(base()), base_hash(base(seed=1))
    expected = rf"sc-clip\.safetensors: was trained on weights {mine}, not on {other}$"
    with pytest.raises(CheckpointError, match=expected):
        load_sc_clip(saved, base(seed=1))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.safetensors: cannot be read: No"):
        load_sc_clip(tmp_path / "none.safetensors", base())


def test_damaged_file_is_refused_in_one_line(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match=r"^.*: cannot be read: .*$"):
        load_sc_clip(saved, base())


def test_file_of_another_kind_is_refused(saved: Path) -> None:
    save_file(load_file(saved), saved)
    with pytest.raises(CheckpointError, match=r"holds no SC-CLIP training of this ver"):
        load_sc_clip(saved, base())


@pytest.mark.parametrize(
    "settings",
    [
        "no json",
        "[]",
        "{}",
        json.dumps({"trained_layers": None, "window_sizes": [3], "delta": 2}),
        json.dumps({"trained_layers": None, "window_sizes": [3], "delta": "2"}),
        json.dumps({"trained_layers": None, "window_sizes": [3], "spelt": 1}),
        json.dumps({"trained_layers": [9], "window_sizes": [3]}),
    ],
)
def test_settings_that_cannot_be_are_refused(saved: Path, settings: str) -> None:
    change(saved, settings=settings)
    with pytest.raises(CheckpointError, match=r"^.*: its settings cannot be read: .+$"):
        load_sc_clip(saved, base())


def test_settings_that_want_other_weights_are_refused(saved: Path) -> None:
    change(saved, settings=json.dumps({"trained_layers": [2], "window_sizes": [3]}))
    expected = r"query_adapter\.attention\.k_proj\.bias has shape None, but its sett"
    with pytest.raises(CheckpointError, match=expected):
        load_sc_clip(saved, base())


def test_weights_that_are_no_numbers_are_refused(model: ScClip, saved: Path) -> None:
    with torch.no_grad():
        model.auxiliary_adapter.fc1.bias[0] = float("nan")
    save_sc_clip(model, saved)
    with pytest.raises(CheckpointError, match=r"fc1\.bias holds NaN or infinite val"):
        load_sc_clip(saved, base())


def test_place_that_cannot_be_written_is_named(model: ScClip, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "sc-clip.safetensors"
    with pytest.raises(CheckpointError, match=r"sc-clip\.safetensors: cannot be writ"):
        save_sc_clip(model, path)
