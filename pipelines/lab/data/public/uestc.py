"""UESTC-MMEA-CL: 32 daily activities seen from glasses with an inertial sensor.

    folder/
    ├── train.txt, val.txt, test.txt   or mydataset_train.txt, ...
    │       path pictures samples label
    │       .../4_fall/4_fall_2022_05_05_15_48_04 425 425 3
    ├── video/4_fall/4_fall_2022_05_05_15_48_04.mp4
    └── sensor/4_fall/4_fall_2022_05_05_15_48_04.csv

Video and sensor both run at 25 Hz: sample n belongs to picture n, and one of the two
may be up to two longer. Do not resample the samples to another rate.

File names hold the time, not the person. The lists were drawn video by video, so days,
and probably persons and rooms, occur in all three.

The set is for education and other non-commercial use. Xu et al. 2024, doi
10.1109/TMM.2023.3295899.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float32

from pipelines.errors import DatasetError
from pipelines.lab.data.clips import LabelledVideo, VideoSet
from pipelines.lab.data.public.lists import find_videos, read_lines

RATE_HZ = 25.0
"""Rate of the pictures and of the samples."""

ACCEL_PER_G = 8192.0
GYRO_PER_DEGPS = 16.4
"""Sensor counts per g and per degree per second."""

_SPLITS = ("train", "val", "test")
_COLUMNS = 6
_LINE = re.compile(r"(.+?)\s+[0-9]+\s+[0-9]+\s+([0-9]{1,3})")
_NAME = re.compile(r"(([0-9]+)_.+?)_([0-9]{4}_[0-9]{2}_[0-9]{2})(?:_[0-9]{2}){3}")


@dataclass(frozen=True, slots=True)
class _Listed:
    split: str
    folder: str
    stem: str
    group: str
    index: int


def read_uestc(folder: Path) -> VideoSet:
    """Read all three splits: ``train``, ``val`` and ``test``.

    Labels are the folders' names with spaces instead of underscores. A video's group is
    its class and day, because person and room are unknown.

    Raises:
        DatasetError: If lists, videos or sensor files are missing, or a line is
            malformed.
    """
    listed = [line for split in _SPLITS for line in _read_list(folder, split)]
    labels = _labels(folder, listed)
    names = [f"{line.folder}/{line.stem}" for line in listed]
    videos = find_videos(folder / "video", (f"{name}.mp4" for name in names))
    sensors = find_videos(folder / "sensor", (f"{name}.csv" for name in names))
    return VideoSet(
        "UESTC-MMEA-CL",
        labels,
        tuple(
            LabelledVideo(
                path=videos[f"{name}.mp4"],
                label=labels[line.index],
                group=line.group,
                split=line.split,
                imu=sensors[f"{name}.csv"],
            )
            for name, line in zip(names, listed, strict=True)
        ),
    )


def read_wearable(path: Path) -> Float32[np.ndarray, "sample 6"]:
    """Read a sensor file, which has rows of 16-bit integers and no header.

    Returns:
        Acceleration along x, y, z in g, with gravity, then the turn rate about these
        axes in degrees per second.

    Raises:
        DatasetError: If the file is missing, empty or malformed; names the line.
    """
    rows = [_numbers(where, line) for where, line in read_lines(path)]
    raw = np.array(rows, np.float32)
    scale = [1 / ACCEL_PER_G] * 3 + [1 / GYRO_PER_DEGPS] * 3
    return raw * np.array(scale, np.float32)


def aligned(
    pictures: int, samples: Float32[np.ndarray, "sample 6"]
) -> Float32[np.ndarray, "common 6"]:
    """Cut samples to those that have a picture.

    The pictures were counted by decoding the video.
    """
    return samples[: min(pictures, len(samples))]


def _read_list(folder: Path, split: str) -> list[_Listed]:
    names = [f"{split}.txt", f"mydataset_{split}.txt"]
    paths = [folder / name for name in names if (folder / name).is_file()]
    if not paths:
        raise DatasetError(str(folder), f"no list {' or '.join(names)}")
    return [_parse(where, line, split) for where, line in read_lines(paths[0])]


def _parse(where: str, line: str, split: str) -> _Listed:
    parsed = _LINE.fullmatch(line)
    if parsed is None:
        problem = f"expected path, pictures, samples and label, got {line!r}"
        raise DatasetError(where, problem)
    # Some paths have backslashes.
    path = PurePosixPath(parsed[1].replace("\\", "/"))
    folder, stem = path.parent.name, path.name
    index = int(parsed[2])
    named = _NAME.fullmatch(stem)
    if named is None or named[1] != folder or int(named[2]) != index + 1:
        problem = f"expected k_name/k_name_year_..., k = {index + 1}, got {parsed[1]!r}"
        raise DatasetError(where, problem)
    return _Listed(split, folder, stem, f"{folder}/{named[3]}", index)


def _labels(folder: Path, listed: list[_Listed]) -> tuple[str, ...]:
    folders = {line.index: line.folder for line in listed}
    gaps = [str(n) for n in range(max(folders) + 1) if n not in folders]
    if gaps:
        raise DatasetError(str(folder), "labels without a video", gaps)
    names = (folders[index].partition("_")[2] for index in range(len(folders)))
    return tuple(name.replace("_", " ") for name in names)


def _numbers(where: str, line: str) -> list[int]:
    cells = next(csv.reader([line]))
    try:
        numbers = [int(cell) for cell in cells]
    except ValueError as err:
        raise DatasetError(where, f"{line!r} are not whole numbers") from err
    limits = np.iinfo(np.int16)
    if len(numbers) != _COLUMNS or not all(
        limits.min <= number <= limits.max for number in numbers
    ):
        problem = f"expected {_COLUMNS} numbers of 16 bits, got {line!r}"
        raise DatasetError(where, problem)
    return numbers
