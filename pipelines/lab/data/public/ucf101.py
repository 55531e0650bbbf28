"""UCF101: 101 actions, 13 320 videos, three official splits.

    videos/                                     lists/ (ucfTrainTestlist)
    ├── ApplyEyeMakeup/                         ├── classInd.txt     1 ApplyEyeMakeup
    │   ├── v_ApplyEyeMakeup_g01_c01.avi        ├── trainlist01.txt  Class/file.avi 1
    │   └── ...                                 └── testlist01.txt   Class/file.avi
    └── HandstandPushups/
        └── v_HandStandPushups_g01_c01.avi      the folder's name in another case

Videos of one class with the same gXX are cut from one film, with the same people and
room. The official splits keep such groups together; a random split does not.

Soomro, Zamir and Shah 2012, arXiv:1212.0402.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from pipelines.errors import DatasetError
from pipelines.lab.data.clips import LabelledVideo, VideoSet
from pipelines.lab.data.public.lists import (
    ListedVideo,
    find_videos,
    read_indexed,
    read_lines,
    require_files,
)

_FILE = re.compile(r"(v_.+_g\d+)_c\d+\.\w+")
_CLASS_LINE = re.compile(r"(\d+)\s+(\S+)")


def read_ucf101(videos: Path, lists: Path, split: int) -> VideoSet:
    """Read one official split as the splits ``train`` and ``test``.

    Labels are spaced class names, as ``Apply Eye Makeup``.

    ``videos`` holds a folder for each class; ``split`` is 1, 2 or 3.

    Raises:
        DatasetError: If lists or videos are missing, a line is malformed, or a group is
            in both training and test set.
        ValueError: If there is no such split.
    """
    if split not in (1, 2, 3):
        msg = f"split must be 1, 2 or 3, got {split}"
        raise ValueError(msg)
    train, test = f"trainlist{split:02}.txt", f"testlist{split:02}.txt"
    require_files(lists, ("classInd.txt", train, test))
    labels = read_classes(lists / "classInd.txt")
    by_folder = {label.casefold(): label for label in labels}
    listed = [("train", line) for line in read_indexed(lists / train)]
    for _, line in listed:
        if labels.index(_label(line, by_folder)) + 1 != line.index:
            problem = f"{line.name!r} is not of class {line.index} of classInd.txt"
            raise DatasetError(line.where, problem)
    lines = read_lines(lists / test)
    listed += [("test", ListedVideo(where, name, -1)) for where, name in lines]
    found = find_videos(videos, (line.name for _, line in listed))
    read = VideoSet(
        f"UCF101 split {split}",
        labels,
        tuple(
            LabelledVideo(found[line.name], _label(line, by_folder), _group(line), part)
            for part, line in listed
        ),
    )
    if read.shared_groups():
        problem = "groups are in both training and test set"
        raise DatasetError(str(lists), problem, read.shared_groups())
    return read.renamed(spaced)


def read_classes(path: Path) -> tuple[str, ...]:
    """Read ``classInd.txt``: the class names by number, counted from 1.

    Raises:
        DatasetError: If a line is not ``number name``, or a number is out of order.
    """
    names: list[str] = []
    for where, line in read_lines(path):
        parsed = _CLASS_LINE.fullmatch(line)
        if parsed is None or int(parsed[1]) != len(names) + 1 or parsed[2] in names:
            problem = f"expected {len(names) + 1} and a new name, got {line!r}"
            raise DatasetError(where, problem)
        names.append(parsed[2])
    return tuple(names)


def spaced(name: str) -> str:
    """Put a space before each capital within a name: ``Clean And Jerk``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


def group_of(file: str) -> str | None:
    """Return class and group, as ``v_Archery_g07``; None if a name is malformed."""
    parsed = _FILE.fullmatch(file)
    return None if parsed is None else parsed[1]


def _label(line: ListedVideo, by_folder: Mapping[str, str]) -> str:
    folder = line.name.split("/")[0]
    label = by_folder.get(folder.casefold())
    if label is None:
        raise DatasetError(line.where, f"{folder!r} is not a class of classInd.txt")
    return label


def _group(line: ListedVideo) -> str:
    group = group_of(Path(line.name).name)
    if group is None:
        problem = f"expected Class/v_Class_gXX_cYY.avi, got {line.name!r}"
        raise DatasetError(line.where, problem)
    return group
