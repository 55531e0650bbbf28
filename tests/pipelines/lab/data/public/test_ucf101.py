from pathlib import Path

import pytest

from pipelines.errors import DatasetError
from pipelines.lab.data.public.ucf101 import read_ucf101, spaced
from tests.pipelines.lab.data.public.rig import (
    MIDDLE,
    middle_numbers,
    of_split,
    place,
    rows,
    write,
)

PUSHUPS = "HandstandPushups/v_HandStandPushups_g{}_c01.avi"
YOYO = "YoYo/v_YoYo_g{}_c0{}.avi"

TRAIN = [(PUSHUPS.format("08"), 1), (YOYO.format("08", 1), 2)]
TRAIN += [(YOYO.format("08", 2), 2), (YOYO.format("25", 1), 2)]
TEST = [PUSHUPS.format("01"), YOYO.format("07", 1)]


def make_lists(folder: Path) -> Path:
    write(folder / "classInd.txt", "1 HandstandPushups", "2 YoYo", end="\r\n")
    train = (f"{name} {number}" for name, number in TRAIN)
    write(folder / "trainlist01.txt", *train, end="\r\n")
    write(folder / "testlist01.txt", *TEST, end="\r\n")
    return folder


@pytest.fixture
def videos(film: Path, tmp_path: Path) -> Path:
    place(film, tmp_path / "UCF-101", [*(name for name, _ in TRAIN), *TEST])
    return tmp_path / "UCF-101"


@pytest.mark.gst
def test_a_split_is_read_from_its_lists_to_its_frames(
    videos: Path, tmp_path: Path
) -> None:
    ucf = read_ucf101(videos, make_lists(tmp_path / "lists"), 1)

    assert ucf.labels == ("Handstand Pushups", "Yo Yo")
    assert of_split(ucf, "test").targets().tolist() == [0, 1]
    assert rows(ucf) == [
        (Path(name).name, label, Path(name).name[:-8], split)
        for split, name, label in [
            ("train", TRAIN[0][0], "Handstand Pushups"),
            ("train", TRAIN[1][0], "Yo Yo"),
            ("train", TRAIN[2][0], "Yo Yo"),
            ("train", TRAIN[3][0], "Yo Yo"),
            ("test", TEST[0], "Handstand Pushups"),
            ("test", TEST[1], "Yo Yo"),
        ]
    ]
    assert [middle_numbers(video) for video in ucf.videos] == [MIDDLE] * 6


@pytest.mark.parametrize("folder", ["HandstandPushups", "HandStandPushups"])
@pytest.mark.parametrize("file", ["v_HandstandPushups", "v_HandStandPushups"])
def test_handstand_pushups_are_found_in_whatever_case(
    videos: Path, tmp_path: Path, folder: str, file: str
) -> None:
    (videos / "HandstandPushups").rename(videos / "moved")
    (videos / "moved").rename(videos / folder)
    for path in (videos / folder).iterdir():
        path.rename(path.with_name(path.name.replace("v_HandStandPushups", file)))

    ucf = read_ucf101(videos, make_lists(tmp_path / "lists"), 1)

    pushups = ucf.restricted(["Handstand Pushups"])
    assert [video.path for video in pushups.videos] == [
        videos / folder / f"{file}_g{group}_c01.avi" for group in ("08", "01")
    ]


def test_names_are_spaced_at_capitals() -> None:
    assert spaced("CleanAndJerk") == "Clean And Jerk"


def test_missing_videos_are_named(videos: Path, tmp_path: Path) -> None:
    lost = [TRAIN[1][0], TEST[1]]
    for name in lost:
        (videos / name).unlink()

    with pytest.raises(
        DatasetError, match=r"^/.*UCF-101: 2 of 6 videos are missing: 'YoYo/v_"
    ) as error:
        read_ucf101(videos, make_lists(tmp_path / "lists"), 1)
    assert list(error.value.missing) == lost


def test_missing_lists_are_named(videos: Path, tmp_path: Path) -> None:
    lists = make_lists(tmp_path / "lists")
    with pytest.raises(
        DatasetError,
        match=r"^/.*/lists: lists are missing: 'trainlist02.txt', 'testlist02.txt'$",
    ):
        read_ucf101(videos, lists, 2)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    lists = make_lists(tmp_path / "lists")
    with pytest.raises(DatasetError, match=r"^/.*/none: no such folder$"):
        read_ucf101(tmp_path / "none", lists, 1)


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        ("classInd.txt", "3 YoYo", r"classInd.txt:3: expected 3 and a new name"),
        ("classInd.txt", "4 Swing", r"classInd.txt:3: expected 3 and a new name"),
        ("trainlist01.txt", TEST[1], r"trainlist01.txt:5: expected a video and a n"),
        ("trainlist01.txt", f"{TEST[1]} 1", r"trainlist01.txt:5: .* is not of class 1"),
        (
            "trainlist01.txt",
            f"{TEST[1]} 2",
            r"lists: groups .* test set: 'v_YoYo_g07'$",
        ),
        ("testlist01.txt", "Swing/v_Swing_g01_c01.avi", r"'Swing' is not a class of"),
        ("testlist01.txt", "YoYo/YoYo.avi", r"txt:3: expected Class/v_Class_gXX_cYY"),
    ],
)
def test_a_line_that_is_not_of_the_set_is_refused(
    videos: Path, tmp_path: Path, film: Path, name: str, line: str, problem: str
) -> None:
    place(film, videos, ["YoYo/YoYo.avi", "Swing/v_Swing_g01_c01.avi"])
    path = make_lists(tmp_path / "lists") / name
    path.write_text(f"{path.read_text()}{line}\n")

    with pytest.raises(DatasetError, match=rf"^/.*{problem}"):
        read_ucf101(videos, path.parent, 1)


def test_there_are_three_splits(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^split must be 1, 2 or 3, got 4$"):
        read_ucf101(tmp_path, tmp_path, 4)
