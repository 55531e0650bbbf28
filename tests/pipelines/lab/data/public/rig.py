"""Sets in small: folders as their makers lay them out, all of one short film."""

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipelines.lab.data.clips import LabelledVideo, VideoSet, centred, read_frames
from pipelines.records import Frame
from tests.camera_rig import number_of

PICTURES = 24
SIDE_PX = 32


def place(film: Path, folder: Path, names: Iterable[str]) -> None:
    """Put the film under each of the names."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(film, folder / name)


def write(path: Path, *lines: str, end: str = "\n") -> Path:
    """Write a list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}{end}" for line in lines).encode())
    return path


def rows(video_set: VideoSet) -> list[tuple[str, str, str, str]]:
    """The file, label, group and split of each video."""
    return [(v.path.name, v.label, v.group, v.split) for v in video_set.videos]


def numbers(pictures: np.ndarray) -> list[int]:
    """Which pictures of a film of ``camera_rig.numbered`` these are."""
    return [number_of(Frame("film", 0, 0, picture)) for picture in pictures]


def middle_numbers(video: LabelledVideo) -> list[int]:
    """Read three pictures of the second in the middle of the film."""
    return numbers(read_frames(video.path, centred(3, 1.0), size_px=SIDE_PX))


MIDDLE = [6, 12, 18]
"""What they are: 24 pictures at 12 Hz, the middle 12, half a second each way."""


def of_split(video_set: VideoSet, split: str) -> VideoSet:
    """Return the videos of one split; all labels stay."""
    videos = tuple(video for video in video_set.videos if video.split == split)
    return replace(video_set, videos=videos)
