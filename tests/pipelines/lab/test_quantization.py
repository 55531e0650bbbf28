import dataclasses
import shutil
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from models.build import build_recognizer
from models.bundled import NO_ADAPTATION
from models.clip.backend import choose_tower
from models.clip.encoder import load_clip
from models.clip.int8_files import Int8Facts, read_facts, write_facts
from models.errors import CheckpointError
from models.recognizer import ClipRecognizer
from pipelines.errors import FootageError, PipelineError
from pipelines.lab.quantization import (
    find_videos,
    gather_pictures,
    quantize_tower,
)
from pipelines.sources.gstreamer.video_writer import VideoFileWriter
from tests.tiny_checkpoint import TINY_PX, save_tiny_checkpoint


def show(stage: str, done: int, total: int, note: str) -> None:
    """Show nothing."""


def pictures(count: int, seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3), np.uint8)
    return coarse.repeat(TINY_PX // 4, axis=1).repeat(TINY_PX // 4, axis=2)


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> ClipRecognizer:
    folder = save_tiny_checkpoint(tmp_path_factory.mktemp("quantized") / "tiny")
    return build_recognizer(folder, adaptation=NO_ADAPTATION)


@pytest.fixture(scope="module")
def quantized(
    recognizer: ClipRecognizer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Int8Facts, Path]:
    out = tmp_path_factory.mktemp("int8")
    return quantize_tower(recognizer, pictures(24, 1), pictures(16, 2), out)


@pytest.mark.slow
def test_the_costs_are_those_of_the_tower_that_is_used(
    recognizer: ClipRecognizer, quantized: tuple[Int8Facts, Path]
) -> None:
    facts, graph = quantized
    clip = recognizer.clip
    tower = choose_tower(clip, graph.parent, "openvino-int8")
    frames = pictures(16, 2)
    cosines = (clip.tower(frames) * tower(frames)).sum(axis=1)
    assert (facts.calibrated_on, facts.measured_on) == (24, 16)
    assert facts.mean_cosine == pytest.approx(cosines.mean(), abs=1e-6)
    assert facts.least_cosine == pytest.approx(cosines.min(), abs=1e-6)
    assert facts.least_cosine > 0.98
    assert facts.mean_cosine < 1 - 1e-6  # eight bits, not 32
    assert 0 <= facts.agreement <= 1
    assert facts.speedup > 0


@pytest.mark.slow
def test_weights_in_eight_bits_are_stored_as_such(
    recognizer: ClipRecognizer, quantized: tuple[Int8Facts, Path]
) -> None:
    _, graph = quantized
    assert 'element_type="i8"' in graph.read_text()
    tower = recognizer.clip.model.vision_model
    values = sum(each.numel() for each in tower.parameters())
    assert graph.with_suffix(".bin").stat().st_size < 2.5 * values


@pytest.mark.slow
def test_a_tower_is_found_by_the_hash_of_its_weights(
    quantized: tuple[Int8Facts, Path], recognizer: ClipRecognizer
) -> None:
    facts, graph = quantized
    assert read_facts(recognizer.clip, graph.parent) == facts
    other = load_clip(save_tiny_checkpoint(graph.parent / "other"))
    bias = other.model.vision_model.post_layernorm.bias
    bias.data += 1
    expected = rf"for the weights {other.hash} and the view picture, only {graph.stem};"
    with pytest.raises(CheckpointError, match=expected):
        choose_tower(other, graph.parent, "openvino-int8")


@pytest.mark.slow
@pytest.mark.parametrize(("speedup", "taken"), [(2.0, True), (0.9, False)])
def test_auto_takes_a_tower_in_eight_bits_if_it_was_faster(
    quantized: tuple[Int8Facts, Path],
    recognizer: ClipRecognizer,
    tmp_path: Path,
    speedup: float,
    taken: bool,
) -> None:
    facts, graph = quantized
    copied = copy_tower(graph, tmp_path)
    write_facts(copied, dataclasses.replace(facts, speedup=speedup))
    tower = choose_tower(recognizer.clip, tmp_path, "auto")
    assert (tower.backend == "openvino-int8") == taken
    assert tower.variant == (facts.variant if taken else "")


def copy_tower(graph: Path, folder: Path) -> Path:
    for path in graph.parent.glob(f"{graph.stem}.*"):
        shutil.copy(path, folder)
    return folder / graph.name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda graph: graph.with_suffix(".bin").write_bytes(b""), "its numbers are"),
        (lambda graph: graph.with_suffix(".bin").unlink(), "No such file"),
        (lambda graph: graph.with_suffix(".json").write_text("{"), "Expecting"),
        (lambda graph: graph.with_suffix(".json").write_text("{}"), "version"),
    ],
)
def test_a_damaged_tower_is_one_line(
    quantized: tuple[Int8Facts, Path],
    recognizer: ClipRecognizer,
    tmp_path: Path,
    damage: object,
    problem: str,
) -> None:
    _, graph = quantized
    assert callable(damage)
    damage(copy_tower(graph, tmp_path))
    with pytest.raises(CheckpointError) as caught:
        choose_tower(recognizer.clip, tmp_path, "auto")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "wardwatch model quantize" in str(caught.value)


def write_video(path: Path, seed: int, steps: int = 48) -> None:
    path.parent.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    with VideoFileWriter(path, 64, 64, Fraction(12)) as writer:
        for _ in range(steps):
            writer.write(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))


@pytest.mark.slow
def test_pictures_to_measure_on_are_of_other_videos(
    recognizer: ClipRecognizer, tmp_path: Path
) -> None:
    write_video(tmp_path / "a" / "one.mp4", 1)
    write_video(tmp_path / "two.MKV", 2)
    recordings = find_videos(tmp_path)
    assert [each.file for each in recordings] == ["a/one.mp4", "two.MKV"]
    one, two = gather_pictures(recognizer, recordings, 500, 1, show)
    assert one.shape[1:] == two.shape[1:] == (TINY_PX, TINY_PX, 3)
    again, _ = gather_pictures(recognizer, recordings[::-1], 500, 1, show)
    assert {each.tobytes() for each in two} == {each.tobytes() for each in again}
    few, _ = gather_pictures(recognizer, recordings, 9, 1, show)
    assert len(few) == 9


@pytest.mark.slow
def test_one_video_is_cut_in_halves_and_must_be_long_enough(
    recognizer: ClipRecognizer, tmp_path: Path
) -> None:
    write_video(tmp_path / "one.mp4", 1, steps=24)
    with pytest.raises(PipelineError, match=r"^\d pictures are too few; give longer"):
        gather_pictures(recognizer, find_videos(tmp_path), 500, 1, show)


def test_a_folder_without_videos_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match=r": holds no video \(\.avi, "):
        find_videos(tmp_path)


def test_nncf_reports_its_use_to_nobody() -> None:
    import nncf

    assert nncf.__version__
    assert sys.modules["openvino_telemetry"] is None
