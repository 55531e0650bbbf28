"""The text bank: one unit vector for each label of a prompt set.

    label ─▶ every text in every template ─▶ encode, unit norm ─▶ mean ─▶ unit norm

The mean is over vectors, not over scores (Radford et al. 2021, arXiv:2103.00020,
section 3.1.4). It is computed once for a checkpoint and a prompt set; scoring a clip is
then one matrix product.
"""

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPModel, PreTrainedTokenizerBase

from models.clip.encoder import ClipEncoder, encode_texts
from models.prompts.prompt_set import PromptSet


def embed_labels(
    model: CLIPModel, tokenizer: PreTrainedTokenizerBase, prompt_set: PromptSet
) -> Float32[Tensor, "label dim"]:
    """Encode a prompt set, with gradients where they are enabled.

    Returns:
        Rows of unit norm, in the order of the set's labels.
    """
    sentences = [prompt_set.sentences(label) for label in prompt_set.labels]
    vectors = encode_texts(
        model, tokenizer, [text for row in sentences for text in row]
    )
    rows = torch.split(vectors, [len(row) for row in sentences])
    return normalize(torch.stack([row.mean(dim=0) for row in rows]), dim=-1)


@torch.inference_mode()
def build_text_bank(
    clip: ClipEncoder, prompt_set: PromptSet
) -> Float32[np.ndarray, "label dim"]:
    """Encode a prompt set for scoring, without gradients.

    Returns:
        Rows of unit norm, in the order of the set's labels, read-only.
    """
    bank = embed_labels(clip.model, clip.tokenizer, prompt_set).numpy(force=True)
    bank.setflags(write=False)
    return bank


def describe_labels(
    prompt_set: PromptSet, bank: Float32[np.ndarray, "label dim"]
) -> list[dict[str, str | float]]:
    """Describe each label, and the other label with the most similar texts.

    Returns:
        Rows with ``label``, ``event``, ``priority``, ``nearest`` and ``cosine``.
    """
    cosines = bank @ bank.T
    np.fill_diagonal(cosines, -2.0)  # below every cosine
    return [
        {
            "label": label,
            "event": prompt_set.events[label],
            "priority": prompt_set.priorities[prompt_set.events[label]],
            "nearest": prompt_set.labels[int(row.argmax())],
            "cosine": round(float(row.max()), 3),
        }
        for label, row in zip(prompt_set.labels, cosines, strict=True)
    ]
