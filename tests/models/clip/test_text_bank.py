from pathlib import Path

import numpy as np
import torch
from transformers import CLIPModel

from models.clip.encoder import ClipEncoder
from models.clip.text_bank import build_text_bank, embed_labels
from models.prompts.prompt_file import bundled_prompt_set
from models.prompts.prompt_set import LabelPrompts, PromptSet

SMALL = PromptSet(
    "small",
    1,
    ("a photo of {}", "{}", "see {} now"),
    (
        LabelPrompts("walking", ("a person walking", "steps"), "walking"),
        LabelPrompts("falling", ("a person falling",), "fall"),
    ),
)


def test_row_is_the_mean_of_a_labels_sentences_at_unit_norm(
    tiny_clip: ClipEncoder,
) -> None:
    bank = build_text_bank(tiny_clip, SMALL)
    for row, prompt in zip(bank, SMALL.prompts, strict=True):
        sentences = [
            template.format(text)
            for template in SMALL.templates
            for text in prompt.texts
        ]
        units = [tiny_clip.encode_texts([sentence])[0] for sentence in sentences]
        mean = np.mean(units, axis=0)
        np.testing.assert_allclose(row, mean / np.linalg.norm(mean), atol=1e-5)


def test_bank_of_the_bundled_set_has_a_unit_row_a_label(tiny_clip: ClipEncoder) -> None:
    prompt_set = bundled_prompt_set()
    bank = build_text_bank(tiny_clip, prompt_set)
    assert bank.shape == (len(prompt_set.labels), tiny_clip.dim)
    assert bank.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(bank, axis=1), 1, rtol=1e-5)
    assert not bank.flags.writeable


def test_gradients_reach_the_text_tower(
    tiny_folder: Path, tiny_clip: ClipEncoder
) -> None:
    model = CLIPModel.from_pretrained(tiny_folder)
    torch.autograd.backward(embed_labels(model, tiny_clip.tokenizer, SMALL).sum())
    assert all(part.grad is not None for part in model.text_model.parameters())
