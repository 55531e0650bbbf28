from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from transformers import SamModel

from models.errors import CheckpointError
from models.masking.sam import TransformersSegmenter, load_any_sam, load_sam
from models.masking.segmentation import Prompt
from tests.tiny_sam import (
    HEIGHT,
    PROMPTS,
    WIDTH,
    candidates_by_hand,
    save_tiny_sam,
    some_picture,
    tiny_processor,
    tiny_sam,
)


@pytest.fixture(scope="module")
def sam() -> SamModel:
    return tiny_sam()


@pytest.fixture
def sam_folder(tmp_path: Path) -> Path:
    return save_tiny_sam(tmp_path)


def test_each_prompt_gets_the_best_of_the_masks_that_sam_gives_by_hand(
    sam: SamModel,
) -> None:
    segmenter = TransformersSegmenter(sam, tiny_processor())
    found = segmenter.segment(some_picture(), PROMPTS)
    assert found.masks.shape == (len(PROMPTS), HEIGHT, WIDTH)
    for prompt, mask, score in zip(PROMPTS, found.masks, found.scores, strict=True):
        masks, scores = candidates_by_hand(sam, prompt)
        assert len(masks) == 3
        np.testing.assert_array_equal(mask, masks[scores.argmax()])
        assert score == pytest.approx(scores.max(), abs=1e-6)
        assert 0 < mask.mean() < 1  # or the comparison would say nothing


def test_prompts_differ_in_their_masks(sam: SamModel) -> None:
    segmenter = TransformersSegmenter(sam, tiny_processor())
    masks = segmenter.segment(some_picture(), PROMPTS).masks
    assert len({mask.tobytes() for mask in masks}) == len(PROMPTS)


def test_prompt_is_answered_alike_alone_and_among_others(sam: SamModel) -> None:
    segmenter = TransformersSegmenter(sam, tiny_processor())
    together = segmenter.segment(some_picture(), PROMPTS)
    for place, prompt in enumerate(PROMPTS):
        alone = segmenter.segment(some_picture(), [prompt])
        np.testing.assert_array_equal(alone.masks[0], together.masks[place])
        assert alone.scores[0] == together.scores[place]


def test_narrow_picture_keeps_its_colours_last(sam: SamModel) -> None:
    segmenter = TransformersSegmenter(sam, tiny_processor())
    prompt = Prompt(((1.0, 1.0),), (1,))
    found = segmenter.segment(some_picture()[:3], [prompt])  # three rows, not colours
    assert found.masks.shape == (1, 3, WIDTH)


def test_no_prompts_give_no_masks(sam: SamModel) -> None:
    segmenter = TransformersSegmenter(sam, tiny_processor())
    found = segmenter.segment(some_picture(), [])
    assert found.masks.shape == (0, HEIGHT, WIDTH)
    assert found.scores.shape == (0,)


# --- its folder


@pytest.mark.parametrize("described", [True, False])
def test_folder_gives_the_model_that_was_saved(
    sam_folder: Path, sam: SamModel, described: bool
) -> None:
    if not described:  # then SAM's own way, at the size of the model
        (sam_folder / "processor_config.json").unlink()
    expected = TransformersSegmenter(sam, tiny_processor())
    picture = some_picture()
    found = load_sam(sam_folder).segment(picture, PROMPTS)
    np.testing.assert_array_equal(found.masks, expected.segment(picture, PROMPTS).masks)


def test_folder_says_how_pictures_are_prepared(sam_folder: Path, sam: SamModel) -> None:
    path = sam_folder / "processor_config.json"
    text = path.read_text()
    assert "0.485" in text
    path.write_text(text.replace("0.485", "0.9"))
    picture = some_picture()
    usual = TransformersSegmenter(sam, tiny_processor()).segment(picture, PROMPTS)
    found = load_sam(sam_folder).segment(picture, PROMPTS)
    assert np.abs(found.scores - usual.scores).max() > 1e-4


def test_folder_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"/nowhere: no such folder$"):
        load_sam(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r": holds no config\.json$"):
        load_sam(tmp_path)


def test_folder_of_another_model_is_refused(tiny_folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"of type 'clip', expected 'sam'$"):
        load_sam(tiny_folder)


@pytest.mark.parametrize("name", ["config.json", "processor_config.json"])
@pytest.mark.parametrize("text", ["{", "[]", '{"model_type": "sam", "size": 3'])
def test_damaged_json_is_refused_in_one_line(
    sam_folder: Path, name: str, text: str
) -> None:
    (sam_folder / name).write_text(text)
    with pytest.raises(CheckpointError, match=r": cannot be read as SAM: ") as caught:
        load_sam(sam_folder)
    assert "\n" not in str(caught.value)


def test_missing_and_misshapen_weights_are_refused(sam_folder: Path) -> None:
    path = sam_folder / "model.safetensors"
    weights = load_file(path)
    name = "mask_decoder.iou_token.weight"
    kept = weights.pop(name)
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=rf"weights are missing, {name} the firs"):
        load_sam(sam_folder)
    save_file({**weights, name: kept[:, :3].clone()}, path, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r": cannot be read as SAM: "):
        load_sam(sam_folder)
    path.write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match=r": cannot be read as SAM: "):
        load_sam(sam_folder)


def test_folder_without_weights_is_refused(sam_folder: Path) -> None:
    (sam_folder / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r": holds no model\.safetensors or pyt"):
        load_sam(sam_folder)


@pytest.mark.parametrize("name", ["./nowhere", "nowhere/", "/nowhere", "a/b/c"])
def test_path_by_its_looks_is_not_asked_of_the_hub(name: str) -> None:
    with pytest.raises(CheckpointError, match=rf"^{name}: no such folder$"):
        load_sam(name)


def test_what_is_neither_folder_nor_hub_name_is_refused() -> None:
    expected = r"^tiny sam: no such folder, and not a hub name$"
    with pytest.raises(CheckpointError, match=expected):
        load_sam("tiny sam")


def test_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sam").write_text("")
    with pytest.raises(CheckpointError, match=r"/sam: is a file, not a folder$"):
        load_sam(tmp_path / "sam")


def test_name_tells_which_form_it_is(sam_folder: Path) -> None:
    assert isinstance(load_any_sam(str(sam_folder)), TransformersSegmenter)
    with pytest.raises(CheckpointError, match=r"/sam\.pth: no such file$"):
        load_any_sam(str(sam_folder / "sam.pth"))


@pytest.mark.parametrize("place", [(50.0, 1.0), (1.0, 39.5), (-0.5, 1.0)])
def test_prompt_that_reaches_out_of_the_picture_is_refused(
    sam: SamModel, place: tuple[float, float]
) -> None:
    segmenter = TransformersSegmenter(sam, tiny_processor())
    prompts = [PROMPTS[0], Prompt((place,), (1,))]
    with pytest.raises(ValueError, match=r"is not in a picture of 40x50 pixels$"):
        segmenter.segment(some_picture(), prompts)
