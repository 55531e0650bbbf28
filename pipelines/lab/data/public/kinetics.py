"""Kinetics-400 and -600: web videos selected by lists, including zero-shot splits.

    lists of several makers                        videos/
    val/acting_in_play/L9GxK3fD-1w_000056_000066.mp4,0    found by the file's name,
    L9GxK3fD-1w_000056_000066.mp4 0                       in any folder

A file's name holds its film and the first and last second of the ten that it shows.
Class numbers need the matching list of names: the three zero-shot subsets of 160
classes of Kinetics-600 are numbered separately, and two makers chose different videos
for them.

Kay et al. 2017, arXiv:1705.06950; Carreira et al. 2018, arXiv:1808.01340.
"""

import logging
import re
from pathlib import Path

from pipelines.lab.data.clips import LabelledVideo, VideoSet
from pipelines.lab.data.public.lists import (
    find_videos,
    label_of,
    read_class_names,
    read_indexed,
)

logger = logging.getLogger(__name__)

_FILE = re.compile(r"(.{11})_\d{6}_\d{6}\.\w+")


def read_kinetics(
    videos: Path,
    video_list: Path,
    class_names: Path,
    *,
    split: str = "test",
    skip_missing: bool = False,
) -> VideoSet:
    """Read the videos of one list.

    Args:
        videos: Folder with the videos, in folders of any name and depth.
        video_list: Lines of ``video,index`` or ``video index``.
        class_names: The names by index, as JSON or CSV.
        split: Name of the split that the list describes.
        skip_missing: Whether to leave out missing videos, because more and more of them
            vanish from the web; their number is logged. Accuracies are then not
            comparable with published ones.

    Raises:
        DatasetError: If a list is missing or malformed, a class has no name, or videos
            are missing.
    """
    labels = read_class_names(class_names)
    listed = [(line, label_of(line, labels)) for line in read_indexed(video_list)]
    found = find_videos(
        videos, (line.name for line, _ in listed), may_miss=skip_missing
    )
    chosen = tuple(
        LabelledVideo(found[line.name], label, _group(line.name), split)
        for line, label in listed
        if line.name in found
    )
    if len(chosen) < len(listed):
        lost = len(listed) - len(chosen)
        logger.warning("%s: %d of %d are missing", video_list, lost, len(listed))
    return VideoSet(video_list.stem, labels, chosen)


def group_of(file: str) -> str | None:
    """Return the film of a file, or None if its name is malformed."""
    parsed = _FILE.fullmatch(file)
    return None if parsed is None else parsed[1]


def _group(name: str) -> str:
    file = Path(name).name
    return group_of(file) or Path(file).stem
