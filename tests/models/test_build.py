from pathlib import Path

import pytest

from models.build import SHIPPED, build_recognizer
from models.errors import CheckpointError, PromptSetError


def test_recognizer_takes_the_bundled_prompt_set_where_none_is_named(
    tiny_folder: Path,
) -> None:
    recognizer = build_recognizer(tiny_folder)
    assert recognizer.prompt_set.name == "ward"
    assert recognizer.clip.name == "tiny-clip"


def test_prompt_set_of_ones_own_is_taken(tiny_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "{version: 1, name: own, templates: '{}',"
        " labels: {waving: {texts: a wave}, resting: {texts: a rest}}}"
    )
    recognizer = build_recognizer(str(tiny_folder), path, temporal="single")
    assert recognizer.prompt_set.labels == ("waving", "resting")
    assert recognizer.text_bank.shape == (2, recognizer.clip.dim)


def test_mistake_in_the_prompt_set_shows_before_the_weights_are_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "empty.yaml"
    path.touch()
    with pytest.raises(PromptSetError, match=r": is empty$"):
        build_recognizer(tmp_path / "no-checkpoint", path)


def test_shipped_adaptation_is_of_the_shipped_checkpoint_and_calibrated() -> None:
    recognizer = build_recognizer(adaptation=SHIPPED)
    assert recognizer.name == "ward-clip+is-clip"
    assert recognizer.calibration is not None
    assert build_recognizer().name == "ward-clip"


def test_shipped_adaptation_is_refused_on_another_checkpoint(tiny_folder: Path) -> None:
    with pytest.raises(CheckpointError, match="was trained on checkpoint"):
        build_recognizer(tiny_folder, adaptation=SHIPPED)
