"""Each check shows what it found, and how to fix what failed."""

from pathlib import Path

from pipelines.sources.gstreamer.probe import ELEMENT_PACKAGES, GStreamerProbe
from services.checkup import (
    check_broker,
    check_checkpoint,
    check_disk,
    check_elements,
    check_gstreamer,
    check_rtsp_server,
    check_torch,
)


def probe(
    version: tuple[int, int, int] | None = (1, 22, 0),
    missing: tuple[str, ...] = (),
    *,
    rtsp_server: bool = True,
) -> GStreamerProbe:
    problem = "" if version else "No module named 'gi'"
    return GStreamerProbe(version, problem, missing, rtsp_server)


def test_the_oldest_gstreamer_that_works_is_accepted() -> None:
    assert check_gstreamer(probe((1, 22, 0))).ok


def test_an_older_gstreamer_is_refused_with_both_versions() -> None:
    check = check_gstreamer(probe((1, 20, 9)))
    assert (check.ok, check.detail) == (False, "1.20.9: 1.22 or newer is needed")


def test_a_missing_gstreamer_says_why() -> None:
    check = check_gstreamer(probe(None))
    assert (check.ok, check.detail) == (False, "No module named 'gi'")


def test_missing_elements_name_the_packages_that_bring_them_once_each() -> None:
    check = check_elements(probe(missing=("rtspsrc", "qtdemux", "x264enc")))
    assert not check.ok
    assert check.fix == (
        "sudo apt-get install gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly"
    )


def test_no_missing_element_is_well() -> None:
    assert (
        check_elements(probe()).detail == f"all {len(ELEMENT_PACKAGES)} are installed"
    )


def test_a_missing_rtsp_server_names_its_package() -> None:
    fix = check_rtsp_server(probe(rtsp_server=False)).fix
    assert fix == "sudo apt-get install gir1.2-gst-rtsp-server-1.0"


def test_a_real_broker_starts() -> None:
    assert check_broker().ok


def test_torch_computes() -> None:
    assert check_torch().ok


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    check = check_checkpoint(tmp_path / "none")
    assert (check.ok, check.detail) == (False, f"{tmp_path / 'none'}: no such folder")
    assert check.fix


def test_a_full_disk_is_advice_and_no_failure() -> None:
    check = check_disk(Path("/proc"))  # has no free space
    assert (check.ok, check.needed) == (False, False)
