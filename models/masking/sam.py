"""SAM from transformers: find a mask for what a prompt points at.

    picture ─▶ large encoder, once ─┐
    each prompt ────────────────────┴─▶ small decoder ─▶ masks, of which the best is
    kept

Each prompt is decoded separately, because prompts padded to one length would change
each other's masks. Torchvision is not needed. Source: Kirillov et al. 2023,
arXiv:2304.02643; ``models.masking.official_sam`` reads its authors' files.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float64, UInt8
from transformers import SamImageProcessorPil, SamModel, SamProcessor

from models.clip.hub import WEIGHTS, fetch, is_path
from models.clip.quiet import quiet_transformers
from models.errors import CheckpointError
from models.masking.official_sam import load_official_sam
from models.masking.segmentation import (
    Candidates,
    Prompt,
    Segmentation,
    Segmenter,
    best_masks,
    check_inside,
)
from models.reading import READ_ERRORS, one_line

_CONFIG = "config.json"
_PREPROCESSORS = ("preprocessor_config.json", "processor_config.json")


@final
class TransformersSegmenter:
    """SAM from transformers; it needs no torchvision.

    SAM proposes three masks: whole, part and smaller part. The one with the highest
    predicted overlap is kept. Not safe for use from several threads at a time.
    """

    def __init__(self, model: SamModel, processor: SamProcessor) -> None:
        self._model = model
        self._processor = processor

    @torch.inference_mode()
    def segment(
        self, picture: UInt8[np.ndarray, "height width 3"], prompts: Sequence[Prompt]
    ) -> Segmentation:
        """Find a mask for each prompt; see ``Segmenter``."""
        check_inside(picture, prompts)
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
                multimask_output=True,
            )
            (masks,) = self._processor.post_process_masks(  # type: ignore[no-untyped-call]
                answer.pred_masks.cpu(),
                scaled["original_sizes"],
                scaled["reshaped_input_sizes"],
            )
            return masks[0].numpy(), answer.iou_scores[0, 0].numpy(force=True)

        return best_masks(picture, prompts, decode)


def _prompt_tensors(
    prompt: Prompt, factors: Float64[torch.Tensor, " 2"]
) -> dict[str, torch.Tensor]:
    """Return a prompt as a batch of one, with x and y scaled by the factors."""
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


def load_any_sam(name_or_path: str | Path) -> Segmenter:
    """Load SAM from an official ``.pth`` file, a folder or the hub.

    Raises:
        CheckpointError: As for ``load_sam`` and ``load_official_sam``.
    """
    if Path(name_or_path).suffix == ".pth":
        return load_official_sam(Path(name_or_path).expanduser())
    return load_sam(name_or_path)


def load_sam(name_or_path: str | Path) -> TransformersSegmenter:
    """Load SAM from a folder of transformers or from the hub.

    Raises:
        CheckpointError: If it is missing, damaged, not SAM, or cannot be fetched.
    """
    folder = _find(name_or_path)
    try:
        kind = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))["model_type"]
        if kind != "sam":
            problem = f"{_CONFIG} describes a model of type {kind!r}, expected 'sam'"
            raise CheckpointError(str(folder), problem)
        with quiet_transformers():
            # its type does not say that it returns a pair
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
    except READ_ERRORS as err:
        problem = f"cannot be read as SAM: {one_line(err)}"
        raise CheckpointError(str(folder), problem) from err
    missing = sorted(report["missing_keys"])
    if missing:
        problem = f"weights are missing, {missing[0]} the first of {len(missing)}"
        raise CheckpointError(str(folder), problem)
    return TransformersSegmenter(model, processor)


def _find(name_or_path: str | Path) -> Path:
    folder = Path(name_or_path).expanduser()
    if folder.is_dir():
        problem = _missing(folder)
    elif isinstance(name_or_path, Path) or is_path(name_or_path):
        problem = "is a file, not a folder" if folder.exists() else "no such folder"
    else:
        return fetch(name_or_path, (_CONFIG, *_PREPROCESSORS), _missing)
    if problem is not None:
        raise CheckpointError(str(name_or_path), problem)
    return folder


def _missing(folder: Path) -> str | None:
    if not (folder / _CONFIG).is_file():
        return f"holds no {_CONFIG}"
    if not any((folder / weights).is_file() for weights in WEIGHTS):
        return "holds no model.safetensors or pytorch_model.bin"
    return None


def _read_processor(folder: Path, model: SamModel) -> SamProcessor:
    """Read how to prepare pictures; use SAM's defaults if the folder does not say."""
    described = any((folder / name).is_file() for name in _PREPROCESSORS)
    pictures = (
        SamImageProcessorPil.from_pretrained(folder, local_files_only=True)
        if described
        else SamImageProcessorPil()
    )
    size_px = model.vision_encoder.image_size
    assert isinstance(size_px, int)  # no SAM has two numbers
    pictures.size = {"longest_edge": size_px}  # the only size that the model accepts
    pictures.pad_size = {"height": size_px, "width": size_px}
    return SamProcessor(pictures)  # type: ignore[no-untyped-call]
