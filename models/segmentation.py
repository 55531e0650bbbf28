"""Cut things out of a picture by pointing at them, with SAM or with what is known.

    picture, prompts ──▶ Segmenter ──▶ a mask for each prompt, and how good it is
                            ├── TransformersSegmenter   SAM, a folder of transformers
                            ├── OfficialSegmenter       SAM, a ``.pth`` file
                            └── KnownSegmenter          a map of what each pixel shows

A picture passes SAM's large encoder once; each prompt then passes the small decoder for
itself, for prompts padded to one length would change each other's masks. SAM is
Kirillov et al. 2023, arXiv:2304.02643.
"""

import importlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
import torch
from huggingface_hub.errors import StrictDataclassError
from jaxtyping import Bool, Float32, Float64, Integer, UInt8
from safetensors import SafetensorError
from transformers import SamImageProcessorPil, SamModel, SamProcessor

from models.errors import CheckpointError
from models.quiet import quiet_transformers

Point = tuple[float, float]
"""From the left and from the top, in pixels; whole numbers are middles of pixels."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom pixel, all four inside."""

_CONFIG = "config.json"
_PREPROCESSORS = ("preprocessor_config.json", "processor_config.json")
_VARIANTS = {768: "vit_b", 1024: "vit_l", 1280: "vit_h"}
"""The official models by the width of their picture encoder."""

_POSITIONS = "image_encoder.pos_embed"
_READ_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RuntimeError,
    EOFError,
    UnpicklingError,
    SafetensorError,
    StrictDataclassError,
)
"""What a damaged file makes torch and transformers raise."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one mask shall show: points, a box or both.

    Attributes:
        points: Each lies on the thing or beside it.
        labels: For each point 1 where it lies on the thing, 0 where beside it.
        box: Drawn around the thing.

    Raises:
        ValueError: If there is neither a box nor a point on the thing, points and
            labels are not as many, a label is neither 0 nor 1, or the box's corners
            are the wrong way round.
    """

    points: tuple[Point, ...] = ()
    labels: tuple[int, ...] = ()
    box: Box | None = None

    def __post_init__(self) -> None:
        if len(self.points) != len(self.labels):
            msg = f"{len(self.points)} points with {len(self.labels)} labels"
            raise ValueError(msg)
        if not {0, 1}.issuperset(self.labels):
            msg = f"labels of points {self.labels}, expected 1 on the thing, 0 beside"
            raise ValueError(msg)
        if self.box is None and 1 not in self.labels:
            msg = "a prompt needs a box, or a point on the thing"
            raise ValueError(msg)
        if self.box is not None:
            left, top, right, bottom = self.box
            if left > right or top > bottom:
                msg = f"box {self.box}, expected left, top, right, bottom"
                raise ValueError(msg)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """What was found, in the order of the prompts.

    Attributes:
        masks: True where a pixel of the picture shows the thing.
        scores: How far each mask and the thing overlap, as predicted: intersection
            over union, near 0 to 1.
    """

    masks: Bool[np.ndarray, "mask height width"]
    scores: Float32[np.ndarray, " mask"]


@runtime_checkable  # annotations are checked at run time under test
class Segmenter(Protocol):
    """Finds what prompts point at."""

    def segment(
        self, picture: UInt8[np.ndarray, "height width 3"], prompts: Sequence[Prompt]
    ) -> Segmentation:
        """Find a mask for each prompt.

        Args:
            picture: RGB, of any size.
            prompts: Inside the picture; there may be none.

        Raises:
            ValueError: If a prompt reaches out of the picture.
        """
        ...


Candidates = tuple[
    Bool[np.ndarray, "candidate height width"], Float32[np.ndarray, " candidate"]
]
"""Masks for one prompt, and the overlap that is predicted for each."""


@final
class TransformersSegmenter:
    """SAM as transformers has it; it needs no torchvision.

    One thread at a time may use it.

    Args:
        model: In evaluation mode.
        processor: Scales pictures to the model's size, and masks back.
        several: Whether SAM gives three masks, whole, part and smaller part, of which
            the one of the highest predicted overlap is taken; or else its single one,
            which suits prompts that leave no doubt.
    """

    def __init__(
        self, model: SamModel, processor: SamProcessor, *, several: bool = True
    ) -> None:
        self._model = model
        self._processor = processor
        self._several = several

    @torch.inference_mode()
    def segment(
        self, picture: UInt8[np.ndarray, "height width 3"], prompts: Sequence[Prompt]
    ) -> Segmentation:
        """Find a mask for each prompt, as ``Segmenter`` says."""
        _check_inside(picture, prompts)
        scaled = self._processor(
            images=picture, input_data_format="channels_last", return_tensors="pt"
        )
        pixels = scaled["pixel_values"].to(self._model.device)
        encoded = self._model.get_image_embeddings(pixels)
        sizes = scaled["reshaped_input_sizes"][0], scaled["original_sizes"][0]
        factors = (sizes[0].double() / sizes[1]).flip(0).to(pixels.device)

        def decode(prompt: Prompt) -> Candidates:
            answer = self._model(
                **_prompt_tensors(prompt, factors),
                image_embeddings=encoded,
                multimask_output=self._several,
            )
            (masks,) = self._processor.post_process_masks(  # type: ignore[no-untyped-call]
                answer.pred_masks.cpu(),
                scaled["original_sizes"],
                scaled["reshaped_input_sizes"],
            )
            return masks[0].numpy(), answer.iou_scores[0, 0].numpy(force=True)

        return _best_masks(picture, prompts, decode)


def _prompt_tensors(
    prompt: Prompt, factors: Float64[torch.Tensor, " 2"]
) -> dict[str, torch.Tensor]:
    """Put a prompt into a batch of one, its columns and rows times the factors."""
    tensors = {}
    if prompt.points:
        points = factors.new_tensor(prompt.points) * factors
        tensors["input_points"] = points[None, None]
        labels = torch.tensor(prompt.labels, device=factors.device)
        tensors["input_labels"] = labels[None, None]
    if prompt.box is not None:
        corners = factors.new_tensor(prompt.box) * factors.repeat(2)
        tensors["input_boxes"] = corners[None, None]
    return tensors


def load_sam(
    folder: Path, *, several: bool = True, device: str = "cpu"
) -> TransformersSegmenter:
    """Load SAM from a folder as transformers writes it.

    Args:
        folder: Holds ``config.json`` and the weights.
        several: As ``TransformersSegmenter`` takes it.
        device: As torch names it.

    Raises:
        CheckpointError: If it is missing, damaged or no SAM.
    """
    if not (folder / _CONFIG).is_file():
        problem = f"holds no {_CONFIG}" if folder.is_dir() else "no such folder"
        raise CheckpointError(str(folder), problem)
    try:
        kind = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))["model_type"]
        if kind != "sam":
            problem = f"{_CONFIG} describes a model of type {kind!r}, expected 'sam'"
            raise CheckpointError(str(folder), problem)
        with quiet_transformers():
            # its type does not tell that it returns a pair
            load: Callable[..., tuple[SamModel, dict[str, Any]]] = (
                SamModel.from_pretrained  # type: ignore[assignment]
            )
            model, report = load(
                folder,
                dtype=torch.float32,
                local_files_only=True,
                output_loading_info=True,
            )
            processor = _read_processor(folder, model)
    except _READ_ERRORS as err:
        problem = f"cannot be read as SAM: {_one_line(err)}"
        raise CheckpointError(str(folder), problem) from err
    missing = sorted(report["missing_keys"])
    if missing:
        problem = f"weights are missing, {missing[0]} the first of {len(missing)}"
        raise CheckpointError(str(folder), problem)
    torch.nn.Module.to(model, device)
    return TransformersSegmenter(model, processor, several=several)


def _read_processor(folder: Path, model: SamModel) -> SamProcessor:
    """Read how pictures are prepared, SAM's own way where the folder does not say."""
    told = any((folder / name).is_file() for name in _PREPROCESSORS)
    pictures = (
        SamImageProcessorPil.from_pretrained(folder, local_files_only=True)
        if told
        else SamImageProcessorPil()
    )
    size_px = model.vision_encoder.image_size
    assert isinstance(size_px, int)  # no SAM has two numbers
    pictures.size = {"longest_edge": size_px}  # the model takes no other
    pictures.pad_size = {"height": size_px, "width": size_px}
    return SamProcessor(pictures)  # type: ignore[no-untyped-call]


@runtime_checkable  # annotations are checked at run time under test
class OfficialPredictor(Protocol):
    """The part of ``segment_anything.SamPredictor`` that is used."""

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
        """Decode a prompt in the pixels of the picture."""
        ...


@final
class OfficialSegmenter:
    """SAM as its authors' package ``segment-anything`` has it.

    One thread at a time may use it. ``load_official_sam`` makes one from a file.

    Args:
        predictor: Holds the model.
        several: As ``TransformersSegmenter`` takes it.
    """

    def __init__(self, predictor: OfficialPredictor, *, several: bool = True) -> None:
        self._predictor = predictor
        self._several = several

    def segment(
        self, picture: UInt8[np.ndarray, "height width 3"], prompts: Sequence[Prompt]
    ) -> Segmentation:
        """Find a mask for each prompt, as ``Segmenter`` says."""
        _check_inside(picture, prompts)
        self._predictor.set_image(picture)

        def decode(prompt: Prompt) -> Candidates:
            some = len(prompt.points) > 0
            masks, scores, _ = self._predictor.predict(
                np.array(prompt.points, np.float32) if some else None,
                np.array(prompt.labels) if some else None,
                None if prompt.box is None else np.array(prompt.box, np.float32),
                multimask_output=self._several,
            )
            return masks, scores

        return _best_masks(picture, prompts, decode)


def load_official_sam(
    path: Path, *, several: bool = True, device: str = "cpu"
) -> OfficialSegmenter:
    """Load an official checkpoint, such as ``sam_vit_b_01ec64.pth``.

    The package ``segment-anything`` and a torchvision made for this torch must be
    installed beside this project, which does not bring them.

    Args:
        path: The file; which of the three models it holds shows in its weights.
        several: As ``TransformersSegmenter`` takes it.
        device: As torch names it.

    Raises:
        CheckpointError: If the file is missing, damaged or no SAM, or the packages are
            missing or do not fit.
    """
    if not path.is_file():
        raise CheckpointError(str(path), "no such file")
    package = _import_official(path)
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        width = weights[_POSITIONS].shape[-1]
        model = package.sam_model_registry[_VARIANTS[width]]()
        model.load_state_dict(weights)
    except _READ_ERRORS as err:
        problem = f"cannot be read as an official SAM checkpoint: {_one_line(err)}"
        raise CheckpointError(str(path), problem) from err
    predictor = package.SamPredictor(model.to(device).train(mode=False))
    return OfficialSegmenter(predictor, several=several)


def _import_official(path: Path) -> ModuleType:
    try:
        return importlib.import_module("segment_anything")
    except (ImportError, RuntimeError, OSError, AttributeError) as err:
        # a torchvision made for another torch raises any of the last three
        problem = (
            "an official SAM checkpoint needs the packages segment-anything and "
            f"torchvision, the latter made for torch {torch.__version__}: install "
            f"both with `pip install segment-anything torchvision` ({_one_line(err)})"
        )
        raise CheckpointError(str(path), problem) from err


@final
class KnownSegmenter:
    """Answers from a map of what each pixel of one picture shows.

    A prompt means the things under its points, and the thing that fills most of its
    box; what lies under a point labelled 0 is taken away. As the answer is known, its
    score is 1, or 0 where nothing is left.

    Args:
        things: The number of the thing that each pixel of the picture shows.
        backdrop: A thing that a box means only where it holds nothing else, such as
            the floor behind a person; None where there is none.
    """

    def __init__(
        self,
        things: Integer[np.ndarray, "height width"],
        backdrop: int | None = None,
    ) -> None:
        self._things = things
        self._backdrop = backdrop

    def segment(
        self, picture: UInt8[np.ndarray, "height width 3"], prompts: Sequence[Prompt]
    ) -> Segmentation:
        """Find a mask for each prompt, as ``Segmenter`` says.

        Raises:
            ValueError: Also if the picture has another size than the map.
        """
        size, known = picture.shape[:2], self._things.shape
        if size != known:
            msg = f"a picture of height and width {size}, expected {known} as its map"
            raise ValueError(msg)
        _check_inside(picture, prompts)

        def decode(prompt: Prompt) -> Candidates:
            mask = np.isin(self._things, self._meant(prompt))
            return mask[None], np.array([mask.any()], np.float32)

        return _best_masks(picture, prompts, decode)

    def _meant(self, prompt: Prompt) -> list[int]:
        under: dict[int, set[int]] = {0: set(), 1: set()}
        for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
            under[label].add(int(self._things[_pixel(y), _pixel(x)]))
        if prompt.box is not None:
            under[1].add(self._fills(prompt.box))
        return sorted(under[1] - under[0])

    def _fills(self, box: Box) -> int:
        """Find what fills most of a box; of things as large, the lower number."""
        left, top, right, bottom = (_pixel(edge) for edge in box)
        inside = self._things[top : bottom + 1, left : right + 1]
        numbers, counts = np.unique(inside, return_counts=True)
        counts[numbers == self._backdrop] = 0
        return int(numbers[counts.argmax()])


def _pixel(place: float) -> int:
    """Return the row or column whose middle is nearest; of two, the later."""
    return int(place + 0.5)


def _check_inside(
    picture: UInt8[np.ndarray, "height width 3"], prompts: Sequence[Prompt]
) -> None:
    height, width = picture.shape[:2]
    for prompt in prompts:
        corners = () if prompt.box is None else (prompt.box[:2], prompt.box[2:])
        for x, y in itertools.chain(prompt.points, corners):
            if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
                msg = f"({x:g}, {y:g}) is not in a picture of {height}x{width} pixels"
                raise ValueError(msg)


def _best_masks(
    picture: UInt8[np.ndarray, "height width 3"],
    prompts: Sequence[Prompt],
    decode: Callable[[Prompt], Candidates],
) -> Segmentation:
    """Keep of each prompt's masks the one of the highest score, the earlier of two."""
    masks = np.zeros((len(prompts), *picture.shape[:2]), np.bool_)
    scores = np.zeros(len(prompts), np.float32)
    for place, prompt in enumerate(prompts):
        found, overlaps = decode(prompt)
        best = int(overlaps.argmax())
        masks[place], scores[place] = found[best], overlaps[best]
    return Segmentation(masks, scores)


def _one_line(err: BaseException) -> str:
    """Say what went wrong in the error's own first words, at most 200 characters."""
    text = " ".join(str(err).split()) or type(err).__name__
    return text if len(text) <= 200 else text[:197] + "..."
