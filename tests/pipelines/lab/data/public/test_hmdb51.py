from pathlib import Path

import pytest

from pipelines.errors import DatasetError
from pipelines.lab.data.public.hmdb51 import group_of, read_hmdb51
from tests.pipelines.lab.data.public.rig import (
    MIDDLE,
    middle_numbers,
    place,
    rows,
    write,
)

HAIR = "Hello,_you!_brush_hair_u_nm_np1_{}_goo_{}.avi"
FALL = "Film_(1)_fall_floor_f_cm_np2_le_bad_{}.avi"
LISTS = {
    "fall_floor": [(FALL.format(0), 2)],
    "brush_hair": [
        (HAIR.format("ba", 0), 1),
        (HAIR.format("ri", 1), 1),
        ("April_brush_hair_h_cm_np1_fr_med_0.avi", 2),
        ("May_brush_hair_h_cm_np1_fr_med_0.avi", 0),
    ],
}


def make_lists(folder: Path) -> Path:
    for name, videos in LISTS.items():
        lines = (f"{video} {tag} " for video, tag in videos)
        write(folder / f"{name}_test_split2.txt", *lines)
    return folder


@pytest.fixture
def videos(film: Path, tmp_path: Path) -> Path:
    names = [f"{name}/{it}" for name, listed in LISTS.items() for it, _ in listed]
    place(film, tmp_path / "hmdb", names)
    return tmp_path / "hmdb"


@pytest.mark.gst
def test_a_split_is_read_from_its_lists_to_its_frames(
    videos: Path, tmp_path: Path
) -> None:
    hmdb = read_hmdb51(videos, make_lists(tmp_path / "lists"), 2)

    assert hmdb.labels == ("brush hair", "fall floor")
    hello = "brush_hair/Hello,_you!_brush_hair"
    april = "April_brush_hair_h_cm_np1_fr_med_0.avi"
    assert rows(hmdb) == [
        (HAIR.format("ba", 0), "brush hair", hello, "train"),
        (HAIR.format("ri", 1), "brush hair", hello, "train"),
        (april, "brush hair", "brush_hair/April_brush_hair", "test"),
        (FALL.format(0), "fall floor", "fall_floor/Film_(1)_fall_floor", "test"),
    ]
    assert [middle_numbers(video) for video in hmdb.videos] == [MIDDLE] * 4


def test_a_title_may_hold_the_name_of_an_action() -> None:
    file = "X_climb_stairs_up_climb_f_cm_np1_ba_med_3.avi"
    assert group_of(file) == "X_climb_stairs_up_climb"


def test_a_class_without_a_list_and_a_list_without_a_folder_are_named(
    videos: Path, tmp_path: Path
) -> None:
    lists = make_lists(tmp_path / "lists")
    (videos / "fall_floor").rename(videos / "fencing")

    with pytest.raises(
        DatasetError, match=r"^/.*lists: lists are missing: 'fencing_test_split2.txt'$"
    ):
        read_hmdb51(videos, lists, 2)
    (videos / "fencing").rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match=r"hmdb: folders are missing: 'fall_floor'$"):
        read_hmdb51(videos, lists, 2)


def test_a_missing_video_is_named_unless_no_split_uses_it(
    videos: Path, tmp_path: Path
) -> None:
    lists = make_lists(tmp_path / "lists")
    (videos / "brush_hair/May_brush_hair_h_cm_np1_fr_med_0.avi").unlink()
    assert len(read_hmdb51(videos, lists, 2).videos) == 4

    (videos / "fall_floor" / FALL.format(0)).unlink()
    with pytest.raises(DatasetError, match=r"1 of 4 videos are missing: 'fall_floor/F"):
        read_hmdb51(videos, lists, 2)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("April_brush_hair_h_cm_np1_fr_med_0.avi 3", ":5: expected the tag 0, 1 or 2"),
        ("April_brush_hair_h_cm_np1_fr_med_0.avi", ":5: expected a video and a number"),
        ("April.avi 1", ":5: 'April.avi' does not name its film"),
        (f"{HAIR.format('ri', 1)} 2", "lists: films are in both training and"),
    ],
)
def test_a_line_that_is_not_of_the_set_is_refused(
    videos: Path, tmp_path: Path, line: str, problem: str
) -> None:
    path = make_lists(tmp_path / "lists") / "brush_hair_test_split2.txt"
    path.write_text(f"{path.read_text()}{line}\n")

    with pytest.raises(DatasetError, match=rf"^/.*{problem}"):
        read_hmdb51(videos, path.parent, 2)


def test_folders_without_the_set_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"^/.*/none: no such folder$"):
        read_hmdb51(tmp_path / "none", tmp_path, 1)
    with pytest.raises(DatasetError, match=r"no list such as \*_test_split1.txt$"):
        read_hmdb51(tmp_path / "empty", tmp_path / "empty", 1)


def test_there_are_three_splits(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^split must be 1, 2 or 3, got 0$"):
        read_hmdb51(tmp_path, tmp_path, 0)
