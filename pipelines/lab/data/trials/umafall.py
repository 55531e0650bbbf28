"""UMAFall: staged falls and daily activities with five sensors on the body.

    folder/
    └── UMAFall_Subject_04_Fall_backwardFall_1_2016-06-13_20-43-52.csv

Each file is one trial. Its header, lines that begin with ``%``, lists the sensors with
their places; each further line is ``time in ms; number; x; y; z; type; sensor``, with
accelerations in g and turn rates in degrees a second. The tags send 20 samples a
second, and sometimes several at once or one twice; the phone sends 200.

Casilari, Santoyo-Ramon and Cano-Garcia 2017, "UMAFall: A multisensor dataset for the
research on automatic fall detection", Procedia Computer Science 110.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from pipelines.errors import DatasetError
from pipelines.lab.data.trials.rows import read_lines, rows_of
from pipelines.lab.data.trials.trial import STANDARD_GRAVITY_MPS2, WearableTrial

PLACES = ("waist", "wrist", "chest", "ankle", "pocket")

_FILE = re.compile(r"UMAFall_(Subject_\d+)_(ADL|Fall)_(\w+?)_(\d+)_\d{4}-.*\.csv")
_SENSOR = re.compile(r"%\s*[0-9A-Fa-f:]{17};\s*(\d+);\s*(\w+);")
_AGE = re.compile(r"%\s*Age:\s*(\d+)")
_OLD = 60
_ACCELEROMETER, _GYROSCOPE = 0, 1
_COLUMNS = 7
_LEAST_SAMPLES = 10


def read_umafall(folder: Path, place: str) -> list[WearableTrial]:
    """Read the trials in which a sensor was worn at a place.

    Args:
        folder: The set's files, in any folders below.
        place: One of ``PLACES``.

    Raises:
        DatasetError: If there is no such trial, or a file is malformed.
    """
    trials = [
        trial
        for path in sorted(folder.rglob("UMAFall_*.csv"))
        for trial in _read_trial(path, place)
    ]
    if not trials:
        problem = f"no file UMAFall_*.csv has a sensor at the {place}"
        raise DatasetError(str(folder), problem)
    return trials


def _read_trial(path: Path, place: str) -> Iterator[WearableTrial]:
    """Yield the trial of a file, if a sensor was worn at the place."""
    named = _FILE.fullmatch(path.name)
    if named is None:
        problem = "its name is not that of a trial of UMAFall"
        raise DatasetError(str(path), problem)
    person, kind, activity, number = named.groups()
    lines = read_lines(path)
    sensors = [
        int(found[1])
        for found in map(_SENSOR.match, lines)
        if found is not None and found[2].lower().endswith(place)
    ]
    if not sensors:
        return
    rows = rows_of(path, lines, _COLUMNS, ";")
    accel = _of(rows, _ACCELEROMETER, sensors[0])
    gyro = _of(rows, _GYROSCOPE, sensors[0])
    if len(accel) < _LEAST_SAMPLES:
        return
    times_s = accel[:, 0] / 1000
    turns = None
    if len(gyro) >= _LEAST_SAMPLES:
        turned = [
            np.interp(accel[:, 0], gyro[:, 0], np.radians(gyro[:, axis]))
            for axis in (2, 3, 4)
        ]
        turns = np.stack(turned, axis=1).astype(np.float32)
    yield WearableTrial(
        name=f"{person}_{kind}_{activity}_{number}",
        person=person,
        group=_age_group(lines),
        activity=activity,
        is_fall=kind == "Fall",
        place=place,
        times_s=times_s - times_s[0],
        accel_mps2=(accel[:, 2:5] * STANDARD_GRAVITY_MPS2).astype(np.float32),
        gyro_radps=turns,
    )


def _age_group(lines: list[str]) -> str:
    ages = [int(found[1]) for found in map(_AGE.match, lines) if found is not None]
    if not ages:
        return "age unknown"
    return f"{_OLD} and over" if ages[0] >= _OLD else f"under {_OLD}"


def _of(
    rows: Float64[np.ndarray, "row 7"], kind: int, sensor: int
) -> Float64[np.ndarray, "sample 7"]:
    """Return a sensor's samples of one kind, in order of time, each time once."""
    chosen = rows[(rows[:, 5] == kind) & (rows[:, 6] == sensor)]
    _, first = np.unique(chosen[:, 0], return_index=True)
    samples: Float64[np.ndarray, "sample 7"] = chosen[first]
    return samples
