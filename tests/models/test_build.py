from pathlib import Path

import pytest

from models.build import NO_ADAPTATION, build_recognizer, pick_adaptation
from models.bundled import ADAPTATION_FILE
from models.errors import PromptSetError


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


def test_shipped_adaptation_is_taken_where_all_else_is_as_shipped() -> None:
    assert pick_adaptation(None, None, None) == ADAPTATION_FILE
    assert pick_adaptation(None, "folder", None) is None
    assert pick_adaptation(None, None, Path("own.yaml")) is None
    assert pick_adaptation(None, None, None, temporal="single") is None
    assert pick_adaptation(None, None, None, frames=4) is None
    assert pick_adaptation(None, None, None, seconds=2.0) is None


def test_an_adaptation_that_is_asked_for_is_taken_and_none_can_be_asked_for() -> None:
    asked = Path("own.safetensors")
    assert pick_adaptation(asked, "folder", Path("own.yaml")) == asked
    assert pick_adaptation(NO_ADAPTATION, None, None) is None


def test_shipped_adaptation_is_of_the_shipped_checkpoint() -> None:
    recognizer = build_recognizer(adaptation=ADAPTATION_FILE)
    assert recognizer.name == "ward-clip+is-clip"
    assert recognizer.calibration is not None
