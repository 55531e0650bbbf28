from pathlib import Path

import pytest

from models.build import build_recognizer
from models.bundled import ADAPTATION_FILE, NO_ADAPTATION, PROMPT_SET_FILE
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


@pytest.mark.slow
def test_shipped_adaptation_is_taken_where_all_else_is_as_shipped(
    tiny_folder: Path, tmp_path: Path
) -> None:
    assert build_recognizer().name == "ward-pose+is-clip"
    own = tmp_path / "own.yaml"
    own.write_bytes(PROMPT_SET_FILE.read_bytes())
    for plain in (
        build_recognizer(tiny_folder),
        build_recognizer(prompt_set=own),
        build_recognizer(temporal="single"),
        build_recognizer(frames=4),
        build_recognizer(seconds=2.0),
        build_recognizer(adaptation=NO_ADAPTATION),
    ):
        assert plain.name in ("ward-pose", "tiny-clip")


def test_an_adaptation_that_is_asked_for_is_taken(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"own\.safetensors"):
        build_recognizer(adaptation=tmp_path / "own.safetensors")


def test_shipped_adaptation_is_of_the_shipped_checkpoint() -> None:
    recognizer = build_recognizer(adaptation=ADAPTATION_FILE)
    assert recognizer.name == "ward-pose+is-clip"
    assert recognizer.calibrations.keys() == {"video", "fused", "imu"}


def test_another_view_is_another_recogniser_with_no_calibration_of_the_first(
    tiny_folder: Path,
) -> None:
    plain, alone = (
        build_recognizer(tiny_folder),
        build_recognizer(tiny_folder, view="person"),
    )
    assert (plain.clip.card.view, alone.clip.card.view) == ("picture", "person")
    assert alone.weights == f"{plain.weights}@person"
    assert alone.identity != plain.identity


def test_the_shipped_checkpoint_of_poses_is_shown_no_pixels() -> None:
    with pytest.raises(CheckpointError, match=r"the view person is of no use"):
        build_recognizer(view="person")
