"""Addresses of cameras are read, and their credentials never shown."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.sources.camera.address import CameraAddress, with_login


@pytest.mark.parametrize(
    ("text", "kind", "live"),
    [
        ("rtsp://10.0.0.7/stream", "rtsp", True),
        ("rtsps://camera.lan:322/", "rtsp", True),
        ("rtsp://[fe80::1]:554/x", "rtsp", True),
        ("/dev/video0", "device", True),
        ("/dev/v4l/by-id/usb-046d_C920-video-index0", "device", True),
        ("/dev/v4l/by-path/pci-0000:00:14.0-usb-0:1:1.0-video-index0", "device", True),
        ("/dev/video-front", "device", True),
        ("test", "test", True),
        ("ward/test.mp4", "file", False),
        ("/dev/videos/a.mp4", "file", False),
    ],
)
def test_each_form_is_told_from_the_others(text: str, kind: str, live: bool) -> None:
    address = CameraAddress.parse(text)
    assert (address.kind, address.live, address.location) == (kind, live, text)


def test_a_link_to_a_character_device_is_a_device(tmp_path: Path) -> None:
    link, file, folder = tmp_path / "front", tmp_path / "a.mp4", tmp_path / "video"
    link.symlink_to("/dev/null")
    file.touch()
    folder.mkdir()

    kinds = [CameraAddress.parse(str(it)).kind for it in (link, file, folder)]

    assert kinds == ["device", "file", "file"]


def test_a_file_that_lies_under_dev_is_a_file() -> None:
    with tempfile.NamedTemporaryFile(dir="/dev/shm", suffix="-index0") as file:
        assert CameraAddress.parse(file.name).kind == "file"


def test_credentials_are_taken_out_and_decoded() -> None:
    address = CameraAddress.parse("rtsp://nurse:p%40ss%2Fword@10.0.0.7:554/a?b=1")
    assert address.location == "rtsp://10.0.0.7:554/a?b=1"
    assert (address.user, address.password) == ("nurse", "p@ss/word")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a\0b",
        "http://10.0.0.7/a.mp4",
        "rtps://10.0.0.7/stream",
        "rtsp:///stream",
        "rtsp://10.0.0.7:many/",
        "rtsp://10.0.0.7:99999/",
        "rtsp://[10.0.0.7/",
        "rtsp://10.0.0.7/a b",
    ],
)
def test_what_is_no_address_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SourceError, match=r"^[^\n]*: expected rtsp://host/path, /dev"):
        CameraAddress.parse(text)


SECRET = "sEcReT9"


@pytest.mark.parametrize(
    "address",
    [
        f"rtsp://nurse:{SECRET}@10.0.0.7/stream",
        f"rtsp://{SECRET}@10.0.0.7/stream",
        f"rtsp://nurse:a/{SECRET}@10.0.0.7/stream",
        f"rtsp://nurse:a@{SECRET}@10.0.0.7/stream",
        f"rtsp://nurse:12/{SECRET}@10.0.0.7/stream",
        f"rtsp://nurse:a {SECRET}@10.0.0.7/stream",
        f"http://nurse:{SECRET}@10.0.0.7/stream",
        f"rtsp://10.0.0.7/user=admin&password={SECRET}&channel=1",
        f"rtsp://10.0.0.7/user=admin_password={SECRET}_channel=1",
        f"rtsp://10.0.0.7/h264?usr=admin&pwd={SECRET}",
    ],
)
def test_no_text_shows_a_password(address: str) -> None:
    try:
        parsed = CameraAddress.parse(address)
        shown = f"{parsed} {parsed!r}"
    except SourceError as error:
        shown = f"{error} {error!r}"
    assert SECRET not in shown


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://admin:24/7@10.0.0.7/stream",
        "rtsp://admin:24#7@10.0.0.7:554/stream",
        "rtsp://admin?7@[fe80::1]/stream",
        "rtsp://10.0.0.7/x?user=a@b.c",
    ],
)
def test_an_address_that_may_mean_two_hosts_is_refused(address: str) -> None:
    with pytest.raises(SourceError, match=r"^rtsp://\*\*\*: an @ after the host: "):
        CameraAddress.parse(address)


def test_an_at_sign_that_can_end_no_login_stays() -> None:
    address = CameraAddress.parse("rtsp://10.0.0.7/user=admin_password=p@ss_channel=1")
    assert address.location.endswith("/user=admin_password=p@ss_channel=1")
    assert str(address) == "rtsp://10.0.0.7/***"


@pytest.mark.parametrize(
    "address",
    ["rtsp:/10.0.0.7/x", "rtsp:10.0.0.7", " rtsp://10.0.0.7/x", "rtsp://h:0/x"],
)
def test_a_mistyped_address_is_no_file(address: str) -> None:
    with pytest.raises(SourceError, match=r": expected rtsp://host/path"):
        CameraAddress.parse(address)


@pytest.mark.parametrize("password", ["%FF", "%00", "p%FCss"])
def test_a_login_that_is_no_text_is_refused(password: str) -> None:
    with pytest.raises(SourceError, match=r"^rtsp://h/x: user and password must be"):
        CameraAddress.parse(f"rtsp://u:{password}@h/x")


@given(user=st.text(min_size=1), password=st.none() | st.text())
def test_a_login_reads_back_exactly_as_it_was_given(
    user: str, password: str | None
) -> None:
    if "\0" in user + (password or ""):
        return
    address = CameraAddress.parse(with_login("rtsp://h:554/x", user, password))
    assert (address.user, address.password) == (user, password)
    assert address.location == "rtsp://h:554/x"


def test_another_channel_is_another_view_and_a_password_is_in_no_name() -> None:
    text = f"rtsp://h/cam/realmonitor?channel=2&subtype=0&passwd={SECRET}&stream=abc"
    name = CameraAddress.parse(text).view_name
    assert name == "rtsp://h/cam/realmonitor channel=2 subtype=0"
    in_path = f"rtsp://h/user=a_password={SECRET}_channel=3_stream=1.sdp?real_stream"
    assert CameraAddress.parse(in_path).view_name == "rtsp://h/*** channel=3 stream=1"
    assert CameraAddress.parse("rtsp://u:p@h/x").view_name == "rtsp://h/x"
    assert CameraAddress.parse("a/b.mp4").view_name == "a/b.mp4"
