import json
from pathlib import Path

import torch
from transformers import CLIPModel

from models.clip.encoder import encode_texts
from models.clip.new_checkpoint import (
    save_checkpoint,
    small_clip,
    small_tokenizer,
)


def test_shipped_tokenizer_keeps_the_ids_of_clip() -> None:
    # CLIP's own ids of "a", "the" and "person", from its vocab.json
    assert small_tokenizer()("a the person").input_ids[1:-1] == [320, 518, 2533]


def test_shipped_tokenizer_writes_every_letter() -> None:
    tokenizer = small_tokenizer()
    text = "zażółć 日本 №"
    assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text


def test_text_ends_where_the_model_looks_for_it() -> None:
    tokenizer = small_tokenizer()
    ids = tokenizer("word " * 100, truncation=True).input_ids
    assert len(ids) == 32
    assert ids[-1] == small_clip(seed=0).text_model.config.eos_token_id


def test_padding_does_not_change_a_text_and_other_words_do() -> None:
    model, tokenizer = small_clip(seed=0), small_tokenizer()
    long = "a person lying on the floor beside a wheelchair"
    with torch.no_grad():
        alone = encode_texts(model, tokenizer, ["a person walking"])
        padded = encode_texts(model, tokenizer, ["a person walking", long])
        other = encode_texts(model, tokenizer, ["a person falling"])
    torch.testing.assert_close(padded[:1], alone)
    assert (other - alone).abs().max() > 1e-2


def test_seed_alone_decides_the_weights() -> None:
    state = torch.get_rng_state()
    first, second, third = (small_clip(seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    name = "visual_projection.weight"
    assert not torch.equal(first[name], third[name])
    assert torch.equal(torch.get_rng_state(), state)


def test_default_model_stays_under_20_megabytes_as_float16() -> None:
    assert 2 * sum(part.numel() for part in small_clip(seed=0).parameters()) < 20e6


def test_saved_checkpoint_comes_back_equal(tmp_path: Path) -> None:
    model = small_clip(seed=5)
    save_checkpoint(model, small_tokenizer(), tmp_path)
    back = CLIPModel.from_pretrained(tmp_path, local_files_only=True)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "float16"
    for name, weights in model.state_dict().items():
        assert weights.dtype == torch.float32
        assert torch.equal(back.state_dict()[name], weights.half())
