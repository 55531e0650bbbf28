"""Late fusion lies between camera and wearable, and each answers alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float32
from safetensors.numpy import load_file

from models.adaptation import read_adaptation
from models.build import build_recognizer
from models.clip.encoder import ClipEncoder, load_clip
from models.errors import CheckpointError
from models.is_clip.file import TrainedIsClip, is_clip_of, save_is_clip
from models.is_clip.scorers import IsClipScorer, LateIsClipScorer
from models.window import Window
from tests.models.adapted_rig import make_is_clip
from tests.tiny_checkpoint import TINY_PX, save_tiny_checkpoint

WEIGHT = 1.5
LABELS = 5


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> ClipEncoder:
    return load_clip(save_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny"))


@pytest.fixture(scope="module")
def late(clip: ClipEncoder) -> LateIsClipScorer:
    return LateIsClipScorer(clip, replace(make_is_clip(clip), late_weight=WEIGHT))


@pytest.fixture(scope="module")
def texts(clip: ClipEncoder) -> Float32[np.ndarray, "label dim"]:
    drawn = np.random.default_rng(5).normal(size=(LABELS, clip.dim))
    unit: Float32[np.ndarray, "label dim"] = (
        drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    ).astype(np.float32)
    return unit


def windows(late: LateIsClipScorer) -> tuple[Window, Window, Window]:
    """One time with both, with frames alone, and with samples alone."""
    rng = np.random.default_rng(4)
    frames = rng.integers(0, 256, (8, TINY_PX, TINY_PX, 3), np.uint8)
    samples = rng.normal(0, 3, (131, 6)).astype(np.float32)
    features, none = late.encode(frames), np.zeros((0, 0), np.float32)
    return (
        Window(features, range(8), samples, 50.0),
        Window(features, range(8)),
        Window(none, (), samples, 50.0),
    )


def test_a_fused_answer_is_the_weighted_mean_of_both(
    late: LateIsClipScorer, texts: Float32[np.ndarray, "label dim"]
) -> None:
    (fused, seen, felt), modalities = late.cosines(windows(late), texts)
    assert modalities == ("fused", "video", "imu")
    mean = (seen + WEIGHT * felt) / (1 + WEIGHT)
    np.testing.assert_allclose(fused, mean, atol=1e-6)
    assert not np.allclose(seen, felt, atol=1e-3)


def test_a_wearable_that_does_not_move_has_no_say_beside_a_camera(
    late: LateIsClipScorer, texts: Float32[np.ndarray, "label dim"]
) -> None:
    """It may lie on a table, and must not deny the fall that the camera sees."""
    fused, seen, felt = windows(late)
    calm = np.random.default_rng(1).normal((0, 0, 9.8, 0, 0, 0), 0.1, (281, 6))
    calm = calm.astype(np.float32)
    rows, modalities = late.cosines(
        [replace(fused, imu=calm), seen, replace(felt, imu=calm), felt], texts
    )
    assert modalities == ("fused", "video", "imu", "imu")
    np.testing.assert_allclose(rows[0], rows[1] / 2, atol=1e-6)
    assert not np.allclose(rows[2], 0)  # alone it answers all the same
    assert not np.allclose(rows[2], rows[3])


def test_a_fused_answer_lies_between_both_and_keeps_a_label_they_agree_on(
    clip: ClipEncoder, late: LateIsClipScorer
) -> None:
    drawn = np.random.default_rng(6).normal(size=(100 * LABELS, clip.dim))
    many = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    rows, _ = late.cosines(windows(late), many)
    fused, seen, felt = rows.reshape(3, 100, LABELS)  # a hundred prompt sets
    assert (fused >= np.minimum(seen, felt) - 1e-6).all()
    assert (fused <= np.maximum(seen, felt) + 1e-6).all()
    best = seen.argmax(axis=1)
    agreed = best == felt.argmax(axis=1)
    assert 5 < agreed.sum() < 95
    np.testing.assert_array_equal(fused.argmax(axis=1)[agreed], best[agreed])


def test_a_wearable_that_knows_nothing_leaves_the_cameras_ranking(
    clip: ClipEncoder, late: LateIsClipScorer, texts: Float32[np.ndarray, "label dim"]
) -> None:
    vectors, _ = late.cosines(windows(late), np.eye(clip.dim, dtype=np.float32))
    felt_vector = vectors[2]
    level = texts - np.outer(texts @ felt_vector, felt_vector)
    level /= np.linalg.norm(level, axis=1, keepdims=True)
    (fused, seen, felt), _ = late.cosines(windows(late), level)
    np.testing.assert_allclose(felt, 0, atol=1e-6)
    np.testing.assert_array_equal(fused.argsort(), seen.argsort())


def test_windows_do_not_depend_on_each_other(
    late: LateIsClipScorer, texts: Float32[np.ndarray, "label dim"]
) -> None:
    together, _ = late.cosines(windows(late), texts)
    for window, row in zip(windows(late), together, strict=True):
        alone, _ = late.cosines([window], texts)
        np.testing.assert_allclose(alone[0], row, atol=1e-5)


def test_each_picture_is_encoded_by_the_checkpoint_alone(
    clip: ClipEncoder, late: LateIsClipScorer
) -> None:
    frames = np.zeros((2, TINY_PX, TINY_PX, 3), np.uint8)
    np.testing.assert_array_equal(late.encode(frames), clip.encode_frames(frames))


def test_a_window_with_nothing_is_refused(
    late: LateIsClipScorer, texts: Float32[np.ndarray, "label dim"]
) -> None:
    nothing = Window(
        np.zeros((0, 0), np.float32), (), np.zeros((9, 6), np.float32), 50.0
    )
    with pytest.raises(ValueError, match=r"^a clip of no frames has no average$"):
        late.cosines([nothing], texts)


def test_a_file_keeps_the_weight_and_only_the_wearables_part(
    clip: ClipEncoder, texts: Float32[np.ndarray, "label dim"], tmp_path: Path
) -> None:
    path = tmp_path / "late.safetensors"
    trained = replace(make_is_clip(clip), late_weight=WEIGHT)
    save_is_clip(path, trained, clip)
    assert {name.split(".")[0] for name in load_file(path)} == {"imu_encoder", "joint"}
    back = is_clip_of(read_adaptation(path, clip), clip)
    assert back.late_weight == WEIGHT
    before, after = (LateIsClipScorer(clip, each) for each in (trained, back))
    expected, _ = before.cosines(windows(before), texts)
    found, _ = after.cosines(windows(after), texts)
    np.testing.assert_array_equal(found, expected)


def test_the_file_decides_how_to_fuse(clip: ClipEncoder, tmp_path: Path) -> None:
    for weight, kind in ((WEIGHT, LateIsClipScorer), (None, IsClipScorer)):
        path = tmp_path / f"{weight}.safetensors"
        save_is_clip(path, replace(make_is_clip(clip), late_weight=weight), clip)
        checkpoint = tmp_path / "tiny"
        if not checkpoint.exists():
            save_tiny_checkpoint(checkpoint)
        built = build_recognizer(checkpoint, adaptation=path)
        assert type(built.scorer) is kind


def test_a_file_from_before_late_fusion_fuses_as_in_the_paper(
    clip: ClipEncoder, tmp_path: Path
) -> None:
    path = tmp_path / "old.safetensors"
    save_is_clip(path, make_is_clip(clip), clip)
    kept = read_adaptation(path, clip)
    facts = {name: fact for name, fact in kept.facts.items() if name != "late_weight"}
    back = is_clip_of(replace(kept, facts=facts), clip)
    assert back.late_weight is None
    assert {name.split(".")[0] for name in back.kept()} > {"blocks", "projection"}


@pytest.mark.parametrize("weight", [0.0, -1.0, float("inf"), float("nan")])
def test_a_weight_that_means_nothing_is_refused(
    clip: ClipEncoder, weight: float
) -> None:
    with pytest.raises(
        ValueError, match=r"^late_weight .*, expected above 0 and finit"
    ):
        replace(make_is_clip(clip), late_weight=weight)


@pytest.mark.parametrize("weight", [-1, "much"])
def test_a_damaged_weight_is_refused(
    clip: ClipEncoder, tmp_path: Path, weight: object
) -> None:
    path = tmp_path / "late.safetensors"
    save_is_clip(path, replace(make_is_clip(clip), late_weight=WEIGHT), clip)
    kept = read_adaptation(path, clip)
    damaged = replace(kept, facts={**kept.facts, "late_weight": weight})
    with pytest.raises(CheckpointError, match=r"late\.safetensors: cannot be used: "):
        is_clip_of(damaged, clip)


def test_the_papers_fusion_does_not_fuse_late(clip: ClipEncoder) -> None:
    trained: TrainedIsClip = make_is_clip(clip)
    with pytest.raises(ValueError, match=r"^an IS-CLIP without a late_weight"):
        LateIsClipScorer(clip, trained)


#    [ the time before |  the window  ]
#    paper's form:     [  the window  ]
def test_the_papers_form_leaves_out_the_time_before_the_window(
    clip: ClipEncoder, texts: Float32[np.ndarray, "label dim"]
) -> None:
    scorer = IsClipScorer(clip, make_is_clip(clip))
    samples = np.random.default_rng(4).normal(0, 3, (281, 6)).astype(np.float32)
    none = np.zeros((0, 0), np.float32)
    long, short = (Window(none, (), held, 50.0) for held in (samples, samples[-131:]))
    rows, _ = scorer.cosines([long, short], texts)
    np.testing.assert_array_equal(rows[0], rows[1])
