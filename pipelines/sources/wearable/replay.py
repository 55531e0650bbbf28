"""Playback of recorded wearables: IMU files beside a video.

The file is CSV in UTF-8, with or without a byte order mark; empty lines are ignored.
Its header names these columns, in any order::

    t_s                           seconds from presentation time 0 of the video
    ax_mps2, ay_mps2, az_mps2     acceleration, gravity included
    gx_radps, gy_radps, gz_radps  turn rate

The file of a video ``x.mp4`` is named ``x.<position>.imu.csv``, where the position is
that of the wearable on the body (wrist, waist).
"""

import csv
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import final

import numpy as np

from pipelines.clock import NS_PER_S, Clock, ns_to_seconds
from pipelines.errors import FootageError, SourceNotFound
from pipelines.records import ImuBatch, SourceState, SourceStatus
from pipelines.sources.wearable.raw_batch import (
    MOST_ACCEL_MPS2,
    MOST_GYRO_RADPS,
    RawImuBatch,
    shown,
)

_ACCEL_COLUMNS = ("ax_mps2", "ay_mps2", "az_mps2")
_GYRO_COLUMNS = ("gx_radps", "gy_radps", "gz_radps")
IMU_COLUMNS = ("t_s", *_ACCEL_COLUMNS, *_GYRO_COLUMNS)
IMU_SUFFIX = ".imu.csv"

_MOST_TIME_S = 1e6
_MOST = {
    "t_s": _MOST_TIME_S,
    **dict.fromkeys(_ACCEL_COLUMNS, MOST_ACCEL_MPS2),
    **dict.fromkeys(_GYRO_COLUMNS, MOST_GYRO_RADPS),
}


def find_imu_files(video_path: Path | str) -> dict[str, Path]:
    """Return the IMU files beside a video by position, in the order of their names."""
    video = Path(video_path)
    found: dict[str, Path] = {}
    if not video.parent.is_dir():
        return found
    for path in sorted(video.parent.iterdir()):
        name = path.name
        if name.startswith(f"{video.stem}.") and name.endswith(IMU_SUFFIX):
            position = name[len(video.stem) + 1 : -len(IMU_SUFFIX)]
            if position and "." not in position:  # else it is a file of "x.y.mp4"
                found[position] = path
    return found


def read_imu_csv(path: Path | str) -> RawImuBatch:
    """Read an IMU file; its times count from presentation time 0 of the video.

    Raises:
        SourceNotFound: If the file does not exist or cannot be opened.
        FootageError: If the file is malformed; names file, line and column.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(_rows(file, str(path)))
    except UnicodeDecodeError:
        raise FootageError(str(path), "not text in UTF-8") from None
    except OSError as error:
        raise SourceNotFound(str(path), error.strerror or "cannot be read") from None
    if not rows:
        raise FootageError(str(path), "holds no samples", line=2)
    table = np.array(rows, dtype=np.float64)
    times_ns = np.rint(table[:, 0] * NS_PER_S).astype(np.int64)
    values = table[:, 1:].astype(np.float32)
    return RawImuBatch(times_ns, values[:, :3], values[:, 3:])


def _rows(lines: Iterable[str], path: str) -> Iterator[list[float]]:
    """Yield the numbers of each line in the order of ``IMU_COLUMNS``."""
    reader = csv.reader(lines, strict=True)
    try:
        places = _places(next(reader, []), path)
        last_s = -math.inf
        for row in reader:
            if not any(map(str.strip, row)):  # an empty line, usually at the end
                continue
            line = reader.line_num
            numbers = [_number(row, place, path, line) for place in places]
            if numbers[0] <= last_s:
                problem = f"column t_s: {numbers[0]:g} does not follow {last_s:g}"
                raise FootageError(path, problem, line)
            last_s = numbers[0]
            yield numbers
    except csv.Error as error:
        raise FootageError(path, f"not CSV: {error}", reader.line_num) from None


def _places(header: list[str], path: str) -> list[tuple[str, int]]:
    names = [name.strip() for name in header]
    for column in IMU_COLUMNS:
        if names.count(column) != 1:
            fault = "missing" if column not in names else "there twice"
            problem = f"column {column} is {fault}; expected {','.join(IMU_COLUMNS)}"
            raise FootageError(path, problem, line=1)
    return [(column, names.index(column)) for column in IMU_COLUMNS]


def _number(row: list[str], place: tuple[str, int], path: str, line: int) -> float:
    column, index = place
    if index >= len(row):
        problem = f"column {column}: missing, the line has {len(row)} fields"
        raise FootageError(path, problem, line)
    try:
        number = float(row[index])
    except ValueError:
        problem = f"column {column}: {shown(row[index])} is not a number"
        raise FootageError(path, problem, line) from None
    if not abs(number) <= _MOST[column]:  # true for NaN too
        problem = (
            f"column {column}: {number:g} is out of range, at most {_MOST[column]:g}"
        )
        raise FootageError(path, problem, line)
    return number


@final
class ImuFileSource:
    """A source that plays an IMU file like a live wearable.

    An async context manager, and in it an async iterator.

    Presentation time 0 is ``origin_ns``. ``speed`` is relative to the clock; None is
    the speed of the consumer.

    Raises:
        SourceNotFound: If the file does not exist or cannot be opened.
        FootageError: If the file is malformed.
        ValueError: If ``speed`` or ``batch_samples`` is not positive.
    """

    def __init__(
        self,
        subject_id: str,
        path: Path | str,
        *,
        clock: Clock,
        origin_ns: int,
        speed: float | None = None,
        batch_samples: int = 10,
    ) -> None:
        if batch_samples < 1 or (speed is not None and not 0 < speed < math.inf):
            msg = (
                "speed and batch_samples must be positive,"
                f" got {speed} and {batch_samples}"
            )
            raise ValueError(msg)
        self._subject_id = subject_id
        self._path = Path(path)
        self._clock = clock
        self._origin_ns = origin_ns
        self._speed = speed
        self._batch_samples = batch_samples
        self._samples = read_imu_csv(path)

    async def __aenter__(self) -> "ImuFileSource":
        self._entered_ns = self._clock.now_ns()
        self._items = self._play()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._items.aclose()

    def __aiter__(self) -> AsyncIterator[ImuBatch | SourceStatus]:
        return self

    async def __anext__(self) -> ImuBatch | SourceStatus:
        """Return the status online, then the batches, then the status offline."""
        return await anext(self._items)

    async def _play(self) -> AsyncGenerator[ImuBatch | SourceStatus, None]:
        yield self._status("online", f"playing {self._path.name}")
        count = len(self._samples.device_ns)
        for first in range(0, count, self._batch_samples):
            chosen = np.arange(first, min(first + self._batch_samples, count))
            part = self._samples.take(chosen)
            await self._wait_until_due(int(part.device_ns[-1]))
            yield part.on_pipeline_clock(self._subject_id, self._origin_ns)
        yield self._status("offline", f"end of {self._path.name}")

    async def _wait_until_due(self, played_ns: int) -> None:
        if self._speed is None:
            return
        due_ns = self._entered_ns + round(played_ns / self._speed)
        wait_ns = due_ns - self._clock.now_ns()
        if wait_ns > 0:
            await self._clock.sleep_s(ns_to_seconds(wait_ns))

    def _status(self, state: SourceState, reason: str) -> SourceStatus:
        return SourceStatus(
            self._subject_id, "imu", state, self._clock.now_ns(), reason, "presentation"
        )
