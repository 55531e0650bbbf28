"""CLIP's two towers: encode pictures and texts as unit vectors of one space.

    pixels uint8 ──normalise_pixels──▶ picture tower ─▶ projection ─▶ unit norm
    texts ──────────tokenizer────────▶ text tower ────▶ projection ─▶ unit norm

The functions ``encode_pixels`` and ``encode_texts`` keep gradients, for training;
``ClipEncoder`` is for inference. Pictures must be square and of the model's own size;
nothing here resizes. See ``models.clip.checkpoint`` for reading a checkpoint.
"""

import hashlib
import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPModel, PreTrainedTokenizerBase

from models.clip.card import Card, View, read_card, with_view
from models.clip.checkpoint import (
    Colour,
    find_checkpoint,
    image_size_px,
    read_model,
    read_pixel_scale,
    read_tokenizer,
)
from models.clip.picture_tower import PictureTower
from models.errors import CheckpointError

CLIP_MEAN: Colour = (0.48145466, 0.4578275, 0.40821073)
"""Mean of each colour over CLIP's training pictures."""

CLIP_DEVIATION: Colour = (0.26862954, 0.26130258, 0.27577711)
"""Standard deviation of each colour over CLIP's training pictures."""

MAX_LOGIT_SCALE = 100.0
"""CLIP clamps its learned scale here (Radford et al. 2021, arXiv:2103.00020, 2.5)."""

_BATCH = 64
"""Pictures or texts encoded at a time; limits memory without changing the result."""


def normalise_pixels(
    frames: UInt8[Tensor, "batch height width 3"],
    mean: Colour = CLIP_MEAN,
    deviation: Colour = CLIP_DEVIATION,
) -> Float32[Tensor, "batch 3 height width"]:
    """Convert RGB pictures to the picture tower's input.

    Pictures have values of 0 to 255; mean and deviation are fractions of full scale.
    """
    scale = frames.new_tensor(deviation, dtype=torch.float32).mul(255).reciprocal()
    shift = frames.new_tensor(mean, dtype=torch.float32) / frames.new_tensor(
        deviation, dtype=torch.float32
    )
    return (frames * scale - shift).permute(0, 3, 1, 2)


def encode_pixels(
    model: CLIPModel, pixels: Float[Tensor, "batch 3 height width"]
) -> Float32[Tensor, "batch dim"]:
    """Encode normalised pictures, with gradients where they are enabled.

    Returns:
        Rows of unit norm.
    """
    answer = model.get_image_features(pixel_values=pixels.to(model.dtype))
    return _unit(answer)


def encode_texts(
    model: CLIPModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> Float32[Tensor, "text dim"]:
    """Encode texts, with gradients where they are enabled.

    A text is truncated to the model's context length.

    Returns:
        Rows of unit norm, in the order of ``texts``.
    """
    parts = []
    for start in range(0, len(texts), _BATCH):
        tokens = tokenizer(
            list(texts[start : start + _BATCH]),
            padding=True,
            truncation=True,
            max_length=model.text_model.config.max_position_embeddings,
            return_tensors="pt",
        ).to(model.device)
        answer = model.get_text_features(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
        )
        parts.append(_unit(answer))
    return torch.cat(parts)


def _unit(answer: Any) -> Float32[Tensor, "batch dim"]:  # noqa: ANN401 transformers types it as a tuple too
    """Return the projected vectors of a tower's output, in float32 at unit norm."""
    return normalize(answer.pooler_output.float(), dim=-1)


@final
class TorchTower:
    """The picture tower on torch, on the model's own device and in its own type."""

    backend = "torch"
    variant = ""

    def __init__(self, model: CLIPModel, pixel_scale: tuple[Colour, Colour]) -> None:
        self._model, self._pixel_scale = model, pixel_scale

    @torch.inference_mode()
    def __call__(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch dim"]:
        """See ``PictureTower``."""
        # torch.tensor copies: frames are read-only, which torch cannot share
        batch = torch.tensor(frames, device=self._model.device)
        pixels = normalise_pixels(batch, *self._pixel_scale)
        features: Float32[np.ndarray, "batch dim"] = encode_pixels(
            self._model, pixels
        ).numpy(force=True)
        return features


@final
class ClipEncoder:
    """A CLIP checkpoint that encodes NumPy pictures and texts as unit vectors.

    Not safe for use from several threads at a time.

    Attributes:
        tower: What encodes the pictures; torch, unless another backend is set.

    Args:
        name: Name of the model in predictions.
        model: The model, in evaluation mode.
        tokenizer: The model's own tokenizer.
        mean: Mean of each colour, for ``normalise_pixels``.
        deviation: Standard deviation of each colour, for ``normalise_pixels``.
        card: What the model looks at, and how its frames are averaged.
    """

    def __init__(
        self,
        name: str,
        model: CLIPModel,
        tokenizer: PreTrainedTokenizerBase,
        mean: Colour = CLIP_MEAN,
        deviation: Colour = CLIP_DEVIATION,
        card: Card | None = None,
    ) -> None:
        self.card = card or Card()
        self.name = name
        self.model = model
        self.tokenizer = tokenizer
        self.pixel_scale = mean, deviation
        self.tower: PictureTower = TorchTower(model, self.pixel_scale)

    @cached_property
    def hash(self) -> str:
        """First eight hexadecimal digits of a SHA-256 over the weights."""
        digest = hashlib.sha256()
        for _, value in sorted(self.model.named_parameters()):
            digest.update(value.detach().float().cpu().numpy().tobytes())
        return digest.hexdigest()[:8]

    @property
    def image_size_px(self) -> int:
        """Height and width of the pictures that it accepts."""
        return image_size_px(self.model)

    @property
    def dim(self) -> int:
        """Number of dimensions of the vectors."""
        return self.model.visual_projection.out_features

    @property
    def logit_scale(self) -> float:
        """Learned factor of a cosine before the softmax, at most 100."""
        return min(math.exp(self.model.logit_scale.item()), MAX_LOGIT_SCALE)

    def encode_frames(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch dim"]:
        """Encode RGB pictures of the model's own size.

        Returns:
            Rows of unit norm.

        Raises:
            ValueError: If the pictures have another size.
        """
        self.require_size(frames)
        features = np.empty((len(frames), self.dim), np.float32)
        for start in range(0, len(frames), _BATCH):
            part = slice(start, start + _BATCH)
            features[part] = self.tower(frames[part])
        return features

    def require_size(self, frames: UInt8[np.ndarray, "batch height width 3"]) -> None:
        """Refuse pictures that do not have the model's own size.

        Raises:
            ValueError: If they have another size.
        """
        height, width = frames.shape[1:3]
        size_px = self.image_size_px
        if (height, width) != (size_px, size_px):
            msg = f"pictures of {height}x{width} pixels, expected {size_px}x{size_px}"
            raise ValueError(msg)

    def require_pictures(self) -> None:
        """Refuse a checkpoint that does not look at whole pictures.

        For work on pictures that do not pass through the chain, which finds people.

        Raises:
            CheckpointError: If it looks at people or poses.
        """
        if self.card.view != "picture":
            problem = f"looks at a {self.card.view}; choose one that looks at pictures"
            raise CheckpointError(self.name, problem)

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> Float32[np.ndarray, "text dim"]:
        """Encode at least one text; see the function ``encode_texts``.

        Returns:
            Rows of unit norm.
        """
        vectors = encode_texts(self.model, self.tokenizer, texts)
        return vectors.numpy(force=True)


def load_clip(
    name_or_path: str | Path,
    *,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    view: View | None = None,
) -> ClipEncoder:
    """Load a CLIP checkpoint of any size.

    Args:
        name_or_path: A folder or a hub name.
        dtype: Type of the weights; bfloat16 is slower on a CPU without AMX.
        device: Name of a torch device.
        view: What the model looks at; None is what its card says.

    Raises:
        CheckpointError: If it is missing, damaged, not CLIP, cannot be fetched, or
            cannot be used with the view.
    """
    folder = find_checkpoint(name_or_path)
    card = with_view(read_card(folder), view, str(name_or_path))
    model = read_model(folder, dtype)
    tokenizer = read_tokenizer(folder, model)
    mean, deviation = read_pixel_scale(folder) or (CLIP_MEAN, CLIP_DEVIATION)
    given = Path(name_or_path).expanduser()
    name = folder.resolve().name if folder == given else str(name_or_path)
    torch.nn.Module.to(model, device)
    return ClipEncoder(name, model, tokenizer, mean, deviation, card)
