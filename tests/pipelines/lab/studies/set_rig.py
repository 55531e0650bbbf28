"""Public sets in small: films that tell class and picture, as the makers lay them out.

Film k shows the numbers 24 k to 24 k + 23, two seconds at 12 Hz.
"""

import shutil
from pathlib import Path

import numpy as np

from pipelines.sources.gstreamer.video_writer import VideoFileWriter
from tests.camera_rig import RATE_HZ, numbered
from tests.pipelines.lab.data.public.rig import PICTURES, write

UCF_CLASSES = ("ApplyEyeMakeup", "Archery", "YoYo")
UESTC_CLASSES = ("1_upstairs", "2_downstairs", "3_drinking", "4_fall")
DAYS = 5


def write_film(path: Path, k: int) -> Path:
    """Write film k."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoFileWriter(path, 64, 48, RATE_HZ) as video:
        for n in range(PICTURES):
            video.write(numbered(PICTURES * k + n))
    return path


def make_ucf101(folder: Path) -> tuple[Path, Path]:
    """Lay out three classes, two groups of each in training and two in testing.

    Returns:
        The folder of videos, and that of lists.
    """
    videos, lists = folder / "UCF-101", folder / "ucfTrainTestlist"
    listed: dict[int, list[str]] = {}
    for k, name in enumerate(UCF_CLASSES):
        film = write_film(folder / f"film-{k}.mp4", k)
        for group in (1, 2, 8, 9):
            line = f"{name}/v_{name}_g{group:02}_c01.avi"
            listed.setdefault(group, []).append(line)
            (videos / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(film, videos / line)
    number = {name: f"{k}" for k, name in enumerate(UCF_CLASSES, start=1)}
    write(lists / "classInd.txt", *(f"{number[it]} {it}" for it in UCF_CLASSES))
    train = (f"{it} {number[it.split('/')[0]]}" for it in listed[8] + listed[9])
    write(lists / "trainlist01.txt", *train)
    write(lists / "testlist01.txt", *listed[1], *listed[2])
    return videos, lists


def make_uestc(folder: Path) -> Path:
    """Lay out four classes of five days each; each class trembles in its own way."""
    rng = np.random.default_rng(1)
    lines: dict[str, list[str]] = {"train": [], "val": [], "test": []}
    for k, name in enumerate(UESTC_CLASSES):
        film = write_film(folder / f"film-{k}.mp4", k)
        for day in range(1, DAYS + 1):
            stem = f"{name}/{name}_2022_05_{day:02}_15_48_04"
            samples = rng.normal(0, 400 * (k + 1), (PICTURES, 6)).astype(int)
            samples[:, 2] += 8192  # it stands on the ground
            rows = (",".join(map(str, row)) for row in samples.tolist())
            write(folder / f"sensor/{stem}.csv", *rows)
            (folder / f"video/{name}").mkdir(parents=True, exist_ok=True)
            shutil.copy(film, folder / f"video/{stem}.mp4")
            split = {DAYS: "val", DAYS - 1: "test"}.get(day, "train")
            lines[split].append(f"data/{stem} {PICTURES} {PICTURES} {k}")
    for split, listed in lines.items():
        write(folder / f"{split}.txt", *listed)
    return folder
