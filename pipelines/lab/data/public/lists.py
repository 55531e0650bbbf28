"""Shared parts of the readers of public sets: their lists, and the files in them.

All lists have one video per line. The number of the class, if any, comes last, after a
comma or a space.
"""

import csv
import io
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipelines.errors import DatasetError

_INDEXED = re.compile(r"(.+?)\s*[,\s]\s*([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class ListedVideo:
    """One line of a list: its place as ``file:line``, its video and its class."""

    where: str
    name: str
    index: int


def read_indexed(path: Path) -> list[ListedVideo]:
    """Read lines of ``video,index`` or ``video index``.

    The index is the last word, because names of videos may hold commas and spaces.

    Raises:
        DatasetError: If the list cannot be read, or a line has no index.
    """
    videos = []
    for where, line in read_lines(path):
        parsed = _INDEXED.fullmatch(line)
        if parsed is None:
            raise DatasetError(where, f"expected a video and a number, got {line!r}")
        videos.append(ListedVideo(where, parsed[1], int(parsed[2])))
    return videos


def read_class_names(path: Path) -> tuple[str, ...]:
    """Read the names of classes by their indices, counted from 0.

    The file is JSON as ``{"0": "Typing"}``, or CSV with the columns ``id`` and
    ``name``.

    Raises:
        DatasetError: If the file cannot be read, an index is missing, or a name occurs
            twice.
    """
    text = "\n".join(line for _, line in read_lines(path))
    try:
        names = _names_in_json(text) if path.suffix == ".json" else _names_in_csv(text)
    except (ValueError, KeyError, AttributeError, TypeError, csv.Error) as err:
        expected = 'expected {"0": "name"} in JSON, or columns id,name in CSV'
        raise DatasetError(str(path), expected) from err
    if not names:
        raise DatasetError(str(path), "holds no names")
    gaps = [str(index) for index in range(len(names)) if index not in names]
    if gaps:
        raise DatasetError(str(path), "indices are missing", gaps)
    ordered = tuple(names[index] for index in range(len(names)))
    if len(set(ordered)) < len(ordered):
        twice = sorted({name for name in ordered if ordered.count(name) > 1})
        raise DatasetError(str(path), f"names occur twice: {', '.join(twice)}")
    return ordered


def label_of(video: ListedVideo, labels: tuple[str, ...]) -> str:
    """Return the name of a listed video's class.

    Raises:
        DatasetError: If there is no class of that number.
    """
    if video.index >= len(labels):
        problem = f"class {video.index} has no name; there are {len(labels)} classes"
        raise DatasetError(video.where, problem)
    return labels[video.index]


def find_videos(
    folder: Path, names: Iterable[str], *, may_miss: bool = False
) -> dict[str, Path]:
    """Find the files of a list, given as ``Class/file.avi`` or by file name alone.

    Lists of one set differ in the case of names and in the folders before them. A name
    without an exact match is searched by its file name alone, in any folder and any
    case.

    Returns:
        The file of each name, in the order of the names.

    Raises:
        DatasetError: If the folder or a video is missing, or a name fits several files.
    """
    if not folder.is_dir():
        raise DatasetError(str(folder), "no such folder")
    by_name: dict[str, list[Path]] = defaultdict(list)
    for parent, _, files in os.walk(folder, followlinks=True):
        for file in files:
            by_name[file.casefold()].append(Path(parent, file))
    found: dict[str, Path] = {}
    missing: list[str] = []
    unclear: list[str] = []
    for name in dict.fromkeys(names):
        fitting = _fitting(folder, name, by_name)
        if len(fitting) == 1:
            found[name] = fitting[0]
        else:
            (unclear if fitting else missing).append(name)
    if unclear:
        problem = f"{len(unclear)} videos exist several times"
        raise DatasetError(str(folder), problem, unclear)
    if missing and not may_miss:
        total = len(missing) + len(found)
        problem = f"{len(missing)} of {total} videos are missing"
        raise DatasetError(str(folder), problem, missing)
    return found


def require_files(folder: Path, names: Iterable[str]) -> None:
    """Check that a folder holds its lists.

    Raises:
        DatasetError: If the folder or any list is missing; names all missing lists.
    """
    if not folder.is_dir():
        raise DatasetError(str(folder), "no such folder")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise DatasetError(str(folder), "lists are missing", missing)


def read_lines(path: Path) -> list[tuple[str, str]]:
    """Read the lines of a list that are not empty.

    Returns:
        The place of each line as ``file:line``, and its text.

    Raises:
        DatasetError: If the file cannot be read, is not UTF-8 text, or is empty.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise DatasetError(str(path), "not UTF-8 text") from err
    except OSError as err:
        raise DatasetError(str(path), f"cannot be read: {err.strerror}") from err
    # Not splitlines: it would also split at characters that a file name may hold.
    lines = enumerate(text.replace("\r\n", "\n").split("\n"), start=1)
    found = [(f"{path}:{n}", line.strip()) for n, line in lines if line.strip()]
    if not found:
        raise DatasetError(str(path), "is empty")
    return found


def _names_in_json(text: str) -> dict[int, str]:
    return {int(key): str(name) for key, name in json.loads(text).items()}


def _names_in_csv(text: str) -> dict[int, str]:
    rows = csv.DictReader(io.StringIO(text), strict=True)
    return {int(row["id"]): row["name"].strip() for row in rows}


def _fitting(folder: Path, name: str, by_name: dict[str, list[Path]]) -> list[Path]:
    path = PurePosixPath(name)
    candidates = by_name.get(path.name.casefold(), [])
    if folder / path in candidates:
        return [folder / path]
    wanted = path.parent.name.casefold()
    same_class = [path for path in candidates if path.parent.name.casefold() == wanted]
    return same_class or candidates
