"""An adaptation's file comes back as it was, or is refused in one line."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.adaptation import read_adaptation
from models.build import build_recognizer
from models.clip.encoder import ClipEncoder, load_clip
from models.clip.new_checkpoint import small_clip
from models.csn.file import save_csn
from models.errors import CheckpointError
from models.is_clip.file import is_clip_of, save_is_clip
from models.prompts.prompt_file import bundled_prompt_set
from models.sc_clip.file import save_sc_clip, sc_clip_of
from tests.models.adapted_rig import (
    KINDS,
    SC_SETTINGS,
    SCALE,
    make_is_clip,
    make_noise,
    make_sc_clip,
    save_kind,
)

FORMAT = "wardwatch adaptation 1"
Facts = dict[str, Any]
Damage = Callable[[dict[str, Tensor], Facts], object]


@pytest.fixture(scope="module")
def clip(tiny_folder: Path) -> ClipEncoder:
    return load_clip(tiny_folder)


def refusal(path: Path, tiny_folder: Path, **choices: Any) -> str:
    """Return the one line with which an adaptation is refused."""
    with pytest.raises(CheckpointError) as caught:
        build_recognizer(tiny_folder, adaptation=path, **choices)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return line


@pytest.mark.parametrize("kind", KINDS)
def test_file_holds_what_was_trained_and_nothing_else(
    kind: str, clip: ClipEncoder, tmp_path: Path
) -> None:
    kept = read_adaptation(save_kind(kind, clip, tmp_path / "new.safetensors"), clip)
    assert kept.kind == kind
    towers = {tuple(value.shape) for value in clip.model.text_model.parameters()}
    assert not any(name.startswith("clip.") for name in kept.tensors), towers
    assert [each.name for each in tmp_path.iterdir()] == ["new.safetensors"]


def test_models_come_back_as_they_were(clip: ClipEncoder, tmp_path: Path) -> None:
    path = tmp_path / "new.safetensors"
    worn, seen = make_is_clip(clip), make_sc_clip(clip)
    save_is_clip(path, worn, clip)
    back = is_clip_of(read_adaptation(path, clip), clip)
    assert (back.scale, back.step_s) == (SCALE, 0.375)
    assert (back.model.settings, back.model.frames) == (worn.model.settings, 8)
    assert not back.model.training
    torch.testing.assert_close(back.model.trained(), worn.model.trained())
    save_sc_clip(path, seen, clip)
    again = sc_clip_of(read_adaptation(path, clip), clip)
    assert again.settings == SC_SETTINGS
    assert not again.training
    torch.testing.assert_close(
        again.trainable_parameters(), seen.trainable_parameters(), rtol=0, atol=0
    )


def test_another_training_has_another_hash(clip: ClipEncoder, tmp_path: Path) -> None:
    path = tmp_path / "new.safetensors"
    save_is_clip(path, make_is_clip(clip), clip)
    first = read_adaptation(path, clip).hash
    trained = make_is_clip(clip)
    with torch.no_grad():
        trained.model.joint.bias.add_(1)
    save_is_clip(path, trained, clip)
    assert read_adaptation(path, clip).hash != first


def test_model_of_another_checkpoint_is_not_saved(
    clip: ClipEncoder, tiny_folder: Path, tmp_path: Path
) -> None:
    other = load_clip(tiny_folder)
    path = tmp_path / "new.safetensors"
    with pytest.raises(ValueError, match=r"^the model was not made from tiny-clip$"):
        save_is_clip(path, make_is_clip(clip), other)
    with pytest.raises(ValueError, match=r"^the model was not made from tiny-clip$"):
        save_sc_clip(path, make_sc_clip(clip), other)


def test_as_many_labels_as_offsets_are_saved(clip: ClipEncoder, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^1 labels for 11 offsets$"):
        save_csn(tmp_path / "new.safetensors", make_noise(clip), clip, ["one"])


@pytest.mark.parametrize("kind", KINDS)
def test_adaptation_of_another_checkpoint_is_refused(
    kind: str, clip: ClipEncoder, tmp_path: Path
) -> None:
    path = save_kind(kind, clip, tmp_path / "new.safetensors")
    model = small_clip(seed=5, vision_width=24, vision_layers=2, vision_heads=2)
    other = ClipEncoder("other", model, clip.tokenizer)
    expected = f"was trained on checkpoint {clip.hash}, not on other, {other.hash}"
    with pytest.raises(CheckpointError, match=f"{expected}$"):
        read_adaptation(path, other)


def test_noise_for_other_labels_is_refused(
    clip: ClipEncoder, tiny_folder: Path, tmp_path: Path
) -> None:
    path = save_kind("csn", clip, tmp_path / "new.safetensors")
    prompts = tmp_path / "own.yaml"
    prompts.write_text(
        "{version: 1, name: own, templates: '{}', "
        " labels: {waving: {texts: a wave}, resting: {texts: a rest}}}"
    )
    line = refusal(path, tiny_folder, prompt_set=prompts)
    assert line.endswith("was trained for other labels than the prompt set's")


@pytest.mark.parametrize(("frames", "seconds"), [(4, 3.0), (8, 6.0)])
def test_other_windows_than_the_trainings_are_refused(
    clip: ClipEncoder, tiny_folder: Path, tmp_path: Path, frames: int, seconds: float
) -> None:
    path = save_kind("is-clip", clip, tmp_path / "new.safetensors")
    line = refusal(path, tiny_folder, frames=frames, seconds=seconds)
    assert "weighs windows of 8 frames in 3 s, not" in line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "damage", "problem"),
    [
        ("csn", lambda weights, _: weights.clear(), "offsets is missing or has no"),
        ("csn", lambda _, facts: facts.pop("epsilon"), "cannot be used: 'epsilon'"),
        ("csn", lambda _, facts: facts.update(epsilon=0.1), "cannot be used: an off"),
        ("csn", lambda _, facts: facts.update(labels=3), "was trained for other lab"),
        (
            "is-clip",
            lambda weights, _: weights.update(more=torch.ones(1)),
            "more is missing or has no place",
        ),
        (
            "is-clip",
            lambda weights, _: weights.update({"joint.bias": torch.ones(5)}),
            "joint.bias has shape (5,), expected (12,)",
        ),
        (
            "is-clip",
            lambda weights, _: weights["joint.bias"].fill_(math.nan),
            "joint.bias holds NaN or infinite values",
        ),
        (
            "is-clip",
            lambda _, facts: facts["settings"].update(heads=5),
            "cannot be used: 5 heads do not divide",
        ),
        ("is-clip", lambda _, facts: facts["settings"].update(mood=1), "cannot be use"),
        ("is-clip", lambda _, facts: facts["scale"].pop("rate_hz"), "cannot be used"),
        (
            "is-clip",
            lambda _, facts: facts.update(frames=0),
            "cannot be used: a window",
        ),
        ("is-clip", lambda _, facts: facts.pop("step_s"), "cannot be used: 'step_s'"),
        ("sc-clip", lambda _, facts: facts.clear(), "cannot be used: 'settings'"),
        ("sc-clip", lambda _, facts: facts["settings"].update(delta=2), "cannot be us"),
        (
            "sc-clip",
            lambda _, facts: facts["settings"].update(trained_layers=[9]),
            "cannot be used: trained layer 9",
        ),
        (
            "sc-clip",
            lambda _, facts: facts["settings"].update(auxiliary_adapter="mlp"),
            "is missing or has no place",
        ),
    ],
)
def test_damaged_content_is_named_in_one_line(
    clip: ClipEncoder,
    tiny_folder: Path,
    tmp_path: Path,
    kind: str,
    damage: Damage,
    problem: str,
) -> None:
    path = save_kind(kind, clip, tmp_path / "new.safetensors")
    kept = read_adaptation(path, clip)
    weights, facts = load_file(path), json.loads(json.dumps(kept.facts))
    damage(weights, facts)
    header = json.dumps({"kind": kind, "base": clip.hash, "facts": facts})
    save_file(weights, path, {FORMAT: header})
    assert problem in refusal(path, tiny_folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (Path.unlink, "cannot be read: "),
        (lambda path: path.write_bytes(b"no tensors"), "cannot be read: "),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "cannot be read: "),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read: "),
        (
            lambda path: save_file({"a": torch.ones(1)}, path),
            "is not an adaptation of this",
        ),
        (
            lambda path: save_file({"a": torch.ones(1)}, path, {FORMAT: "{"}),
            "cannot be read: ",
        ),
        (
            lambda path: save_file({"a": torch.ones(1)}, path, {FORMAT: "[]"}),
            "cannot be read: ",
        ),
        (
            lambda path: save_file(
                {"a": torch.ones(1)},
                path,
                {FORMAT: '{"kind": "dog", "base": "", "facts": {}}'},
            ),
            "holds an unknown kind, 'dog'",
        ),
    ],
)
def test_file_that_is_no_adaptation_is_refused_in_one_line(
    clip: ClipEncoder,
    tiny_folder: Path,
    tmp_path: Path,
    change: Callable[[Path], object],
    problem: str,
) -> None:
    path = save_kind("csn", clip, tmp_path / "new.safetensors")
    change(path)
    assert problem in refusal(path, tiny_folder)


def test_place_that_cannot_be_written_is_named(
    clip: ClipEncoder, tmp_path: Path
) -> None:
    path = tmp_path / "missing" / "new.safetensors"
    with pytest.raises(
        CheckpointError, match=r"new\.safetensors: cannot be written: N"
    ):
        save_csn(path, make_noise(clip), clip, bundled_prompt_set().labels)
