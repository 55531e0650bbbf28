import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import SamConfig, SamImageProcessorPil, SamModel, SamProcessor

from models.errors import CheckpointError
from models.quiet import quiet_transformers
from models.segmentation import (
    KnownSegmenter,
    OfficialSegmenter,
    Prompt,
    Segmenter,
    TransformersSegmenter,
    load_official_sam,
    load_sam,
)

SIDE_PX = 64
HEIGHT, WIDTH = 40, 50
PROMPTS = (
    Prompt(((10.0, 20.0),), (1,)),
    Prompt(((30.5, 7.25), (44.0, 39.0)), (1, 0)),
    Prompt(box=(5.0, 3.0, 31.0, 30.5)),
    Prompt(((12.0, 12.0),), (0,), (2.0, 4.0, 49.0, 39.0)),
)


def tiny_sam() -> SamModel:
    """A SAM of random weights, the same every time."""
    side = {"image_size": SIDE_PX, "patch_size": 8}
    config = SamConfig(
        vision_config={
            **side,
            "hidden_size": 16,
            "output_channels": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "window_size": 4,
            "global_attn_indexes": [1],
            "num_pos_feats": 8,
            "mlp_dim": 32,
        },
        prompt_encoder_config={**side, "hidden_size": 16, "mask_input_channels": 4},
        mask_decoder_config={
            "hidden_size": 16,
            "mlp_dim": 32,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
    )
    model = SamModel(config)
    weights = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in model.named_parameters():
            drawn = torch.randn(value.shape, generator=weights)
            if value.ndim > 1:
                value.copy_(0.3 * drawn)  # loud: masks shall be neither empty nor full
            elif not name.endswith("weight"):
                value.copy_(0.1 * drawn)
            else:
                value.fill_(1)
    model.train(mode=False)
    return model


def tiny_processor() -> SamProcessor:
    pictures = SamImageProcessorPil(
        size={"longest_edge": SIDE_PX},
        pad_size={"height": SIDE_PX, "width": SIDE_PX},
    )
    return SamProcessor(pictures)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def sam() -> SamModel:
    return tiny_sam()


@pytest.fixture
def sam_folder(tmp_path: Path, sam: SamModel) -> Path:
    with quiet_transformers():
        sam.save_pretrained(tmp_path)
        tiny_processor().save_pretrained(tmp_path)
    return tmp_path


def some_picture() -> np.ndarray:
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    picture.setflags(write=False)  # as frames are
    return picture


def candidates_by_hand(
    model: SamModel, prompt: Prompt, *, several: bool
) -> tuple[np.ndarray, np.ndarray]:
    """One prompt as transformers documents it, picture and prompt in one call."""
    processor = tiny_processor()
    parts: dict[str, Any] = {}
    if prompt.points:
        parts["input_points"] = [[list(point) for point in prompt.points]]
        parts["input_labels"] = [list(prompt.labels)]
    if prompt.box is not None:
        parts["input_boxes"] = [[list(prompt.box)]]
    inputs = processor(images=some_picture(), return_tensors="pt", **parts)
    sizes = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
    with torch.no_grad():
        answer = model(**inputs, multimask_output=several)
    masks = processor.post_process_masks(  # type: ignore[no-untyped-call]
        answer.pred_masks, *sizes
    )
    return masks[0][0].numpy(), answer.iou_scores[0, 0].numpy()


# --- SAM by transformers


@pytest.mark.parametrize("several", [True, False])
def test_each_prompt_gets_the_best_of_the_masks_that_sam_gives_by_hand(
    sam: SamModel, several: bool
) -> None:
    segmenter = TransformersSegmenter(sam, tiny_processor(), several=several)
    found = segmenter.segment(some_picture(), PROMPTS)
    assert found.masks.shape == (len(PROMPTS), HEIGHT, WIDTH)
    for prompt, mask, score in zip(PROMPTS, found.masks, found.scores, strict=True):
        masks, scores = candidates_by_hand(sam, prompt, several=several)
        assert len(masks) == (3 if several else 1)
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


@pytest.mark.parametrize("told", [True, False])
def test_folder_gives_the_model_that_was_saved(
    sam_folder: Path, sam: SamModel, told: bool
) -> None:
    if not told:  # then SAM's own way, at the size of the model
        (sam_folder / "processor_config.json").unlink()
    expected = TransformersSegmenter(sam, tiny_processor())
    picture = some_picture()
    found = load_sam(sam_folder).segment(picture, PROMPTS)
    np.testing.assert_array_equal(found.masks, expected.segment(picture, PROMPTS).masks)


def test_folder_tells_how_pictures_are_prepared(
    sam_folder: Path, sam: SamModel
) -> None:
    path = sam_folder / "processor_config.json"
    text = path.read_text()
    assert "0.485" in text
    path.write_text(text.replace("0.485", "0.9"))
    picture = some_picture()
    usual = TransformersSegmenter(sam, tiny_processor()).segment(picture, PROMPTS)
    found = load_sam(sam_folder).segment(picture, PROMPTS)
    assert np.abs(found.scores - usual.scores).max() > 1e-4


def test_single_mask_can_be_asked_for_when_loading(
    sam_folder: Path, sam: SamModel
) -> None:
    found = load_sam(sam_folder, several=False).segment(some_picture(), PROMPTS[:1])
    masks, _ = candidates_by_hand(sam, PROMPTS[0], several=False)
    np.testing.assert_array_equal(found.masks, masks)


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


# --- SAM by its authors


class PredictorOverTransformers:
    """The interface of ``segment_anything.SamPredictor``, over the tiny model."""

    def __init__(self, model: SamModel) -> None:
        self.model = model
        self.pictures: list[np.ndarray] = []

    def set_image(self, image: np.ndarray) -> None:
        self.pictures.append(image)

    def predict(
        self,
        point_coords: np.ndarray | None,
        point_labels: np.ndarray | None,
        box: np.ndarray | None,
        *,
        multimask_output: bool,
    ) -> tuple[np.ndarray, np.ndarray, None]:
        points, labels = (
            () if each is None else each.tolist()
            for each in (point_coords, point_labels)
        )
        prompt = Prompt(
            tuple((x, y) for x, y in points),
            tuple(labels),
            None if box is None else tuple(box.tolist()),
        )
        found = candidates_by_hand(self.model, prompt, several=multimask_output)
        return *found, None


@pytest.mark.parametrize("several", [True, False])
def test_official_predictor_gets_the_prompts_as_it_wants_them(
    sam: SamModel, several: bool
) -> None:
    predictor = PredictorOverTransformers(sam)
    official = OfficialSegmenter(predictor, several=several)
    other = TransformersSegmenter(sam, tiny_processor(), several=several)
    picture = some_picture()
    found, expected = (each.segment(picture, PROMPTS) for each in (official, other))
    np.testing.assert_array_equal(found.masks, expected.masks)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
    assert len(predictor.pictures) == 1  # encoded once for all prompts
    assert predictor.pictures[0] is picture


@pytest.fixture
def package_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a package in place of segment-anything can be written."""
    monkeypatch.delitem(sys.modules, "segment_anything", raising=False)
    folder = tmp_path / "packages" / "segment_anything"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(folder.parent)
    yield folder
    sys.modules.pop("segment_anything", None)


OFFICIAL = """
import torch

class Sam(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.image_encoder = torch.nn.Module()
        self.image_encoder.pos_embed = torch.nn.Parameter(torch.zeros(1, 2, 2, width))

class SamPredictor:
    def __init__(self, model):
        self.model = model

    def set_image(self, image):
        self.shape = image.shape[:2]

    def predict(self, point_coords, point_labels, box, *, multimask_output):
        assert not self.model.training
        first = self.model.image_encoder.pos_embed.detach().flatten()[:1].numpy()
        return torch.ones(1, *self.shape, dtype=torch.bool).numpy(), first, None

sam_model_registry = {
    "vit_b": lambda: Sam(768), "vit_l": lambda: Sam(1024), "vit_h": lambda: Sam(1280)
}
"""


def write_weights(path: Path, width: int) -> Path:
    torch.save({"image_encoder.pos_embed": torch.full((1, 2, 2, width), 0.75)}, path)
    return path


@pytest.mark.parametrize("width", [768, 1024, 1280])
def test_official_file_tells_which_model_it_holds(
    tmp_path: Path, package_folder: Path, width: int
) -> None:
    (package_folder / "__init__.py").write_text(OFFICIAL)
    segmenter = load_official_sam(write_weights(tmp_path / "sam.pth", width))
    found = segmenter.segment(some_picture(), PROMPTS[:1])
    assert found.scores.tolist() == [0.75]  # its own weights, not those it began with
    assert found.masks.all()


@pytest.mark.parametrize("content", [b"", b"damaged", None])
def test_damaged_official_file_is_refused(
    tmp_path: Path, package_folder: Path, content: bytes | None
) -> None:
    (package_folder / "__init__.py").write_text(OFFICIAL)
    path = tmp_path / "sam.pth"
    if content is None:
        write_weights(path, 512)  # none of SAM's widths
    else:
        path.write_bytes(content)
    with pytest.raises(
        CheckpointError, match=r"sam\.pth: cannot be read as an official SAM checkpoint"
    ) as caught:
        load_official_sam(path)
    assert "\n" not in str(caught.value)


def test_missing_official_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"/sam\.pth: no such file$"):
        load_official_sam(tmp_path / "sam.pth")


WHAT_TO_INSTALL = (
    rf"sam\.pth: an official SAM checkpoint needs the packages segment-anything and "
    rf"torchvision, the latter made for torch {torch.__version__}: install both with "
    r"`pip install segment-anything torchvision` "
).replace("+", r"\+")


def test_missing_official_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "segment_anything", None)  # as if it were not here
    with pytest.raises(CheckpointError, match=WHAT_TO_INSTALL) as caught:
        load_official_sam(write_weights(tmp_path / "sam.pth", 768))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "import a_torchvision_that_is_missing",
        "raise RuntimeError('operator torchvision::nms\\ndoes not exist')",
        "raise OSError('undefined symbol')",
    ],
)
def test_torchvision_that_does_not_fit_says_what_to_install(
    tmp_path: Path, package_folder: Path, line: str
) -> None:
    (package_folder / "__init__.py").write_text(line)
    with pytest.raises(CheckpointError, match=WHAT_TO_INSTALL) as caught:
        load_official_sam(write_weights(tmp_path / "sam.pth", 768))
    assert "\n" not in str(caught.value)


# --- what is known


THINGS = np.array(
    [
        # 0  1  2  3  4  5
        [0, 0, 0, 0, 0, 0],
        [0, 7, 7, 0, 3, 3],
        [0, 7, 7, 0, 3, 3],
        [0, 7, 7, 0, 0, 9],
    ]
)
SMALL = np.zeros((4, 6, 3), np.uint8)


def known(
    prompt: Prompt, backdrop: int | None = None
) -> tuple[set[int], float, np.ndarray]:
    """Return what the mask shows, its score, and the mask."""
    found = KnownSegmenter(THINGS, backdrop).segment(SMALL, [prompt])
    return set(THINGS[found.masks[0]].tolist()), found.scores[0], found.masks[0]


def test_point_means_all_of_the_thing_under_it() -> None:
    shown, score, mask = known(Prompt(((1.0, 3.0),), (1,)))
    assert shown == {7}
    assert mask.sum() == 6
    assert score == 1


def test_points_on_two_things_mean_both_and_points_beside_take_away() -> None:
    points = ((1.0, 1.0), (5.0, 1.0), (5.0, 3.0))
    assert known(Prompt(points, (1, 1, 1)))[0] == {3, 7, 9}
    assert known(Prompt(points, (1, 1, 0)))[0] == {3, 7}
    assert known(Prompt(points, (0, 1, 1)))[0] == {3, 9}


def test_point_belongs_to_the_nearest_pixel() -> None:
    assert known(Prompt(((3.4, 1.0),), (1,)))[0] == {0}
    assert known(Prompt(((3.6, 1.4),), (1,)))[0] == {3}


def test_box_means_what_fills_most_of_it_edges_included() -> None:
    assert known(Prompt(box=(1.0, 1.0, 3.0, 3.0)))[0] == {7}
    assert known(Prompt(box=(4.0, 1.0, 5.0, 3.0)))[0] == {3}
    assert known(Prompt(box=(5.0, 3.0, 5.0, 3.0)))[0] == {9}
    assert known(Prompt(box=(0.0, 0.0, 2.0, 1.0)))[0] == {0}


def test_box_means_the_lower_number_of_two_as_large() -> None:
    assert known(Prompt(box=(4.0, 2.0, 5.0, 3.0)))[0] == {3}
    assert known(Prompt(box=(3.0, 1.0, 4.0, 2.0)))[0] == {0}


def test_box_means_the_backdrop_only_where_there_is_nothing_else() -> None:
    whole = Prompt(box=(0.0, 0.0, 5.0, 3.0))
    assert known(whole)[0] == {0}
    assert known(whole, backdrop=0)[0] == {7}
    assert known(Prompt(box=(0.0, 0.0, 3.0, 0.0)), backdrop=0)[0] == {0}


def test_box_and_points_work_together() -> None:
    box = (1.0, 1.0, 2.0, 3.0)
    assert known(Prompt(((4.0, 1.0),), (1,), box))[0] == {3, 7}
    shown, score, mask = known(Prompt(((1.0, 1.0),), (0,), box))
    assert shown == set()
    assert not mask.any()
    assert score == 0


def test_picture_of_another_size_than_the_map_is_refused() -> None:
    segmenter: Segmenter = KnownSegmenter(THINGS)
    with pytest.raises(ValueError, match=r"^a picture of height and width \(6, 4\), "):
        segmenter.segment(np.zeros((6, 4, 3), np.uint8), [])


# --- prompts


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({}, r"^a prompt needs a box, or a point on the thing$"),
        ({"points": ((1.0, 1.0),), "labels": (0,)}, r"^a prompt needs a box, or"),
        ({"points": ((1.0, 1.0),)}, r"^1 points with 0 labels$"),
        ({"points": ((1.0, 1.0),), "labels": (2,)}, r"^labels of points \(2,\), "),
        ({"box": (3.0, 1.0, 2.0, 4.0)}, r"^box \(3\.0, .*expected left, top, right"),
        ({"box": (1.0, 5.0, 2.0, 4.0)}, r"^box \(1\.0, .*expected left, top, right"),
    ],
)
def test_prompt_that_means_nothing_is_refused(
    parts: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Prompt(**parts)


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        (Prompt(((50.0, 1.0),), (1,)), r"\(50, 1\)"),
        (Prompt(((1.0, 39.5),), (1,)), r"\(1, 39\.5\)"),
        (Prompt(((-0.5, 1.0),), (1,)), r"\(-0\.5, 1\)"),
        (Prompt(((float("nan"), 1.0),), (1,)), r"\(nan, 1\)"),
        (Prompt(box=(1.0, 2.0, 3.0, 40.0)), r"\(3, 40\)"),
        (Prompt(box=(1.0, -2.0, 3.0, 4.0)), r"\(1, -2\)"),
    ],
)
def test_prompt_that_reaches_out_of_the_picture_is_refused(
    sam: SamModel, prompt: Prompt, place: str
) -> None:
    segmenters: tuple[Segmenter, ...] = (
        TransformersSegmenter(sam, tiny_processor()),
        OfficialSegmenter(PredictorOverTransformers(sam)),
        KnownSegmenter(np.zeros((HEIGHT, WIDTH), np.int64)),
    )
    for segmenter in segmenters:
        with pytest.raises(ValueError, match=rf"^{place} is not in a picture of 40x50"):
            segmenter.segment(some_picture(), [PROMPTS[0], prompt])
