from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import DatasetError
from pipelines.lab.data.trials.weda import read_weda

HEADER = "accel_time_list,accel_x_list,accel_y_list,accel_z_list\n"


def write(
    folder: Path,
    name: str,
    times_s: list[float],
    *,
    kind: str = "accel",
    rate: str = "50Hz",
) -> Path:
    """Write a sample at each time, whose x is its place in the file."""
    activity, trial = name.split("/")
    path = folder / rate / activity / f"{trial}_{kind}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{time_s},{place},0.5,9.8\n" for place, time_s in enumerate(times_s)]
    path.write_text(HEADER + "".join(rows))
    return path


BURSTS_S = [0.1 * burst + 0.001 * n for burst in range(10) for n in range(4)]


def test_bursts_are_spread_over_their_time(tmp_path: Path) -> None:
    write(tmp_path, "F01/U01_R01", BURSTS_S)
    (trial,) = read_weda(tmp_path, "wrist")
    assert trial.seconds == pytest.approx(0.903)
    assert np.diff(trial.times_s) == pytest.approx(0.903 / 39)
    assert trial.accel_mps2[3] == pytest.approx([3.0, 0.5, 9.8])
    assert trial.gyro_radps is None


def test_late_samples_come_back_into_their_order(tmp_path: Path) -> None:
    late = [*BURSTS_S[:5], *BURSTS_S[20:], *BURSTS_S[5:20]]
    write(tmp_path, "F01/U01_R01", late)
    (trial,) = read_weda(tmp_path, "wrist")
    assert trial.accel_mps2[:8, 0].tolist() == [0, 1, 2, 3, 4, 25, 26, 27]


def test_turn_rates_come_from_the_file_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "D10/U21_R03", BURSTS_S)
    write(tmp_path, "D10/U21_R03", BURSTS_S, kind="gyro")
    (trial,) = read_weda(tmp_path, "wrist")
    assert trial.gyro_radps is not None
    assert trial.gyro_radps[5] == pytest.approx([5.0, 0.5, 9.8])
    facts = trial.person, trial.group, trial.activity, trial.is_fall
    assert facts == ("U21", "60 and over", "D10", False)


def test_of_several_rates_the_highest_is_read(tmp_path: Path) -> None:
    write(tmp_path, "F01/U02_R01", BURSTS_S[::4] * 2, rate="5Hz")
    write(tmp_path, "F01/U02_R01", BURSTS_S, rate="50Hz")
    (trial,) = read_weda(tmp_path, "wrist")
    assert len(trial.times_s) == len(BURSTS_S)
    assert (trial.group, trial.is_fall) == ("under 60", True)


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "F01/U02_R01", BURSTS_S)
    path.write_text(path.read_text() + "1.0,x,2,3\n")
    with pytest.raises(DatasetError, match=r"_accel\.csv:42: expected 4 numbers"):
        read_weda(tmp_path, "wrist")
    write(tmp_path, "F01/U02_R01", BURSTS_S[:3])
    with pytest.raises(DatasetError, match=r"holds 3 samples, expected at least 10$"):
        read_weda(tmp_path, "wrist")


def test_other_places_and_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none at the waist$"):
        read_weda(tmp_path, "waist")
    with pytest.raises(DatasetError, match=r"no file is named like F01/U01_R01_accel"):
        read_weda(tmp_path, "wrist")
