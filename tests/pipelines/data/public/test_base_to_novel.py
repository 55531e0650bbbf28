import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.data.public.base_to_novel import (
    BaseToNovelLists,
    froster_lists,
    read_base_to_novel,
    vifi_lists,
)
from pipelines.errors import DatasetError
from tests.pipelines.data.public.rig import MIDDLE, middle_numbers, place, rows, write

BASE = {"0": "Typing", "1": "Handstand Pushups"}
NOVEL = {"0": "Yo Yo"}
TRAIN = [("Typing/v_Typing_g08_c01.avi", 0)]
TRAIN += [("HandStandPushups/v_HandStandPushups_g09_c02.avi", 1)]
VAL = [("Typing/v_Typing_g01_c01.avi", 0)]
TEST = [("YoYo/v_YoYo_g01_c01.avi", 0)]


def make_froster(folder: Path) -> BaseToNovelLists:
    for name, videos in (("train", TRAIN), ("val", VAL), ("test", TEST)):
        write(folder / f"{name}.csv", *(f"{file},{index}" for file, index in videos))
    write(folder / "raw_train_idx2cls.json", json.dumps(BASE))
    write(folder / "raw_test_idx2cls.json", json.dumps(NOVEL))
    return froster_lists(folder)


def make_vifi(folder: Path) -> BaseToNovelLists:
    for name, videos in (
        ("fs_base_s2_train", TRAIN),
        ("base_val", VAL),
        ("novel_val", TEST),
    ):
        lines = (f"{Path(file).name} {index}" for file, index in videos)
        write(folder / f"{name}.txt", *lines)
    for name, names in (("base", BASE), ("novel", NOVEL)):
        lines = (f"{index},{label}" for index, label in names.items())
        write(folder / f"{name}.csv", "id,name", *lines)
    return vifi_lists(folder, folder / "base.csv", folder / "novel.csv", 2)


@pytest.fixture
def videos(film: Path, tmp_path: Path) -> Path:
    names = [name for name, _ in TRAIN + VAL + TEST]
    # Some lists write its folder in another case than the set.
    on_disk = [it.replace("HandStandPushups/", "HandstandPushups/") for it in names]
    place(film, tmp_path / "ucf", on_disk)
    return tmp_path / "ucf"


@pytest.mark.gst
@pytest.mark.parametrize("make", [make_froster, make_vifi])
def test_lists_of_either_maker_are_read_to_their_frames(
    videos: Path, tmp_path: Path, make: Callable[[Path], BaseToNovelLists]
) -> None:
    benchmark = read_base_to_novel("UCF101", videos, make(tmp_path / "lists"))

    assert benchmark.base.labels == ("Typing", "Handstand Pushups")
    assert rows(benchmark.base) == [
        ("v_Typing_g08_c01.avi", "Typing", "v_Typing_g08", "train"),
        (
            "v_HandStandPushups_g09_c02.avi",
            "Handstand Pushups",
            "v_HandStandPushups_g09",
            "train",
        ),
        ("v_Typing_g01_c01.avi", "Typing", "v_Typing_g01", "test"),
    ]
    assert rows(benchmark.novel) == [
        ("v_YoYo_g01_c01.avi", "Yo Yo", "v_YoYo_g01", "test")
    ]
    videos_read = benchmark.base.videos + benchmark.novel.videos
    assert [middle_numbers(video) for video in videos_read] == [MIDDLE] * 4


def test_novel_labels_come_after_base_labels_among_all_of_them(
    videos: Path, tmp_path: Path
) -> None:
    lists = make_froster(tmp_path / "lists")
    together = read_base_to_novel("UCF101", videos, lists).together()

    assert together.labels == ("Typing", "Handstand Pushups", "Yo Yo")
    assert together.of_split("test").targets().tolist() == [0, 2]


@pytest.mark.parametrize(
    ("file", "group"),
    [
        ("April_brush_hair_h_cm_np1_fr_med_0.avi", "April_brush_hair"),
        ("-u8W9n8IOks_000011_000021.mp4", "-u8W9n8IOks"),
        ("74225.webm", "74225"),
    ],
)
def test_the_groups_of_other_sets_are_known_by_their_names(
    videos: Path, tmp_path: Path, film: Path, file: str, group: str
) -> None:
    lists = make_froster(tmp_path / "lists")
    write(lists.novel_test, f"{file},0")
    place(film, videos, [file])

    novel = read_base_to_novel("any", videos, lists).novel

    assert [video.group for video in novel.videos] == [group]


def test_a_class_that_is_base_and_novel_is_refused(
    videos: Path, tmp_path: Path
) -> None:
    lists = make_froster(tmp_path / "lists")
    write(lists.novel_names, '{"0": "Typing"}')

    with pytest.raises(
        DatasetError, match=r"cls.json: base classes are in it: Typing$"
    ):
        read_base_to_novel("UCF101", videos, lists)


def test_missing_videos_of_all_lists_are_named_together(
    videos: Path, tmp_path: Path
) -> None:
    lists = make_froster(tmp_path / "lists")
    for name, _ in VAL + TEST:
        (videos / name).unlink()

    with pytest.raises(DatasetError, match=r"^/.*ucf: 2 of 4 videos are missing: 'Typ"):
        read_base_to_novel("UCF101", videos, lists)


def test_missing_lists_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match=r"'train.csv', 'val.csv', 'test.csv', 'raw_train_.*json'$"
    ):
        froster_lists(tmp_path)
    with pytest.raises(
        DatasetError, match=r"'fs_base_s1_train.txt', 'base_val.txt', 'novel_val.txt'$"
    ):
        vifi_lists(tmp_path, tmp_path / "b.csv", tmp_path / "n.csv", 1)


def test_there_are_three_draws(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^draw must be 1, 2 or 3, got 4$"):
        vifi_lists(tmp_path, tmp_path / "b.csv", tmp_path / "n.csv", 4)
