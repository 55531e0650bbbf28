"""Covered features: what is covered, and what the study says about each cover."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.recognizer import ClipRecognizer
from pipelines.lab.studies.models.feature_masks import FeatureFrame, Mask
from pipelines.lab.studies.models.features import covers, study_features
from pipelines.lab.studies.models.result import StudyResult, write_result

HEIGHT, WIDTH = 24, 40


def block(top: int, left: int, height: int, width: int) -> Mask:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask


MASKS = {
    "grass": block(16, 0, 8, 40),
    "pitch": block(14, 10, 6, 20),
    "player": block(2, 18, 12, 6),
}


def frame(*features: str, name: str = "cricket.png", seed: int = 0) -> FeatureFrame:
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3))
    masks = {feature: MASKS[feature] for feature in features}
    made_by = dict.fromkeys(features, "known")
    return FeatureFrame(name, noise.astype(np.uint8), masks, made_by)


def study(recognizer: ClipRecognizer, *frames: FeatureFrame) -> StudyResult:
    return study_features(recognizer, frames, "points.json", 1, lambda *_: None)


def test_covers_are_those_of_the_paper_in_its_order() -> None:
    grass, pitch, player = MASKS.values()
    expected = {
        "nothing": np.zeros((HEIGHT, WIDTH), np.bool_),
        **MASKS,
        "all features": grass | pitch | player,
        "all features but player": grass | pitch,
        "everything but player": ~player,
    }
    found = dict(covers(frame("grass", "pitch", "player")))
    assert list(found) == list(expected)
    for name, mask in expected.items():
        np.testing.assert_array_equal(found[name], mask)


def test_cover_that_would_be_another_again_is_left_out() -> None:
    two = [name for name, _ in covers(frame("grass", "player"))]
    assert two == [
        "nothing",
        "grass",
        "player",
        "all features",
        "everything but player",
    ]
    one = [name for name, _ in covers(frame("player"))]
    assert one == ["nothing", "player", "everything but player"]


def by_hand(recognizer: ClipRecognizer, picture: np.ndarray) -> tuple[str, float]:
    """The likeliest label of one picture of 24x40 pixels, scaled and padded."""
    side = recognizer.clip.image_size_px
    assert side == 32  # so that 24x40 becomes 19x32, with 6 rows of black above
    square = np.zeros((1, side, side, 3), np.uint8)
    scaled = Image.fromarray(picture).resize((32, 19), Image.Resampling.BILINEAR)
    square[0, 6:25] = np.asarray(scaled)
    cosines = recognizer.text_bank @ recognizer.clip.encode_frames(square)[0]
    powers = np.exp(recognizer.clip.logit_scale * cosines.astype(np.float64))
    best = int(powers.argmax())
    return recognizer.prompt_set.labels[best], float(powers[best] / powers.sum())


def test_each_cover_is_told_its_share_label_and_confidence(
    tiny_recognizer: ClipRecognizer,
) -> None:
    given = frame("grass", "pitch", "player")
    (described,) = study(tiny_recognizer, given).figures["frames"]
    assert described["frame"] == "cricket.png"
    for row, (cover, mask) in zip(described["pictures"], covers(given), strict=True):
        covered = np.where(mask[..., None], 0, given.picture).astype(np.uint8)
        label, confidence = by_hand(tiny_recognizer, covered)
        assert (row["covered"], row["label"]) == (cover, label)
        assert row["share"] == pytest.approx(mask.mean())
        assert row["confidence"] == pytest.approx(confidence, abs=1e-5)
        assert (row["elsewhere"] is None) == (cover == "nothing")


def test_control_is_the_same_outline_elsewhere(
    tiny_recognizer: ClipRecognizer,
) -> None:
    given = frame("player")
    (described,) = study(tiny_recognizer, given).figures["frames"]
    possible = set()
    for rows, columns in np.ndindex(HEIGHT, WIDTH):
        moved = np.roll(MASKS["player"], (rows, columns), axis=(0, 1))
        covered = np.where(moved[..., None], 0, given.picture).astype(np.uint8)
        label, confidence = by_hand(tiny_recognizer, covered)
        if rows or columns:
            possible.add((label, round(confidence, 4)))
    control = described["pictures"][1]["elsewhere"]
    assert (control["label"], round(control["confidence"], 4)) in possible
    assert study(tiny_recognizer, given).figures["frames"] == [described]  # by its seed


def test_upright_pictures_are_padded_at_their_sides(
    tiny_recognizer: ClipRecognizer,
) -> None:
    lying = frame("player")
    upright = FeatureFrame(
        "upright.png",
        np.ascontiguousarray(lying.picture.transpose(1, 0, 2)),
        {"player": MASKS["player"].T},
        {"player": "known"},
    )
    (described,) = study(tiny_recognizer, upright).figures["frames"]
    square = np.zeros((1, 32, 32, 3), np.uint8)
    image = Image.fromarray(upright.picture)
    square[0, :, 6:25] = np.asarray(image.resize((19, 32), Image.Resampling.BILINEAR))
    cosines = tiny_recognizer.text_bank @ tiny_recognizer.clip.encode_frames(square)[0]
    best = tiny_recognizer.prompt_set.labels[int(cosines.argmax())]
    assert described["pictures"][0]["label"] == best


def test_findings_count_what_changes(tiny_recognizer: ClipRecognizer) -> None:
    frames = [
        frame("grass", "pitch", "player", name=f"{seed}.png", seed=seed)
        for seed in range(4)
    ]
    result = study(tiny_recognizer, *frames)
    changed = elsewhere = kept = 0
    for described in result.figures["frames"]:
        whole, *rows = described["pictures"]
        changed += sum(row["label"] != whole["label"] for row in rows[:3])
        elsewhere += sum(
            row["elsewhere"]["label"] != whole["label"] for row in rows[:3]
        )
        kept += rows[-1]["label"] == whole["label"]
    assert result.findings[0] == (
        f"Covering a feature changes the prediction of {changed} of 12 pictures,"
        f" covering as much elsewhere of {elsewhere}."
    )
    assert result.findings[1] == (
        "With all but the last feature covered, the prediction stays the same for"
        f" {kept} of 4 pictures."
    )
    assert "4 pictures with 12 features of points.json, masks by known" in result.basis


def test_feature_that_was_not_found_is_told_and_has_no_control(
    tiny_recognizer: ClipRecognizer,
) -> None:
    given = frame("grass", "player")
    empty = {**given.masks, "grass": np.zeros((HEIGHT, WIDTH), np.bool_)}
    nothing = FeatureFrame(given.name, given.picture, empty, given.made_by)
    result = study(tiny_recognizer, nothing)
    assert result.findings[0] == (
        "Nothing was found where the points are: grass in cricket.png."
    )
    assert result.figures["frames"][0]["pictures"][1]["elsewhere"] is None
    assert "of 1 picture," in result.findings[1]


def test_result_is_written_with_one_picture_of_panels(
    tiny_recognizer: ClipRecognizer, tmp_path: Path
) -> None:
    result = study(
        tiny_recognizer, frame("grass", "pitch", "player"), frame("player", name="2")
    )
    write_result(tmp_path, result)
    assert json.loads((tmp_path / "features.json").read_text())["study"] == "features"
    panels = np.array(Image.open(tmp_path / "features.png").convert("RGB"))
    assert panels.shape[1] > 2 * panels.shape[0] > 400  # seven columns, two rows
    # of the second row only three are drawn: black is in its left half alone
    lower = (panels[panels.shape[0] // 2 :] == 0).all(axis=2)
    assert lower[:, : panels.shape[1] // 2].any()
    assert not lower[:, panels.shape[1] // 2 :].any()
