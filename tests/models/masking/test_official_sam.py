import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import SamModel

from models.errors import CheckpointError
from models.masking.official_sam import OfficialSegmenter, load_official_sam
from models.masking.sam import TransformersSegmenter
from models.masking.segmentation import Prompt
from tests.tiny_sam import (
    PROMPTS,
    candidates_by_hand,
    some_picture,
    tiny_processor,
    tiny_sam,
)


@pytest.fixture(scope="module")
def sam() -> SamModel:
    return tiny_sam()


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
        assert multimask_output
        found = candidates_by_hand(self.model, prompt)
        return *found, None


def test_official_predictor_gets_the_prompts_as_it_wants_them(sam: SamModel) -> None:
    predictor = PredictorOverTransformers(sam)
    official = OfficialSegmenter(predictor)
    other = TransformersSegmenter(sam, tiny_processor())
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


WHAT_TO_INSTALL = re.escape(
    "sam.pth: an official SAM checkpoint needs the packages segment-anything and "
    f"torchvision, the latter made for torch {torch.__version__}: install both with "
    "`pip install --editable '.[official-sam]'` ("
)


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


def test_extra_that_is_named_brings_both_packages() -> None:
    pyproject = Path(__file__).parents[3] / "pyproject.toml"
    extras = tomllib.loads(pyproject.read_text())["project"]["optional-dependencies"]
    assert extras["official-sam"] == ["segment-anything", "torchvision"]


def test_prompt_that_reaches_out_of_the_picture_is_refused(sam: SamModel) -> None:
    segmenter = OfficialSegmenter(PredictorOverTransformers(sam))
    prompts = [PROMPTS[0], Prompt(((50.0, 1.0),), (1,))]
    with pytest.raises(ValueError, match=r"^\(50, 1\) is not in a picture of 40x50"):
        segmenter.segment(some_picture(), prompts)
