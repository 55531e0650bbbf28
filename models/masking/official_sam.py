"""SAM from its authors' package ``segment-anything``, for their ``.pth`` files.

The package, and a torchvision built for this torch, are optional: the extra
``official-sam`` installs them. ``models.masking.sam`` needs neither. Source: Kirillov
et al. 2023, arXiv:2304.02643.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float32, Integer, UInt8

from models.errors import CheckpointError
from models.masking.segmentation import (
    Candidates,
    Prompt,
    Segmentation,
    best_masks,
    check_inside,
)
from models.reading import READ_ERRORS, one_line

_VARIANTS = {768: "vit_b", 1024: "vit_l", 1280: "vit_h"}
"""The official models by the width of their picture encoder."""

_POSITIONS = "image_encoder.pos_embed"


@runtime_checkable  # annotations are checked at run time under test
class OfficialPredictor(Protocol):
    """The methods of ``segment_anything.SamPredictor`` that are used."""

    def set_image(self, image: UInt8[np.ndarray, "height width 3"]) -> None:
        """Encode an RGB picture."""
        ...

    def predict(
        self,
        point_coords: Float32[np.ndarray, "point 2"] | None,
        point_labels: Integer[np.ndarray, " point"] | None,
        box: Float32[np.ndarray, " 4"] | None,
        *,
        multimask_output: bool,
    ) -> tuple[
        Bool[np.ndarray, "candidate height width"],
        Float32[np.ndarray, " candidate"],
        object,
    ]:
        """Find masks for a prompt in the pixels of the picture."""
        ...


@final
class OfficialSegmenter:
    """SAM from its authors' package ``segment-anything``.

    Not safe for use from several threads at a time. ``load_official_sam`` makes one
    from a file.
    """

    def __init__(self, predictor: OfficialPredictor) -> None:
        self._predictor = predictor

    def segment(
        self, picture: UInt8[np.ndarray, "height width 3"], prompts: Sequence[Prompt]
    ) -> Segmentation:
        """Find a mask for each prompt; see ``Segmenter``."""
        check_inside(picture, prompts)
        self._predictor.set_image(picture)

        def decode(prompt: Prompt) -> Candidates:
            some = len(prompt.points) > 0
            masks, scores, _ = self._predictor.predict(
                np.array(prompt.points, np.float32) if some else None,
                np.array(prompt.labels) if some else None,
                None if prompt.box is None else np.array(prompt.box, np.float32),
                multimask_output=True,
            )
            return masks, scores

        return best_masks(picture, prompts, decode)


def load_official_sam(path: Path) -> OfficialSegmenter:
    """Load an official checkpoint, such as ``sam_vit_b_01ec64.pth``.

    The weights show which of the three models it is.

    Raises:
        CheckpointError: If the file is missing, damaged or not SAM, or the packages are
            missing or do not match.
    """
    if not path.is_file():
        raise CheckpointError(str(path), "no such file")
    package = _import_official(path)
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        width = weights[_POSITIONS].shape[-1]
        model = package.sam_model_registry[_VARIANTS[width]]()
        model.load_state_dict(weights)
    except READ_ERRORS as err:
        problem = f"cannot be read as an official SAM checkpoint: {one_line(err)}"
        raise CheckpointError(str(path), problem) from err
    predictor = package.SamPredictor(model.train(mode=False))
    return OfficialSegmenter(predictor)


def _import_official(path: Path) -> ModuleType:
    try:
        return importlib.import_module("segment_anything")
    except (ImportError, RuntimeError, OSError, AttributeError) as err:
        # a torchvision built for another torch raises any of the last three
        problem = (
            "an official SAM checkpoint needs the packages segment-anything and "
            f"torchvision, the latter made for torch {torch.__version__}: install "
            f"both with `pip install --editable '.[official-sam]'` ({one_line(err)})"
        )
        raise CheckpointError(str(path), problem) from err
