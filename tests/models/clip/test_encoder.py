import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import CLIPImageProcessorPil, CLIPModel

from models.clip.encoder import (
    ClipEncoder,
    encode_pixels,
    encode_texts,
    normalise_pixels,
)


def pictures(count: int, size_px: int = 32) -> np.ndarray:
    random = np.random.default_rng(7)
    return random.integers(0, 256, (count, size_px, size_px, 3), np.uint8)


def test_cosines_are_those_of_transformers(
    tiny_folder: Path, tiny_clip: ClipEncoder
) -> None:
    frames, texts = pictures(3), ["a person", "an empty room in the dark"]
    processor = CLIPImageProcessorPil.from_pretrained(tiny_folder)
    pixels = processor(
        images=[Image.fromarray(frame) for frame in frames], return_tensors="pt"
    )["pixel_values"]
    tokens = tiny_clip.tokenizer(texts, padding=True, return_tensors="pt")
    model = CLIPModel.from_pretrained(tiny_folder)
    with torch.no_grad():
        reference = model(pixel_values=pixels, **tokens)
    np.testing.assert_allclose(
        tiny_clip.encode_frames(frames), reference.image_embeds, atol=1e-5
    )
    np.testing.assert_allclose(
        tiny_clip.encode_texts(texts), reference.text_embeds, atol=1e-5
    )


def test_features_have_unit_norm(tiny_clip: ClipEncoder) -> None:
    features = tiny_clip.encode_frames(pictures(2))
    assert features.shape == (2, tiny_clip.dim)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)


def test_batch_of_any_length_gives_each_picture_its_own_feature(
    tiny_clip: ClipEncoder,
) -> None:
    frames = pictures(130)
    together = tiny_clip.encode_frames(frames)
    for index in (0, 63, 64, 129):
        alone = tiny_clip.encode_frames(frames[index : index + 1])
        np.testing.assert_allclose(together[index], alone[0], atol=1e-5)


def test_no_pictures_give_no_features(tiny_clip: ClipEncoder) -> None:
    assert tiny_clip.encode_frames(pictures(0)).shape == (0, tiny_clip.dim)


def test_read_only_pictures_are_taken(tiny_clip: ClipEncoder) -> None:
    frames = pictures(1)
    frames.setflags(write=False)
    assert np.isfinite(tiny_clip.encode_frames(frames)).all()


@pytest.mark.parametrize("shape", [(1, 32, 48, 3), (2, 64, 32, 3)])
def test_pictures_of_another_size_are_refused(
    tiny_clip: ClipEncoder, shape: tuple[int, ...]
) -> None:
    expected = rf"^pictures of {shape[1]}x{shape[2]} pixels, expected 32x32$"
    with pytest.raises(ValueError, match=expected):
        tiny_clip.encode_frames(np.zeros(shape, np.uint8))


def test_pixels_are_scaled_to_each_colours_mean_and_deviation() -> None:
    frames = torch.tensor([[[[0, 255, 51]]]], dtype=torch.uint8)
    found = normalise_pixels(frames, (0.5, 0.5, 0.1), (0.5, 0.25, 0.1))
    torch.testing.assert_close(found.flatten(), torch.tensor([-1.0, 2.0, 1.0]))


def test_more_texts_than_pass_at_once_keep_their_order(tiny_clip: ClipEncoder) -> None:
    texts = [f"person {number}" for number in range(70)]
    together = tiny_clip.encode_texts(texts)
    alone = np.concatenate([tiny_clip.encode_texts([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_gradients_reach_both_towers(tiny_folder: Path, tiny_clip: ClipEncoder) -> None:
    model = CLIPModel.from_pretrained(tiny_folder)
    pixels = normalise_pixels(torch.tensor(pictures(2)))
    texts = encode_texts(model, tiny_clip.tokenizer, ["a", "b"])
    torch.autograd.backward((encode_pixels(model, pixels) @ texts.T).sum())
    for tower in (model.vision_model, model.text_model):
        assert all(part.grad is not None for part in tower.parameters())


def test_logit_scale_is_the_learned_one_and_at_most_100(
    tiny_folder: Path, tiny_clip: ClipEncoder
) -> None:
    model = CLIPModel.from_pretrained(tiny_folder)
    clip = ClipEncoder("tiny", model, tiny_clip.tokenizer)
    assert clip.logit_scale == pytest.approx(math.exp(2.6592))
    model.logit_scale.data.fill_(5.0)
    assert clip.logit_scale == 100.0
