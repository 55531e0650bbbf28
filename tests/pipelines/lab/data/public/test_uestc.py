from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import DatasetError
from pipelines.lab.data.public.uestc import (
    aligned,
    read_uestc,
    read_wearable,
)
from tests.pipelines.lab.data.public.rig import (
    MIDDLE,
    PICTURES,
    middle_numbers,
    place,
    rows,
    write,
)

RAW = ["8192,0,-8192,164,-164,0", "1,-32768,32767,1,-32768,32767"]
SAMPLES = RAW * 13

STEMS = {
    "train": ["1_drop_trush_2022_05_05_15_48_04", "2_fall_2022_04_28_16_07_54"],
    "val": ["2_fall_2022_05_06_16_07_54"],
    "test": ["1_drop_trush_2022_05_05_15_49_04"],
}


def folder_of(stem: str) -> str:
    return {"1": "1_drop_trush", "2": "2_fall"}[stem[0]]


def line_of(stem: str, start: str = "origin/data/") -> str:
    label = int(stem[0]) - 1
    return f"{start}{folder_of(stem)}/{stem} {PICTURES} {len(SAMPLES)} {label}"


@pytest.fixture
def folder(film: Path, tmp_path: Path) -> Path:
    for split, stems in STEMS.items():
        write(tmp_path / f"{split}.txt", *map(line_of, stems))
        for stem in stems:
            name = f"{folder_of(stem)}/{stem}"
            place(film, tmp_path, [f"video/{name}.mp4"])
            write(tmp_path / f"sensor/{name}.csv", *SAMPLES)
    return tmp_path


@pytest.mark.gst
def test_the_set_is_read_from_its_lists_to_frames_and_samples(folder: Path) -> None:
    uestc = read_uestc(folder)

    assert uestc.labels == ("drop trush", "fall")
    assert rows(uestc) == [
        (f"{stem}.mp4", label, f"{folder_of(stem)}/{day}", split)
        for (split, stem), label, day in zip(
            [(split, stem) for split, stems in STEMS.items() for stem in stems],
            ["drop trush", "fall", "fall", "drop trush"],
            ["2022_05_05", "2022_04_28", "2022_05_06", "2022_05_05"],
            strict=True,
        )
    ]
    for video in uestc.videos:
        assert middle_numbers(video) == MIDDLE
        assert video.imu is not None
        assert video.imu.stem == video.path.stem
        assert aligned(PICTURES, read_wearable(video.imu)).shape == (PICTURES, 6)


def test_one_day_may_be_in_training_and_in_testing(folder: Path) -> None:
    assert read_uestc(folder).shared_groups() == ("1_drop_trush/2022_05_05",)


@pytest.mark.parametrize("start", ["", "thepath\\", "a folder/with spaces/"])
def test_lists_of_the_baseline_are_read_wherever_they_point(
    folder: Path, start: str
) -> None:
    expected = read_uestc(folder)
    for split, stems in STEMS.items():
        (folder / f"{split}.txt").unlink()
        lines = [line_of(stem, start) for stem in stems]
        if "\\" in start:
            lines = [line.replace("/", "\\") for line in lines]
        write(folder / f"mydataset_{split}.txt", *lines)

    assert read_uestc(folder) == expected


@pytest.mark.parametrize("kind", ["video", "sensor"])
def test_missing_files_are_named(folder: Path, kind: str) -> None:
    (lost,) = (folder / kind).glob("*/2_fall_2022_05_06*")
    lost.unlink()

    with pytest.raises(
        DatasetError, match=rf"/{kind}: 1 of 4 videos are missing: '2_fall/{lost.name}'"
    ):
        read_uestc(folder)


def test_a_missing_list_is_named(folder: Path) -> None:
    (folder / "val.txt").unlink()
    with pytest.raises(DatasetError, match=r"no list val.txt or mydataset_val.txt$"):
        read_uestc(folder)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1_a/1_a_2022_05_05_15_48_04 4 4", "expected path, pictures, samples and l"),
        ("1_a/1_a_2022_05_05_15_48_04 4 4 1", "expected k_name/k_name_year_..., k = 2"),
        ("1_a/1_b_2022_05_05_15_48_04 4 4 0", "expected k_name/k_name_year_..., k = 1"),
        ("1_a/1_a_15_48_04 4 4 0", "expected k_name/k_name_year_..., k = 1"),
    ],
)
def test_a_line_that_is_not_of_the_set_is_refused(
    folder: Path, line: str, problem: str
) -> None:
    write(folder / "val.txt", line)
    with pytest.raises(DatasetError, match=rf"^/.*val.txt:1: {problem}"):
        read_uestc(folder)


def test_a_label_that_no_video_has_is_refused(folder: Path) -> None:
    write(folder / "val.txt", "4_c/4_c_2022_05_05_15_48_04 4 4 3")
    with pytest.raises(DatasetError, match=r"^/.*: labels without a video: '2'$"):
        read_uestc(folder)


def test_samples_are_in_g_and_degrees_a_second_from_the_first_line_on(
    tmp_path: Path,
) -> None:
    samples = read_wearable(write(tmp_path / "a.csv", *RAW, end="\r\n"))

    expected = [
        [1.0, 0.0, -1.0, 10.0, -10.0, 0.0],
        [1 / 8192, -4.0, 32767 / 8192, 1 / 16.4, -32768 / 16.4, 32767 / 16.4],
    ]
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("ax,ay,az,gx,gy,gz", "'ax,ay,az,gx,gy,gz' are not whole numbers"),
        ("1,2,3,4,5", "expected 6 numbers of 16 bits"),
        ("1,2,3,4,5,6,7", "expected 6 numbers of 16 bits"),
        ("1,2,3,4,5,32768", "expected 6 numbers of 16 bits"),
        ("1,2,3,4,5,0.5", "'1,2,3,4,5,0.5' are not whole numbers"),
    ],
)
def test_a_malformed_sample_is_refused_with_its_line(
    tmp_path: Path, line: str, problem: str
) -> None:
    path = write(tmp_path / "a.csv", RAW[0], line)
    with pytest.raises(DatasetError, match=rf"^/.*a.csv:2: {problem}"):
        read_wearable(path)


@pytest.mark.parametrize(("pictures", "left"), [(7, 7), (8, 8), (9, 8)])
def test_samples_without_a_picture_are_cut_off(pictures: int, left: int) -> None:
    samples = np.arange(48, dtype=np.float32).reshape(8, 6)

    np.testing.assert_array_equal(aligned(pictures, samples), samples[:left])
