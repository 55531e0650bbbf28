from pathlib import Path

import numpy as np
import pytest

from models.build import build_recognizer
from models.bundled import NO_ADAPTATION
from models.clip.backend import choose_tower, has_amx_bf16, speedup
from models.clip.encoder import ClipEncoder, load_clip
from models.clip.new_checkpoint import save_checkpoint, small_clip, small_tokenizer
from models.clip.openvino_tower import convert_tower, read_tower
from models.clip.picture_tower import PictureTower
from models.errors import CheckpointError
from models.quiet_openvino import openvino
from models.recognizer import weights_hash
from tests.models.adapted_rig import save_kind


def pictures(count: int) -> np.ndarray:
    random = np.random.default_rng(7)
    frames = random.integers(0, 256, (count, 32, 32, 3), np.uint8)
    frames.setflags(write=False)  # as those of a camera
    return frames


@pytest.fixture(scope="module")
def on_openvino(tiny_clip: ClipEncoder, tiny_folder: Path) -> PictureTower:
    return choose_tower(tiny_clip, tiny_folder, "openvino")


@pytest.mark.parametrize("count", [1, 3, 70])
def test_openvino_gives_the_features_of_torch(
    tiny_clip: ClipEncoder, on_openvino: PictureTower, count: int
) -> None:
    frames = pictures(count)
    found = on_openvino(frames)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, tiny_clip.tower(frames), atol=2e-6)


def test_an_answer_survives_the_next_call(on_openvino: PictureTower) -> None:
    first = on_openvino(pictures(2))
    kept = first.copy()
    on_openvino(pictures(2)[::-1])
    np.testing.assert_array_equal(first, kept)


def test_scores_that_are_equal_have_the_key_of_torch(
    tiny_folder: Path, on_openvino: PictureTower
) -> None:
    clip = load_clip(tiny_folder)
    key = weights_hash(clip, "")
    clip.tower = on_openvino
    assert weights_hash(clip, "") == key


def test_bf16_has_a_key_of_its_own_and_needs_its_instructions(
    tiny_folder: Path,
) -> None:
    clip = load_clip(tiny_folder)
    key = weights_hash(clip, "")
    if not has_amx_bf16():
        with pytest.raises(CheckpointError, match=r"amx_bf16; choose openvino$"):
            choose_tower(clip, tiny_folder, "openvino-bf16")
        return
    exact = clip.encode_frames(pictures(5))
    clip.tower = choose_tower(clip, tiny_folder, "openvino-bf16")
    assert weights_hash(clip, "") == f"{key}/bf16"
    assert (exact * clip.encode_frames(pictures(5))).sum(axis=1).min() > 0.999


def test_auto_leaves_a_small_tower_on_torch(
    tiny_clip: ClipEncoder, tiny_folder: Path
) -> None:
    assert choose_tower(tiny_clip, tiny_folder, "auto") is tiny_clip.tower


def test_a_missing_tower_in_eight_bits_is_one_line(
    tiny_clip: ClipEncoder, tiny_folder: Path
) -> None:
    with pytest.raises(CheckpointError) as caught:
        choose_tower(tiny_clip, tiny_folder, "openvino-int8")
    assert str(caught.value) == (
        f"{tiny_folder}: holds no tower in eight bits for the weights"
        f" {tiny_clip.hash} and the view picture; run wardwatch model quantize"
    )


def test_a_graph_of_another_shape_is_one_line(
    tiny_clip: ClipEncoder, tmp_path: Path
) -> None:
    folder = tmp_path / "larger"
    larger = small_clip(
        seed=0, image_size_px=48, vision_width=24, vision_layers=2, vision_heads=2
    )
    save_checkpoint(larger, small_tokenizer(), folder)
    graph = tmp_path / "other.xml"
    openvino.save_model(convert_tower(load_clip(folder)), graph)
    expected = (
        r"other\.xml: maps \[\?,48,48,3\] to \[\?,192\], "
        r"expected \[\?,32,32,3\] to \[\?,12\]$"
    )
    with pytest.raises(CheckpointError, match=expected):
        read_tower(tiny_clip, graph, "int8-00000000")


def test_a_file_that_is_no_graph_is_one_line(
    tiny_clip: ClipEncoder, tmp_path: Path
) -> None:
    graph = tmp_path / "other.xml"
    graph.write_text("<html/>")
    with pytest.raises(
        CheckpointError, match=r"other\.xml: cannot be read: "
    ) as caught:
        read_tower(tiny_clip, graph, "int8-00000000")
    assert "\n" not in str(caught.value)


def test_sc_clip_stays_on_torch(tmp_path: Path, tiny_folder: Path) -> None:
    clip = load_clip(tiny_folder)  # one of its own: SC-CLIP freezes most of it
    file = save_kind("sc-clip", clip, tmp_path / "sc-clip.safetensors")
    built = build_recognizer(tiny_folder, adaptation=file, backend="auto")
    assert built.clip.tower.backend == "torch"
    with pytest.raises(CheckpointError, match=r"sc-clip uses tokens.*; choose torch$"):
        build_recognizer(tiny_folder, adaptation=file, backend="openvino")


def test_a_recogniser_encodes_on_the_chosen_backend(tiny_folder: Path) -> None:
    built, plain = (
        build_recognizer(tiny_folder, adaptation=NO_ADAPTATION, backend=backend)
        for backend in ("openvino", "torch")
    )
    assert built.clip.tower.backend == "openvino"
    assert built.identity == plain.identity
    frames = pictures(3)
    np.testing.assert_allclose(built.encode(frames), plain.encode(frames), atol=2e-6)


def test_speed_is_relative_to_the_checkpoints_own_tower(
    tiny_clip: ClipEncoder,
) -> None:
    class Twice:
        backend, variant = "torch", ""

        def __call__(self, frames: np.ndarray) -> np.ndarray:
            for _ in range(9):
                tiny_clip.tower(frames)
            return tiny_clip.tower(frames)

    assert 0.02 < speedup(tiny_clip, Twice(), 5) < 0.5
