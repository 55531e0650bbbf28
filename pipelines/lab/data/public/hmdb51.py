"""HMDB51: 51 actions from films and the web, three splits of 70 and 30 videos each.

    videos/                                     lists/ (testTrainMulti_7030_splits)
    ├── brush_hair/                             ├── brush_hair_test_split1.txt
    │   ├── April_09_brush_hair_u_nm_...avi         April_09_...avi 1
    │   └── ...                                 └── ...
    └── fall_floor/

A list tags every video of its class: 1 trains, 2 tests, 0 is unused. Videos cut from
one film start with the same title, and no split separates them.

Kuehne et al. 2011, doi 10.1109/ICCV.2011.6126543.
"""

import re
from pathlib import Path

from pipelines.errors import DatasetError
from pipelines.lab.data.clips import LabelledVideo, VideoSet
from pipelines.lab.data.public.lists import find_videos, read_indexed

_SPLITS = {1: "train", 2: "test"}
_UNUSED = 0

# title, action, visible body, camera motion, people, view, quality, number
_FILE = re.compile(r"(.+)_[a-z]+_(?:cm|nm)_np\w+_(?:fr|ba|le|ri)_\w+_\d+\.\w+")


def read_hmdb51(videos: Path, lists: Path, split: int) -> VideoSet:
    """Read one official split as the splits ``train`` and ``test``.

    Labels are in alphabetical order, with spaces instead of underscores.

    ``videos`` holds a folder for each class, ``lists`` a list for each class and split.

    Raises:
        DatasetError: If lists or videos are missing, a line is malformed, or a film is
            in both training and test set.
        ValueError: If there is no such split.
    """
    if split not in (1, 2, 3):
        msg = f"split must be 1, 2 or 3, got {split}"
        raise ValueError(msg)
    folders = _classes(videos, lists, split)
    listed = [
        (folder, line)
        for folder in folders
        for line in read_indexed(lists / _list_name(folder, split))
        if line.index != _UNUSED
    ]
    for _, line in listed:
        if line.index not in _SPLITS:
            problem = f"expected the tag 0, 1 or 2, got {line.index}"
            raise DatasetError(line.where, problem)
        if group_of(line.name) is None:
            problem = f"{line.name!r} does not name its film as the set does"
            raise DatasetError(line.where, problem)
    found = find_videos(videos, (f"{folder}/{line.name}" for folder, line in listed))
    read = VideoSet(
        f"HMDB51 split {split}",
        tuple(folder.replace("_", " ") for folder in folders),
        tuple(
            LabelledVideo(
                path=found[f"{folder}/{line.name}"],
                label=folder.replace("_", " "),
                group=f"{folder}/{group_of(line.name)}",
                split=_SPLITS[line.index],
            )
            for folder, line in listed
        ),
    )
    if read.shared_groups():
        problem = "films are in both training and test set"
        raise DatasetError(str(lists), problem, read.shared_groups())
    return read


def group_of(file: str) -> str | None:
    """Return a file's film title and action, or None if its name is malformed."""
    parsed = _FILE.fullmatch(file)
    return None if parsed is None else parsed[1]


def _list_name(folder: str, split: int) -> str:
    return f"{folder}_test_split{split}.txt"


def _classes(videos: Path, lists: Path, split: int) -> list[str]:
    """Return the classes in order, each of which must have a list and a folder."""
    for folder in (videos, lists):
        if not folder.is_dir():
            raise DatasetError(str(folder), "no such folder")
    ending = _list_name("", split)
    with_list = {path.name.removesuffix(ending) for path in lists.glob(f"*{ending}")}
    with_videos = {path.name for path in videos.iterdir() if path.is_dir()}
    if with_videos - with_list:
        names = [_list_name(name, split) for name in sorted(with_videos - with_list)]
        raise DatasetError(str(lists), "lists are missing", names)
    if with_list - with_videos:
        names = sorted(with_list - with_videos)
        raise DatasetError(str(videos), "folders are missing", names)
    if not with_list:
        raise DatasetError(str(lists), f"no list such as {_list_name('*', split)}")
    return sorted(with_list)
