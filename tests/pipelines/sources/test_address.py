"""Addresses of cameras are read, and their credentials never shown."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import SourceError
from pipelines.sources.address import CameraAddress, redact


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


def test_redact_leaves_the_rest_of_a_text() -> None:
    text = f"cannot open rtsp://nurse:{SECRET}@10.0.0.7/stream (401), mail me@ward.org"
    assert redact(text) == (
        "cannot open rtsp://***@10.0.0.7/stream (401), mail me@ward.org"
    )


words = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1)


@given(before=words, password=words, after=words)
def test_redact_hides_any_password(before: str, password: str, after: str) -> None:
    text = f"{before} rtsp://nurse:<{password}>@camera {after}"
    assert f"<{password}>" not in redact(text).removeprefix(before)
