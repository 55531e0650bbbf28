from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import DatasetError
from pipelines.lab.data.trials.umafall import read_umafall

NAME = "UMAFall_Subject_04_Fall_backwardFall_1_2016-06-13_20-43-52.csv"
HEADER = """% Universidad de Malaga
% Age: 67
% MAC Address; Sensor_ID; Position; Device Model
%f8:95:c7:f3:ba:82; 0; RIGHTPOCKET; lge-LG-H815-5.1
%C4:BE:84:71:A5:02; 2; WAIST; SensorTag
% TimeStamp; Sample No; X-Axis; Y-Axis; Z-Axis; Sensor Type; Sensor ID;
"""


def row(time_ms: int, kind: int = 0, sensor: int = 2, x: float = 1.0) -> str:
    return f"{time_ms};1;{x};0;0;{kind};{sensor};\n"


def write(folder: Path, *rows: str, name: str = NAME) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(HEADER + "".join(rows))
    return folder


STEADY = [row(8 + 50 * i) for i in range(20)]


def test_samples_have_units_of_the_project_and_begin_at_zero(tmp_path: Path) -> None:
    turning = [row(8 + 50 * i, kind=1, x=180.0) for i in range(20)]
    (trial,) = read_umafall(write(tmp_path, *STEADY, *turning), "waist")
    assert trial.times_s == pytest.approx(np.arange(20) * 0.05)
    assert trial.accel_mps2[:, 0] == pytest.approx(9.80665)
    assert trial.gyro_radps is not None
    assert trial.gyro_radps[:, 0] == pytest.approx(np.pi)


def test_a_trial_knows_what_was_done_and_by_whom(tmp_path: Path) -> None:
    (trial,) = read_umafall(write(tmp_path, *STEADY), "waist")
    facts = trial.person, trial.group, trial.activity, trial.is_fall, trial.place
    assert facts == ("Subject_04", "60 and over", "backwardFall", True, "waist")
    write(tmp_path, *STEADY, name=NAME.replace("Fall_backwardFall", "ADL_Walking"))
    activities = {
        trial.activity: trial.is_fall for trial in read_umafall(tmp_path, "waist")
    }
    assert activities == {"backwardFall": True, "Walking": False}


def test_only_the_sensor_of_the_place_is_read(tmp_path: Path) -> None:
    phone = [row(5 * i, sensor=0, x=0.5) for i in range(200)]
    write(tmp_path, *STEADY, *phone)
    (pocket,) = read_umafall(tmp_path, "pocket")
    assert len(pocket.times_s) == 200
    assert pocket.gyro_radps is None
    assert len(read_umafall(tmp_path, "waist")[0].times_s) == 20


def test_samples_that_came_late_or_twice_are_put_in_order(tmp_path: Path) -> None:
    shuffled = [*STEADY[5:], *STEADY[:5], row(8, x=3.0)]
    (trial,) = read_umafall(write(tmp_path, *shuffled), "waist")
    assert (np.diff(trial.times_s) > 0).all()
    assert trial.accel_mps2[0, 0] == pytest.approx(9.80665)


def test_a_place_without_a_sensor_is_one_clear_line(tmp_path: Path) -> None:
    write(tmp_path, *STEADY)
    with pytest.raises(
        DatasetError, match=r"^.*: no file UMAFall_\*\.csv has a sensor at the chest$"
    ):
        read_umafall(tmp_path, "chest")


@pytest.mark.parametrize("line", ["1;2;3\n", "a;1;0;0;0;0;2\n"])
def test_a_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    write(tmp_path, *STEADY, line)
    number = HEADER.count("\n") + len(STEADY) + 1
    with pytest.raises(DatasetError, match=rf"^.*\.csv:{number}: expected 7 numbers"):
        read_umafall(tmp_path, "waist")


def test_a_file_with_another_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path, *STEADY, name="UMAFall_notes.csv")
    with pytest.raises(DatasetError, match=r"^.*: its name is not that of a trial"):
        read_umafall(tmp_path, "waist")
