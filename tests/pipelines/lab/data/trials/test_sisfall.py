from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import DatasetError
from pipelines.lab.data.trials.sisfall import read_sisfall

LINE = "256,0,-256,16384,0,0,1,2,3;\n"


def write(folder: Path, name: str, text: str = LINE * 400) -> Path:
    path = folder / name.split("_")[1] / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_bits_become_units_of_the_project(tmp_path: Path) -> None:
    write(tmp_path, "F05_SA01_R02.txt")
    (trial,) = read_sisfall(tmp_path, "waist")
    assert trial.times_s[:3] == pytest.approx([0.0, 0.005, 0.01])
    assert trial.accel_mps2[7] == pytest.approx([9.80665, 0, -9.80665])
    assert trial.gyro_radps is not None
    assert trial.gyro_radps[7] == pytest.approx([np.radians(1000), 0, 0])


def test_the_name_says_what_was_done_and_by_whom(tmp_path: Path) -> None:
    write(tmp_path, "D11_SE06_R01.txt")
    write(tmp_path, "F05_SA01_R02.txt")
    (tmp_path / "Readme.txt").write_text("not a trial")
    young, old = read_sisfall(tmp_path, "waist")
    assert (old.person, old.group, old.activity) == ("SE06", "60 and over", "D11")
    assert (young.person, young.group, young.activity) == ("SA01", "under 60", "F05")
    assert [old.is_fall, young.is_fall] == [False, True]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LINE + "1,2,3;\n", r":2: expected 9 numbers divided by ',', got '1,2,3;'$"),
        (LINE.replace("16384", "x"), r":1: expected 9 numbers"),
        (LINE.replace("16384", "nan"), r":1: expected 9 numbers"),
        ("\n", "holds no sample$"),
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, text: str, problem: str) -> None:
    path = write(tmp_path, "F05_SA01_R02.txt", text)
    with pytest.raises(DatasetError, match=problem) as caught:
        read_sisfall(tmp_path, "waist")
    assert str(path) in str(caught.value)


def test_other_places_and_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none at the wrist$"):
        read_sisfall(tmp_path, "wrist")
    with pytest.raises(DatasetError, match=r"no file is named like D01_SA01_R01\.txt$"):
        read_sisfall(tmp_path, "waist")
