"""A tokenizer and a small, untrained CLIP model: the start of a new checkpoint.

The shipped tokenizer (``models.bundled``) holds the first 4000 merges of CLIP's
vocabulary, in CLIP's order. The training is in ``pipelines.lab.training``; it ends with
``save_checkpoint``.
"""

import copy
from pathlib import Path

import torch
from jaxtyping import Float32
from torch import Tensor
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
    PreTrainedTokenizerBase,
)

from models.bundled import TOKENIZER_FOLDER
from models.clip.checkpoint import image_size_px
from models.clip.quiet import quiet_transformers

_TEXT_TOKENS = 32
_PLACE_LOUDNESS = 0.5
_PATCH_LOUDNESS = 0.7
_FAINT = 1e-2  # components with less variance are noise, and are not amplified


def small_tokenizer() -> CLIPTokenizer:
    """Load the shipped tokenizer of 4000 merges."""
    tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(
        TOKENIZER_FOLDER, local_files_only=True
    )
    return tokenizer


def small_clip(
    *,
    seed: int,
    image_size_px: int = 128,
    patch_size_px: int = 16,
    vision_width: int = 192,
    vision_layers: int = 8,
    vision_heads: int = 3,
    text_width: int = 128,
    text_layers: int = 3,
    text_heads: int = 4,
    dim: int = 192,
) -> CLIPModel:
    """Build a randomly initialised CLIP model for the shipped tokenizer.

    Args:
        seed: Seed of the weights; torch's global random state is not changed.
        image_size_px: Height and width of its pictures.
        patch_size_px: Height and width of a patch; divides ``image_size_px``.
        vision_width: Width of a picture token; its MLP is four times as wide.
        vision_layers: Blocks of the picture tower.
        vision_heads: Attention heads; divides ``vision_width``.
        text_width: Width of a text token; its MLP is four times as wide.
        text_layers: Blocks of the text tower.
        text_heads: Attention heads; divides ``text_width``.
        dim: Dimension of the space that pictures and texts share.

    Returns:
        The model in float32 and evaluation mode. The default one has 5 million
        parameters: 10 MB as float16.
    """
    tokenizer = small_tokenizer()
    config = CLIPConfig(
        projection_dim=dim,
        vision_config={
            "image_size": image_size_px,
            "patch_size": patch_size_px,
            **_tower_config(vision_width, vision_layers, vision_heads, dim),
        },
        text_config={
            "vocab_size": len(tokenizer),
            "max_position_embeddings": _TEXT_TOKENS,
            **_tower_config(text_width, text_layers, text_heads, dim),
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CLIPModel(config)
    _place_patches(model, image_size_px // patch_size_px)
    model.train(mode=False)
    return model


def _tower_config(width: int, layers: int, heads: int, dim: int) -> dict[str, object]:
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "projection_dim": dim,
        "hidden_act": "gelu",
    }


@torch.no_grad()
def whiten_patches(
    model: CLIPModel, pixels: Float32[Tensor, "picture 3 height width"]
) -> None:
    """Initialise the patch filters with the principal components of picture patches.

    Each component is scaled to the same variance: neighbouring pixels are so similar
    that random filters respond to little but brightness (the first layer of Jordan
    2024, arXiv:2404.00498).

    Needs about a hundred normalised pictures or more.
    """
    convolution = model.vision_model.embeddings.patch_embedding
    side = convolution.kernel_size[0]
    patches = torch.nn.functional.unfold(pixels, side, stride=side)
    rows = patches.transpose(1, 2).flatten(0, 1)
    strengths, components = torch.linalg.eigh(rows.T @ rows / len(rows))
    strongest = strengths.argsort(descending=True)[: convolution.out_channels]
    scaled = components[:, strongest] / (strengths[strongest] + _FAINT).sqrt()
    convolution.weight.copy_(_PATCH_LOUDNESS * scaled.T.reshape_as(convolution.weight))


def _place_patches(model: CLIPModel, side: int) -> None:
    """Initialise the patches' positions with sines and cosines of row and column.

    They have the magnitude of the patches themselves, so that positions can be learnt
    from the first step; CLIP initialises them randomly with small values. Sines and
    cosines follow Beyer et al. 2022, arXiv:2205.01580.
    """
    positions = model.vision_model.embeddings.position_embedding.weight
    width = positions.shape[1]
    rates = 1.0 / 100 ** (torch.arange(width // 4) / (width // 4))
    places = torch.arange(side)[:, None] * rates
    waves = torch.cat((places.sin(), places.cos()), dim=1)
    rows = waves.repeat_interleave(side, dim=0)
    columns = waves.repeat(side, 1)
    waves_2d = torch.cat((rows, columns), dim=1)
    with torch.no_grad():
        positions[1:, : waves_2d.shape[1]] = _PLACE_LOUDNESS * waves_2d


def save_checkpoint(
    model: CLIPModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write a folder that ``models.clip.encoder.load_clip`` and transformers can read.

    Files of the same names are overwritten; ``dtype`` is the type on disk.
    """
    size_px = image_size_px(model)
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": size_px},
        crop_size={"height": size_px, "width": size_px},
    )
    with quiet_transformers():
        torch.nn.Module.to(copy.deepcopy(model), dtype).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        processor.save_pretrained(folder)
