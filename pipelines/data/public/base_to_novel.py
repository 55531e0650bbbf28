"""Base to novel: trained on some classes of a set, tested on those and on the others.

    lists of FROSTER (CC BY-NC)             lists of ViFi-CLIP (MIT)
    ├── train.csv  Class/file.avi,0         ├── fs_base_s1_train.txt  file.avi 0
    ├── val.csv                             ├── base_val.txt
    ├── test.csv                            ├── novel_val.txt
    ├── raw_train_idx2cls.json              └── labels/ucf_101_base_labels.csv,
    └── raw_test_idx2cls.json                          ucf_101_novel_labels.csv

Both number the base classes and the novel ones from 0 each. Training has a few videos
of every base class (16); both tests are of the official first test split. Labels are
spelt as the lists spell them. Accuracy on base and on novel is each within its own
labels; among all labels together it is much lower, and is to be told apart.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from pipelines.data.clips import LabelledVideo, VideoSet
from pipelines.data.public import hmdb51, kinetics, ucf101
from pipelines.data.public.lists import (
    find_videos,
    label_of,
    read_class_names,
    read_indexed,
    require_files,
)
from pipelines.errors import DatasetError


@dataclass(frozen=True, slots=True)
class BaseToNovelLists:
    """The five files of one benchmark, from whichever maker."""

    train: Path
    base_test: Path
    novel_test: Path
    base_names: Path
    novel_names: Path


@dataclass(frozen=True, slots=True)
class BaseToNovel:
    """A benchmark: ``base`` has the splits train and test, ``novel`` only test."""

    base: VideoSet
    novel: VideoSet

    def together(self) -> VideoSet:
        """Return all videos among the labels of both, base first."""
        return VideoSet(
            f"{self.base.name} and novel",
            self.base.labels + self.novel.labels,
            self.base.videos + self.novel.videos,
        )


def froster_lists(folder: Path) -> BaseToNovelLists:
    """Name FROSTER's lists in their folder, such as ``B2N_ucf101``.

    Raises:
        DatasetError: If one is missing.
    """
    lists = BaseToNovelLists(
        train=folder / "train.csv",
        base_test=folder / "val.csv",
        novel_test=folder / "test.csv",
        base_names=folder / "raw_train_idx2cls.json",
        novel_names=folder / "raw_test_idx2cls.json",
    )
    require_files(folder, [path.name for path in astuple(lists)])
    return lists


def vifi_lists(
    folder: Path, base_names: Path, novel_names: Path, draw: int
) -> BaseToNovelLists:
    """Name ViFi-CLIP's lists in their folder, such as ``ucf_splits``.

    Args:
        folder: Holds the lists of videos.
        base_names: The names of the base classes.
        novel_names: The names of the novel classes.
        draw: Which of the three draws of training videos, 1 to 3.

    Raises:
        DatasetError: If one is missing.
        ValueError: If there is no such draw.
    """
    if draw not in (1, 2, 3):
        msg = f"draw must be 1, 2 or 3, got {draw}"
        raise ValueError(msg)
    lists = BaseToNovelLists(
        train=folder / f"fs_base_s{draw}_train.txt",
        base_test=folder / "base_val.txt",
        novel_test=folder / "novel_val.txt",
        base_names=base_names,
        novel_names=novel_names,
    )
    require_files(folder, [path.name for path in astuple(lists)[:3]])
    return lists


def read_base_to_novel(name: str, videos: Path, lists: BaseToNovelLists) -> BaseToNovel:
    """Read a benchmark.

    Args:
        name: What to call it.
        videos: Holds the set's videos, in folders of any name and depth.
        lists: Of ``froster_lists`` or ``vifi_lists``.

    Raises:
        DatasetError: If a list is missing or malformed, videos are missing, or a
            class is both base and novel.
    """
    base = read_class_names(lists.base_names)
    novel = read_class_names(lists.novel_names)
    both = sorted(set(base) & set(novel))
    if both:
        raise DatasetError(
            str(lists.novel_names), f"base classes are in it: {', '.join(both)}"
        )
    parts = (
        (lists.train, base, "train"),
        (lists.base_test, base, "test"),
        (lists.novel_test, novel, "test"),
    )
    train, base_test, novel_test = _read_parts(videos, parts)
    return BaseToNovel(
        VideoSet(f"{name} base", base, train + base_test),
        VideoSet(f"{name} novel", novel, novel_test),
    )


_Part = tuple[Path, tuple[str, ...], str]


def _read_parts(
    videos: Path, parts: Sequence[_Part]
) -> list[tuple[LabelledVideo, ...]]:
    listed = [
        [(it, label_of(it, labels), split) for it in read_indexed(path)]
        for path, labels, split in parts
    ]
    found = find_videos(videos, (it.name for part in listed for it, _, _ in part))
    return [
        tuple(
            LabelledVideo(found[it.name], label, _group(it.name), split)
            for it, label, split in part
        )
        for part in listed
    ]


def _group(name: str) -> str:
    file = Path(name).name
    for group_of in (ucf101.group_of, hmdb51.group_of, kinetics.group_of):
        group = group_of(file)
        if group is not None:
            return group
    return Path(file).stem
