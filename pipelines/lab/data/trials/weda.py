"""WEDA-FALL: staged falls of young people, and daily activities of young and old ones.

    folder/50Hz/
    └── F05/
        ├── U01_R02_accel.csv    accel_time_list,accel_x_list,accel_y_list,accel_z_list
        └── U01_R02_gyro.csv     gyro_time_list,gyro_x_list,gyro_y_list,gyro_z_list

A watch at the wrist; folders ``F`` are falls, ``D`` activities; people from number 21
on are old. Accelerations are in m/s², turn rates in rad/s. A sample's time is that of
its arrival: several come at once, sometimes out of order, and the rate differs from
file to file. So samples are spread evenly over the time of the file, in order of their
times.

Marques and Moreno 2023, "Online fall detection using wrist devices", Sensors 23(3),
1146.
"""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from pipelines.errors import DatasetError
from pipelines.lab.data.trials.rows import read_lines, rows_of
from pipelines.lab.data.trials.trial import WearableTrial

PLACES = ("wrist",)

_FILE = re.compile(r"U(\d{2})_(R\d{2})_accel\.csv")
_ACTIVITY = re.compile(r"[DF]\d{2}")
_RATE = re.compile(r"(\d+)Hz")
_FIRST_OLD = 21
_COLUMNS = 4
_LEAST_SAMPLES = 10


def read_weda(folder: Path, place: str) -> list[WearableTrial]:
    """Read all trials of one rate.

    Args:
        folder: The set's files, in any folders below. Of several rates the highest is
            read.
        place: One of ``PLACES``.

    Raises:
        DatasetError: If there is no trial, the set has no such place, or a file is
            malformed.
    """
    if place not in PLACES:
        problem = f"WEDA-FALL has a sensor at the wrist, none at the {place}"
        raise DatasetError(str(folder), problem)
    paths = [
        path
        for path in sorted(folder.resolve().rglob("*_accel.csv"))
        if _FILE.fullmatch(path.name) and _ACTIVITY.fullmatch(path.parent.name)
    ]
    if not paths:
        problem = "no file is named like F01/U01_R01_accel.csv"
        raise DatasetError(str(folder), problem)
    highest = max((path.parent.parent for path in paths), key=_rate_hz)
    return [_read_trial(path) for path in paths if path.parent.parent == highest]


def _rate_hz(folder: Path) -> int:
    """Return the rate that the name of a folder states, or 0."""
    found = _RATE.fullmatch(folder.name)
    return 0 if found is None else int(found[1])


def _read_trial(path: Path) -> WearableTrial:
    named = _FILE.fullmatch(path.name)
    assert named is not None
    user, trial = named.groups()
    activity = path.parent.name
    accel = _samples(path)
    begin_s = accel[0, 0]
    turns = None
    beside = path.with_name(path.name.replace("_accel", "_gyro"))
    if beside.exists():
        gyro = _samples(beside)
        columns = [np.interp(accel[:, 0], gyro[:, 0], axis) for axis in gyro[:, 1:].T]
        turns = np.stack(columns, axis=1).astype(np.float32)
    return WearableTrial(
        name=f"{activity}_U{user}_{trial}",
        person=f"U{user}",
        group="60 and over" if int(user) >= _FIRST_OLD else "under 60",
        activity=activity,
        is_fall=activity.startswith("F"),
        place="wrist",
        times_s=accel[:, 0] - begin_s,
        accel_mps2=accel[:, 1:].astype(np.float32),
        gyro_radps=turns,
    )


def _samples(path: Path) -> Float64[np.ndarray, "sample 4"]:
    """Return time and three values of each sample, evenly spread."""
    table = rows_of(path, read_lines(path), _COLUMNS, ",", header=1)
    if len(table) < _LEAST_SAMPLES:
        problem = f"holds {len(table)} samples, expected at least {_LEAST_SAMPLES}"
        raise DatasetError(str(path), problem)
    table = table[np.argsort(table[:, 0], kind="stable")]
    table[:, 0] = np.linspace(table[0, 0], table[-1, 0], len(table))
    return table
