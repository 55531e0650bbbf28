"""SisFall: staged falls and daily activities with a sensor at the waist.

    folder/
    └── SA01/
        └── F05_SA01_R02.txt

Each file is one trial: an activity (``D``) or a fall (``F``), of a young (``SA``) or an
old person (``SE``). Each line has nine integers: an accelerometer of ±16 g and 13 bits,
a gyroscope of ±2000 °/s and 16 bits, and a second accelerometer, which is not read.
There are 200 lines a second.

Sucerquia, Lopez and Vargas-Bonilla 2017, "SisFall: A fall and movement dataset",
Sensors 17(1), 198.
"""

import re
from pathlib import Path

import numpy as np

from pipelines.errors import DatasetError
from pipelines.lab.data.trials.rows import read_lines, rows_of
from pipelines.lab.data.trials.trial import STANDARD_GRAVITY_MPS2, WearableTrial

PLACES = ("waist",)

_FILE = re.compile(r"([DF]\d{2})_(S[AE])(\d{2})_(R\d{2})\.txt")
_GROUPS = {"SA": "under 60", "SE": "60 and over"}
_RATE_HZ = 200.0
_COLUMNS = 9
_G_PER_BIT = 2 * 16 / 2**13
_DEGPS_PER_BIT = 2 * 2000 / 2**16


def read_sisfall(folder: Path, place: str) -> list[WearableTrial]:
    """Read all trials.

    Args:
        folder: The set's files, in any folders below.
        place: One of ``PLACES``.

    Raises:
        DatasetError: If there is no trial, the set has no such place, or a file is
            malformed.
    """
    if place not in PLACES:
        problem = f"SisFall has a sensor at the waist, none at the {place}"
        raise DatasetError(str(folder), problem)
    paths = [path for path in sorted(folder.rglob("*.txt")) if _FILE.match(path.name)]
    if not paths:
        problem = "no file is named like D01_SA01_R01.txt"
        raise DatasetError(str(folder), problem)
    return [_read_trial(path) for path in paths]


def _read_trial(path: Path) -> WearableTrial:
    named = _FILE.match(path.name)
    assert named is not None
    activity, group, number, trial = named.groups()
    rows = rows_of(path, read_lines(path), _COLUMNS, ",")
    if not len(rows):
        problem = "holds no sample"
        raise DatasetError(str(path), problem)
    return WearableTrial(
        name=f"{activity}_{group}{number}_{trial}",
        person=f"{group}{number}",
        group=_GROUPS[group],
        activity=activity,
        is_fall=activity.startswith("F"),
        place="waist",
        times_s=np.arange(len(rows)) / _RATE_HZ,
        accel_mps2=(rows[:, :3] * _G_PER_BIT * STANDARD_GRAVITY_MPS2).astype(
            np.float32
        ),
        gyro_radps=np.radians(rows[:, 3:6] * _DEGPS_PER_BIT).astype(np.float32),
    )
