"""Logins in a site's file: variables, password files, and what is refused of them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.wearable.address import MqttAddress
from services.errors import SettingsError
from services.site.file import read_site
from services.site.settings import Site

UGLY = "24#7/x?p%41ss@h:1 ü[\"'\\&=+"

# What the environment can hold: no NUL, and text of the locale.
texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"))


def site_of(folder: Path, camera: str, **environment: str) -> Site:
    path = folder / "site.yaml"
    path.write_text(f"site: w\nsubjects:\n  - id: bed\n{camera}", encoding="utf-8")
    return read_site(path, environment)


def camera_of(folder: Path, camera: str, **environment: str) -> CameraAddress:
    (subject,) = site_of(folder, camera, **environment).subjects
    assert subject.camera_address is not None
    return CameraAddress.parse(subject.camera_address)


def problem_of(folder: Path, camera: str, **environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        site_of(folder, camera, **environment)
    (problem,) = caught.value.problems
    return problem.removeprefix(f"{folder}/")


@pytest.mark.slow
@given(user=texts.filter(bool), password=texts)
def test_any_login_of_the_environment_arrives_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, user: str, password: str
) -> None:
    line = "    camera: rtsp://${CAM_USER}:${CAM_PW}@10.0.0.7:554/s?a=1\n"
    folder = tmp_path_factory.getbasetemp()
    address = camera_of(folder, line, CAM_USER=user, CAM_PW=password)
    assert (address.user, address.password) == (user, password)
    assert address.location == "rtsp://10.0.0.7:554/s?a=1"


@pytest.mark.slow
@given(texts.filter(lambda text: text.strip("\r\n") == text and "\n" not in text))
def test_any_line_of_a_password_file_arrives_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, password: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    secret = folder / "password"
    secret.write_bytes(password.encode() + b"\n")
    line = "    camera: rtsp://h/s\n    user: ward\n    password_file: "
    if not password.removeprefix("\ufeff"):
        assert problem_of(folder, f"{line}{secret}\n").endswith(": is empty")
        return
    address = camera_of(folder, f"{line}{secret}\n")
    assert (address.user, address.password) == ("ward", password.removeprefix("\ufeff"))


@given(user=texts.filter(bool), password=texts)
def test_any_login_of_a_broker_arrives_as_it_is(user: str, password: str) -> None:
    broker = {"user": user, "password": password, "host": "::1"}
    site = Site.model_validate({"site": "w", "broker": broker})
    address = MqttAddress.parse(site.imu_address("wrist"))
    assert (address.user, address.password) == (user, password)
    assert (address.host, address.topic) == ("::1", "wardwatch/w/imu/wrist")


@pytest.mark.parametrize(
    ("camera", "environment", "expected"),
    [
        ("${CAM}", {"CAM": "rtsp://u:p%40@h/s"}, ("u", "p@", "rtsp://h/s")),
        ("rtsp://u:p@${HOST}:${PORT}/${PATH}",
         {"HOST": "h", "PORT": "5", "PATH": "a/b?c=1"},
         ("u", "p", "rtsp://h:5/a/b?c=1")),
        ("rtsp://${LOGIN}@h/s", {"LOGIN": "u:a:b/c"}, ("u", "a:b/c", "rtsp://h/s")),
        ("rtsp://h/user=u_password=${PW}_channel=1", {"PW": "a#b&c"},
         (None, None, "rtsp://h/user=u_password=a%23b%26c_channel=1")),
        ("rtsp://u:p%41${PW}@h/s", {"PW": "p%41"}, ("u", "pAp%41", "rtsp://h/s")),
        ("rtsp://u:${A}${B}@h/s", {"A": "${B}", "B": "@"}, ("u", "${B}@", "rtsp://h/s")),
    ],
)  # fmt: skip
def test_a_variable_may_be_any_part_of_an_address(
    tmp_path: Path,
    camera: str,
    environment: dict[str, str],
    expected: tuple[str | None, str | None, str],
) -> None:
    address = camera_of(tmp_path, f"    camera: {camera}\n", **environment)
    assert (address.user, address.password, address.location) == expected


def test_a_value_that_is_no_address_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("site: w\nbroker: {user: u, password: '${PW}', port: '${PORT}'}\n")
    broker = read_site(path, {"PW": UGLY, "PORT": "1884"}).broker
    assert (broker.secret(), broker.port) == (UGLY, 1884)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("camera: rtsp://h/s\n    user: u", ": user and password_file go together"),
        (
            "camera: rtsp://h/s\n    password_file: {file}",
            ": user and password_file go together",
        ),
        (
            "camera: rtsp://a:b@h/s\n    user: u\n    password_file: {file}",
            ": a login is given twice: in camera, and by user and password_file",
        ),
        (
            "camera: test\n    user: u\n    password_file: {file}",
            ": user and password_file are for a camera at rtsp://host/path",
        ),
        (
            "imu: wrist\n    user: u\n    password_file: {file}",
            ": user and password_file are for a camera at rtsp://host/path",
        ),
        (
            "camera: rtsp://h/s\n    user: u\n    password_file: /nowhere/x",
            ": /nowhere/x: No such file or directory",
        ),
        (
            "camera: rtsp://h/s\n    user: u\n    password_file: /dev/zero",
            ": /dev/zero: holds more than one line with a password",
        ),
        (
            "camera: rtsp://u:${CAM-PW}@h/s",
            ".camera: ${ must be followed by a variable's name and }",
        ),
        ("camera: rtsp://u:${LATIN}@h/s", "the variable LATIN is not text in"),
        ("camera: ${SLASH}", "rtsp://***: an @ after the host: write %40"),
    ],
)  # fmt: skip
def test_a_login_that_cannot_be_right_is_told_in_one_line(
    tmp_path: Path, lines: str, problem: str
) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret")
    text = f"    {lines.replace('{file}', str(file))}\n"
    environment = {"LATIN": "\udcfc", "SLASH": "rtsp://u:s3/cret@h/s"}
    error = problem_of(tmp_path, text, **environment)
    assert problem in error
    assert error.startswith(("site.yaml:3: subjects[0]", "site.yaml:4: subjects[0]"))
    assert "cret" not in error.removeprefix(str(tmp_path))


def test_another_password_in_the_file_makes_another_subject(tmp_path: Path) -> None:
    file = tmp_path / "password"
    lines = f"    camera: rtsp://h/s\n    user: u\n    password_file: {file}\n"
    file.write_text("one\n")
    before = site_of(tmp_path, lines)
    assert site_of(tmp_path, lines).subjects == before.subjects
    file.write_text("two\n")
    after = site_of(tmp_path, lines)
    assert after.subjects != before.subjects
    assert after.subjects[0].camera_address == "rtsp://u:two@h/s"
    assert "two" not in repr(after)
