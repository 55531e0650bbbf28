"""The start of a checkpoint of our own: a tokenizer and a small, untrained CLIP model.

``make_tokenizer`` was run once and its files are shipped (``models.bundled``), so
that ``small_clip`` needs nothing but this repository. Training stands in
``pipelines.training``; it ends with ``save_checkpoint``.
"""

import copy
import gzip
import itertools
import json
from pathlib import Path

import torch
from jaxtyping import Float32
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor
from transformers import (
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPTokenizer,
    PreTrainedTokenizerBase,
)

from models.bundled import TOKENIZER_FOLDER
from models.checkpoint import image_size_px
from models.quiet import quiet_transformers

_WORD_END = "</w>"
_BOS = "<|startoftext|>"
_EOS = "<|endoftext|>"
_TEXT_TOKENS = 32
_PLACE_LOUDNESS = 0.5
_PATCH_LOUDNESS = 0.7
_FAINT = 1e-2  # components fainter than this are noise, and are not made as loud


def make_tokenizer(merges_path: Path, merge_count: int, folder: Path) -> None:
    """Write a CLIP tokenizer with the first merges of a vocabulary.

    Its token ids are CLIP's own, but for the two markers, which come last.

    Args:
        merges_path: CLIP's ``bpe_simple_vocab_16e6.txt.gz``: a head line, then a
            merge a line, the most frequent first.
        merge_count: How many merges to keep; CLIP keeps 48894.
        folder: Where ``vocab.json``, ``merges.txt`` and ``tokenizer_config.json`` go.

    Raises:
        ValueError: If the file holds fewer merges.
    """
    with gzip.open(merges_path, "rt", encoding="utf-8") as lines:
        wanted = itertools.islice(lines, 1, merge_count + 1)
        merges = [line.rstrip("\n") for line in wanted]
    if len(merges) < merge_count:
        msg = f"{merges_path} holds {len(merges)} merges, expected {merge_count}"
        raise ValueError(msg)
    letters = sorted(ByteLevel.alphabet())  # by code point: CLIP's own order
    tokens = [
        *letters,
        *(letter + _WORD_END for letter in letters),
        *(merge.replace(" ", "") for merge in merges),
        _BOS,
        _EOS,
    ]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": _TEXT_TOKENS,
        "bos_token": _BOS,
        "eos_token": _EOS,
        "pad_token": _EOS,
        "unk_token": _EOS,
    }
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "vocab.json", json.dumps(vocabulary, ensure_ascii=False))
    _write(folder / "merges.txt", "\n".join(["#version: 0.2", *merges]))
    _write(folder / "tokenizer_config.json", json.dumps(settings, indent=2))


def _write(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")


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
        seed: Of the weights alone; the caller's random state stays as it was.
        image_size_px: Height and width of its pictures.
        patch_size_px: Height and width of a patch; divides ``image_size_px``.
        vision_width: Width of a picture token; its MLP is four times as wide.
        vision_layers: Blocks of the picture tower.
        vision_heads: Attention heads; divides ``vision_width``.
        text_width: Width of a text token; its MLP is four times as wide.
        text_layers: Blocks of the text tower.
        text_heads: Attention heads; divides ``text_width``.
        dim: Width of the space that pictures and texts share.

    Returns:
        The model in float32, in evaluation mode. The default one has 5 million
        parameters: 10 MB as float16.
    """
    tokenizer = small_tokenizer()
    config = CLIPConfig(
        projection_dim=dim,
        vision_config={
            "image_size": image_size_px,
            "patch_size": patch_size_px,
            "hidden_size": vision_width,
            "intermediate_size": 4 * vision_width,
            "num_hidden_layers": vision_layers,
            "num_attention_heads": vision_heads,
            "projection_dim": dim,
            "hidden_act": "gelu",
        },
        text_config={
            "vocab_size": len(tokenizer),
            "max_position_embeddings": _TEXT_TOKENS,
            "hidden_size": text_width,
            "intermediate_size": 4 * text_width,
            "num_hidden_layers": text_layers,
            "num_attention_heads": text_heads,
            "projection_dim": dim,
            "hidden_act": "gelu",
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


@torch.no_grad()
def whiten_patches(
    model: CLIPModel, pixels: Float32[Tensor, "picture 3 height width"]
) -> None:
    """Start the patch filters as what tells patches of these pictures apart.

    The filters become the strongest principal components of the patches, each scaled
    to the same loudness: neighbouring pixels are so alike that random filters hear
    little but brightness (the first layer of Jordan 2024, arXiv:2404.00498).

    Args:
        model: Its patch filters are overwritten.
        pixels: Normalised pictures, some hundred or more.
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
    """Start the patches' positions as sines and cosines of row and column.

    They are as loud as the patches themselves, so that where something is can be
    learnt from the first step; CLIP draws them at random and faint. Sines and cosines
    follow Beyer et al. 2022, arXiv:2205.01580.
    """
    positions = model.vision_model.embeddings.position_embedding.weight
    width = positions.shape[1]
    rates = 1.0 / 100 ** (torch.arange(width // 4) / (width // 4))
    places = torch.arange(side)[:, None] * rates
    waves = torch.cat((places.sin(), places.cos()), dim=1)
    rows = waves.repeat_interleave(side, dim=0)
    columns = waves.repeat(side, 1)
    told = torch.cat((rows, columns), dim=1)
    with torch.no_grad():
        positions[1:, : told.shape[1]] = _PLACE_LOUDNESS * told


def save_checkpoint(
    model: CLIPModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write a folder that ``models.clip.load_clip`` and transformers read.

    Args:
        model: Any CLIP model; it is left as it is.
        tokenizer: The one that it was trained with.
        folder: Made if need be; files of the same names are overwritten.
        dtype: Of the weights on disk.
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
