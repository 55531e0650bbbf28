"""Masks of features: where they come from, and what is refused."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import PointsError
from models.masking.segmentation import (
    Candidates,
    Prompt,
    Segmentation,
    Segmenter,
    best_masks,
)
from pipelines.errors import FolderError
from pipelines.lab.studies.models.feature_masks import (
    FeatureFrame,
    NamedSam,
    mask_folder,
    read_feature_frames,
)

HEIGHT, WIDTH = 20, 30
THINGS = np.zeros((HEIGHT, WIDTH), np.int64)
THINGS[:5, :8] = 1  # a door
THINGS[12:, 10:] = 2  # a person


def things_under(prompt: Prompt) -> Candidates:
    """Return a mask of the things under a prompt's points, less those beside."""
    under: dict[int, set[int]] = {0: set(), 1: set()}
    for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
        under[label].add(int(THINGS[round(y), round(x)]))
    mask = np.isin(THINGS, sorted(under[1] - under[0]))
    return mask[None], np.array([mask.any()], np.float32)


class Listening:
    """A known answer that tells how often it was asked, and of how many."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.loads = 0

    def load(self) -> Segmenter:
        self.loads += 1
        return self

    def segment(self, picture: np.ndarray, prompts: Sequence[Prompt]) -> Segmentation:
        self.asked.append(len(prompts))
        return best_masks(picture, prompts, things_under)


def entry(frame: str = "ward.png", name: str = "door", **changes: object) -> object:
    place = {"door": [3, 3], "person": [20, 15]}.get(name, [0, 19])
    given = {"frame": frame, "feature_name": name, "points": [place], "labels": [1]}
    return given | changes


def write(folder: Path, *entries: object) -> Path:
    for seed, name in enumerate(("ward.png", "other.png")):
        noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3))
        Image.fromarray(noise.astype(np.uint8)).save(folder / name)
    path = folder / "points.json"
    path.write_text(json.dumps(entries))
    return path


def read(
    path: Path, sam: Listening | None = None, name: str = "known"
) -> tuple[FeatureFrame, ...]:
    named = None if sam is None else NamedSam(name, sam.load)
    return read_feature_frames(path, named, lambda *_: None)


def test_features_of_a_frame_come_together_in_the_order_of_the_file(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, entry(name="person"), entry("other.png"), entry())
    sam = Listening()
    ward, other = read(path, sam)
    assert (ward.name, other.name) == ("ward.png", "other.png")
    assert list(ward.masks) == ["person", "door"]
    np.testing.assert_array_equal(ward.masks["person"], THINGS == 2)
    np.testing.assert_array_equal(other.masks["door"], THINGS == 1)
    np.testing.assert_array_equal(ward.picture, Image.open(tmp_path / "ward.png"))
    assert sam.asked == [2, 1]  # all of a picture at once
    assert sam.loads == 1


def test_kept_masks_are_pngs_that_need_no_sam_afterwards(tmp_path: Path) -> None:
    path = write(tmp_path, entry(), entry(name="person"))
    (found,) = read(path, Listening())
    files = sorted(file.name for file in mask_folder(path).iterdir())
    assert [name.rpartition("-")[0] for name in files] == ["ward-door", "ward-person"]
    white = np.array(Image.open(mask_folder(path) / files[0]))
    np.testing.assert_array_equal(white, 255 * (THINGS == 1))
    (kept,) = read(path)
    for name, mask in found.masks.items():
        np.testing.assert_array_equal(kept.masks[name], mask)
    assert kept.made_by == {"door": "known", "person": "known"}


def test_sam_is_asked_only_for_what_is_not_kept(tmp_path: Path) -> None:
    read(write(tmp_path, entry()), Listening())
    again = Listening()
    read(write(tmp_path, entry()), again)
    assert again.loads == 0
    read(write(tmp_path, entry(), entry(name="person")), again)
    assert again.asked == [1]
    other = Listening()
    (found,) = read(tmp_path / "points.json", other, "another")
    assert other.asked == [2]
    assert set(found.made_by.values()) == {"another"}


@pytest.mark.parametrize("change", ["points", "labels", "picture"])
def test_mask_of_other_points_or_another_picture_is_not_taken(
    tmp_path: Path, change: str
) -> None:
    read(write(tmp_path, entry(points=[[3, 3], [4, 4]], labels=[1, 1])), Listening())
    points = [[3, 3], [4, 5]] if change == "points" else [[3, 3], [4, 4]]
    labels = [1, 0] if change == "labels" else [1, 1]
    path = write(tmp_path, entry(points=points, labels=labels))
    if change == "picture":
        (tmp_path / "other.png").replace(tmp_path / "ward.png")
    with pytest.raises(PointsError, match=r"entry 1: no mask of 'door' in ward\.png"):
        read(path)


def test_mask_that_was_painted_by_hand_stands(tmp_path: Path) -> None:
    path = write(tmp_path, entry())
    read(path, Listening())
    (file,) = mask_folder(path).iterdir()
    painted = np.zeros((HEIGHT, WIDTH), np.uint8)
    painted[7, 7] = 255
    Image.fromarray(painted).save(file)
    for sam in (None, Listening()):
        (found,) = read(path, sam)
        np.testing.assert_array_equal(found.masks["door"], painted == 255)
        assert found.made_by == {"door": "hand"}


@pytest.mark.parametrize("content", [b"", b"damaged", None])
def test_damaged_mask_is_as_good_as_none(tmp_path: Path, content: bytes | None) -> None:
    path = write(tmp_path, entry())
    read(path, Listening())
    (file,) = mask_folder(path).iterdir()
    if content is None:  # of another size
        Image.new("L", (WIDTH, HEIGHT + 1)).save(file)
    else:
        file.write_bytes(content)
    with pytest.raises(
        PointsError, match=r"no mask of 'door' in ward\.png is stored in"
    ):
        read(path)
    (found,) = read(path, Listening())
    np.testing.assert_array_equal(found.masks["door"], THINGS == 1)


def test_points_are_those_of_the_picture_as_it_is_held(tmp_path: Path) -> None:
    path = write(tmp_path, entry("phone.jpg", points=[[1, 19]]))
    facts = Image.Exif()
    facts[0x0112] = 6  # held upright: a quarter turn
    Image.new("RGB", (HEIGHT, WIDTH)).save(tmp_path / "phone.jpg", exif=facts)
    with pytest.raises(PointsError, match=r"no mask of"):  # the points are inside
        read(path)
    (found,) = read(path, Listening())
    assert found.picture.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ([entry(), "door"], r"entry 2: expected an object of frame, feature_name, "),
        ([entry(), entry("gone.png")], r"entry 2: frame gone\.png: no such file$"),
        ([entry("points.json")], r"entry 1: frame points\.json: cannot be read as a p"),
        (
            [entry(), entry(points=[[3, 3], [30, 1]], labels=[1, 0])],
            r"entry 2: ward\.png already has a feature 'door'$",
        ),
        (
            [entry(), entry("other.png", points=[[3, 3], [30, 1]], labels=[1, 0])],
            r"entry 2: points: \(30, 1\) is not in a picture of 20x30 pixels$",
        ),
        (
            [entry(), entry(name="person")],
            r"entry 1: no mask of 'door' in ward\.png is stored in \S+points-masks: "
            r"name a SAM to find it \(--sam\)$",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_entry(
    tmp_path: Path, entries: list[object], problem: str
) -> None:
    path = write(tmp_path, *entries)
    with pytest.raises(PointsError, match=rf"^\S+points\.json: {problem}") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert not mask_folder(path).exists()


def test_folder_of_masks_that_cannot_be_made_is_told_before_sam_is_loaded(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, entry())
    mask_folder(path).write_text("a file in its place")
    sam = Listening()
    with pytest.raises(FolderError, match=r"points-masks: is a file"):
        read(path, sam)
    assert sam.loads == 0
