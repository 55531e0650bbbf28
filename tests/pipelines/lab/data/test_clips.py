"""Choices among the videos of a set, and their frames."""

import pickle
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import DatasetError, SourceNotFound
from pipelines.lab.data.clips import (
    LabelledVideo,
    VideoSet,
    centred,
    read_frames,
)
from pipelines.sources.gstreamer.video_writer import VideoFileWriter
from tests.camera_rig import write_numbered
from tests.pipelines.lab.data.public.rig import of_split


def video(label: str, group: str, number: int, split: str = "train") -> LabelledVideo:
    return LabelledVideo(Path(f"{label}-{group}-{number}"), label, group, split)


WARD = VideoSet(
    "ward",
    ("walk", "fall", "sit"),
    (
        *(video("fall", f"g{n % 5}", n) for n in range(15)),
        *(video("walk", f"g{n % 7}", n) for n in range(21)),
        video("fall", "g9", 0, "test"),
        video("walk", "g0", 0, "test"),
        video("sit", "g3", 0, "test"),
    ),
)


def test_targets_are_places_among_the_labels() -> None:
    assert of_split(WARD, "test").targets().tolist() == [1, 0, 2]
    assert of_split(WARD, "none").targets().shape == (0,)


def test_restricted_labels_are_numbered_anew_in_the_order_given() -> None:
    part = of_split(WARD.restricted(["sit", "fall"]), "test")

    assert part.labels == ("sit", "fall")
    assert [it.label for it in part.videos] == ["fall", "sit"]
    assert part.targets().tolist() == [1, 0]


def test_renamed_labels_keep_their_places() -> None:
    louder = WARD.renamed(str.upper)

    assert louder.labels == ("WALK", "FALL", "SIT")
    assert louder.targets().tolist() == WARD.targets().tolist()


def test_groups_in_several_splits_are_told() -> None:
    assert set(WARD.shared_groups()) == {"g0", "g3"}


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^s: a label occurs twice in \('a', 'a'\)"):
        VideoSet("s", ("a", "a"), ())
    with pytest.raises(ValueError, match=r"^s: videos have unlisted labels \['b'\]$"):
        VideoSet("s", ("a",), (video("b", "g", 0),))
    with pytest.raises(ValueError, match=r"^ward has no labels \['run'\]; it has \('w"):
        WARD.restricted(["fall", "run"])
    with pytest.raises(ValueError, match=r"^ward: a label occurs twice in \('same"):
        WARD.renamed(lambda _label: "same")


def test_the_error_comes_whole_out_of_another_process() -> None:
    error = DatasetError("set", "2 videos are missing", ["a.avi", "b.avi"])
    back = pickle.loads(pickle.dumps(error))

    assert str(back) == "set: 2 videos are missing: 'a.avi', 'b.avi'"
    assert vars(back) == vars(error)


def literal_window(
    count: int, rate_hz: float, frames: int, window_s: float
) -> list[int]:
    middle, half = count / 2, rate_hz * window_s / 2
    first = middle - half if middle - half > 0 else 0
    last = middle + half if middle + half < count - 1 else count - 1
    step = Fraction(last) - Fraction(first)
    return [
        int(Fraction(first) + step * place / (frames - 1)) for place in range(frames)
    ]


@pytest.mark.parametrize("window_s", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("rate_hz", [12.0, 25.0])
@pytest.mark.parametrize("count", [9, 29, 60, 150, 151])
def test_a_window_is_spread_evenly_about_the_middle(
    count: int, rate_hz: float, window_s: float
) -> None:
    places = centred(8, window_s)(count, rate_hz)

    assert places.tolist() == literal_window(count, rate_hz, 8, window_s)


@pytest.mark.parametrize(("count", "middle"), [(1, 0), (2, 1), (3, 1), (150, 75)])
def test_a_single_frame_is_the_middle_one(count: int, middle: int) -> None:
    assert centred(1, 3.0)(count, 25.0).tolist() == [middle]


def test_frames_of_a_short_video_repeat() -> None:
    assert centred(4, 3.0)(2, 25.0).tolist() == [0, 0, 0, 1]
    assert centred(4, 3.0)(1, 0.0).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("frames", "window_s"), [(0, 1.0), (8, 0.0), (8, -1.0)])
def test_no_frame_and_no_window_are_refused(frames: int, window_s: float) -> None:
    with pytest.raises(ValueError, match=r"^expected a frame and a window above 0 s"):
        centred(frames, window_s)


def write_bars(path: Path) -> Path:
    """Three pictures, 96 by 48: red, a green square with a white middle, red."""
    picture = np.full((48, 96, 3), (200, 40, 30), np.uint8)
    picture[:, 24:72] = (40, 200, 30)
    picture[12:36, 36:60] = 235
    with VideoFileWriter(path, 96, 48, Fraction(12)) as bars:
        for _ in range(3):
            bars.write(picture)
    return path


@pytest.mark.gst
def test_a_whole_picture_is_padded_with_black(tmp_path: Path) -> None:
    (picture,) = read_frames(write_bars(tmp_path / "a.mp4"), centred(1), size_px=64)

    assert picture.shape == (64, 64, 3)
    assert picture[:14].max() <= 2
    assert picture[50:].max() <= 2
    assert np.abs(picture[18:46, 2:13].astype(int) - (200, 40, 30)).max() <= 8


@pytest.mark.gst
def test_a_picture_that_is_named_twice_is_there_twice(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 20)

    pictures = read_frames(file, lambda _n, _hz: np.array([19, 3, 19]), size_px=32)

    assert pictures.shape == (3, 32, 32, 3)
    assert np.array_equal(pictures[0], pictures[2])
    assert not np.array_equal(pictures[0], pictures[1])


@pytest.mark.gst
@pytest.mark.parametrize("places", [[-1], [0, 20], []])
def test_pictures_that_are_not_there_are_refused(
    tmp_path: Path, places: list[int]
) -> None:
    file = write_numbered(tmp_path / "a.mp4", 20)
    with pytest.raises(ValueError, match=r"^expected pictures 0 to 19, got \["):
        read_frames(file, lambda _n, _hz: np.array(places, np.int64))


def test_a_video_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"^/.*a.mp4: no such file$"):
        read_frames(tmp_path / "a.mp4", centred(1))
