"""A footage folder: videos, ``labels.csv``, and wearables beside the videos.

    folder/
    ├── labels.csv               file,label,source,t_start_s,t_end_s,notes
    ├── room/x.mp4               named from the folder: room/x.mp4
    └── room/x.wrist.imu.csv     the wearable at the wrist of who is in x.mp4

Spans are seconds of presentation time, half open. Labels are free text here;
``pipelines.lab.data.truth`` reads their meaning.
"""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from pipelines.errors import FootageError
from pipelines.sources.wearable.replay import find_imu_files

LABELS_NAME = "labels.csv"
COLUMNS = ("file", "label", "source", "t_start_s", "t_end_s", "notes")
HARD_NEGATIVE = "hard negative"
"""What the notes of a span say where it looks like a fall and is none."""


@dataclass(frozen=True, slots=True)
class LabelledSpan:
    """One row of ``labels.csv``.

    ``file`` is the video, named from the folder with forward slashes; ``source``
    says where the footage comes from. The span is half open, in seconds of the
    video's presentation time. ``line`` is the row's line, counted from one, where
    it was read from a file.
    """

    file: str
    label: str
    source: str
    start_s: float
    end_s: float
    notes: str = ""
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Recording:
    """One video with its labels and the wearables by position (``wrist``, ...).

    ``wearable_only`` is whether the video is left out when the recording is watched.
    """

    file: str
    video: Path
    spans: tuple[LabelledSpan, ...]
    imu: Mapping[str, Path]
    wearable_only: bool = False


@dataclass(frozen=True, slots=True)
class Footage:
    """The recordings of a folder, in the order in which the labels name them."""

    folder: Path
    recordings: tuple[Recording, ...]


def read_footage(folder: Path, labels: Path | None = None) -> Footage:
    """Read the labels of a footage folder and find what they name.

    Args:
        folder: Folder of the videos.
        labels: File of the labels; ``labels.csv`` in the folder by default.

    Raises:
        FootageError: If ``labels.csv`` is missing, malformed or empty, or names a
            video that is not in the folder.
    """
    path = labels or folder / LABELS_NAME
    recordings: dict[str, list[LabelledSpan]] = {}
    for span in parse_labels(_read_text(path), str(path)):
        if span.file not in recordings:
            _require_video(folder, span, str(path))
        recordings.setdefault(span.file, []).append(span)
    return Footage(
        folder,
        tuple(
            Recording(file, folder / file, tuple(spans), find_imu_files(folder / file))
            for file, spans in recordings.items()
        ),
    )


def wearing(
    footage: Footage, position: str | None, *, alone: bool = False
) -> tuple[Recording, ...]:
    """Return the recordings with the wearables that shall go along.

    Args:
        footage: The footage.
        position: A position as ``waist``; None keeps all wearables, and ``none``
            removes them.
        alone: Whether the wearable is watched without the video.

    Raises:
        FootageError: If nobody wears anything there, or ``alone`` leaves nothing.
    """
    if alone:
        return _alone(footage, wearing(footage, position))
    known = sorted({at for recording in footage.recordings for at in recording.imu})
    if position is None:
        return footage.recordings
    if position not in (*known, "none"):
        told = ", ".join(known) or "none at all"
        problem = f"has no wearable at {position!r}; it has: {told}"
        raise FootageError(str(footage.folder), problem)
    return tuple(
        replace(
            recording,
            imu={at: path for at, path in recording.imu.items() if at == position},
        )
        for recording in footage.recordings
    )


def _alone(
    footage: Footage, recordings: tuple[Recording, ...]
) -> tuple[Recording, ...]:
    """Return the recordings without their videos."""
    bare = [recording.file for recording in recordings if not recording.imu]
    if bare:
        problem = f"{bare[0]} has no wearable that could be watched alone"
        raise FootageError(str(footage.folder), problem)
    return tuple(replace(recording, wearable_only=True) for recording in recordings)


def parse_labels(text: str, where: str) -> Iterator[LabelledSpan]:
    """Parse the text of a ``labels.csv``, without looking for its videos.

    Errors name ``where``.

    Raises:
        FootageError: At the first row that is malformed, and if there is none.
    """
    # strict: an unclosed quote would otherwise swallow the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    count, line = 0, 1
    try:
        for cells in reader:
            if header is None:
                header = _check_header(cells, where, line)
            elif any(map(str.strip, cells)):  # not an empty line
                yield _parse_row(header, cells, where, line)
                count += 1
            line = reader.line_num + 1
    except csv.Error as err:
        raise FootageError(where, f"not CSV: {err}", line) from err
    if count == 0:
        raise FootageError(where, f"no rows; expected {_HEADER_TEXT} and rows below")


def write_labels(path: Path, rows: Sequence[LabelledSpan]) -> None:
    """Write ``rows`` as a ``labels.csv`` from which they are read back as they are.

    Raises:
        FootageError: If a row would not be read back so; nothing is written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            (row.file, row.label, row.source, row.start_s, row.end_s, row.notes)
        )
    read_back = parse_labels(text.getvalue(), str(path))
    for row, read in zip(rows, read_back, strict=True):
        if row != read:
            raise FootageError(str(path), f"{row} would be read back as {read}")
    path.write_text(text.getvalue(), encoding="utf-8", newline="")


_HEADER_TEXT = ",".join(COLUMNS)


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = err.object[: err.start].count(b"\n") + 1
        raise FootageError(str(path), "not UTF-8 text", line) from err
    except OSError as err:
        raise FootageError(str(path), f"cannot be read: {err.strerror}") from err


def _check_header(cells: list[str], where: str, line: int) -> list[str]:
    header = [cell.strip() for cell in cells]
    repeated = [name for name, count in Counter(header).items() if count > 1]
    for problem, names in (
        ("missing column", [name for name in COLUMNS if name not in header]),
        ("unknown column", [name for name in header if name not in COLUMNS]),
        ("repeated column", repeated),
    ):
        if names:
            text = f"{problem} {', '.join(map(repr, names))}; expected {_HEADER_TEXT}"
            raise FootageError(where, text, line)
    return header


def _parse_row(
    header: list[str], cells: list[str], where: str, line: int
) -> LabelledSpan:
    if len(cells) != len(header):
        text = f"{len(cells)} cells, expected {len(header)}: {_HEADER_TEXT}"
        raise FootageError(where, text, line)
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    for name in ("file", "label"):
        if not row[name]:
            raise FootageError(where, f"{name}: empty", line)
    problem = _path_problem(row["file"])
    if problem is not None:
        raise FootageError(where, f"file: {row['file']!r} {problem}", line)
    start_s = _parse_seconds(row, "t_start_s", where, line)
    end_s = _parse_seconds(row, "t_end_s", where, line)
    if end_s < start_s:
        text = f"t_end_s: {end_s:g} lies before t_start_s {start_s:g}"
        raise FootageError(where, text, line)
    return LabelledSpan(
        row["file"], row["label"], row["source"], start_s, end_s, row["notes"], line
    )


def _parse_seconds(row: Mapping[str, str], name: str, where: str, line: int) -> float:
    try:
        value_s = float(row[name])
    except ValueError as err:
        text = f"{name}: {row[name]!r} is not a number"
        raise FootageError(where, text, line) from err
    if not math.isfinite(value_s) or value_s < 0:
        text = f"{name}: {row[name]!r} is not a time; expected seconds from 0 up"
        raise FootageError(where, text, line)
    return value_s


def _path_problem(file: str) -> str | None:
    # By the letters alone: a link inside the folder is its owner's choice.
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts:
        return "leads out of the folder; name the video from the folder"
    if not file.isprintable():
        return "is not a file name"
    return None


def _require_video(folder: Path, span: LabelledSpan, where: str) -> None:
    try:
        found = (folder / span.file).is_file()
    except OSError:  # a name longer than the file system takes
        found = False
    if not found:
        text = f"file: no video {span.file!r} in {folder}"
        raise FootageError(where, text, span.line)
