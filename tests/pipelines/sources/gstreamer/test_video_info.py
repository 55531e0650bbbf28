"""How long a video is, before it is played."""

from pathlib import Path

import pytest

from pipelines.sources.gstreamer.video_info import video_duration_s
from tests.camera_rig import RATE_HZ, write_numbered

pytestmark = pytest.mark.gst


def test_a_video_tells_its_length(tmp_path: Path) -> None:
    path = write_numbered(tmp_path / "three seconds, 100 %.mp4", 36)
    assert video_duration_s(path) == pytest.approx(36 / RATE_HZ, abs=0.1)


def test_what_is_no_video_has_no_length(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("no video in here, only words\n" * 50)
    assert video_duration_s(path) is None


def test_a_video_that_is_not_there_has_no_length(tmp_path: Path) -> None:
    assert video_duration_s(str(tmp_path / "gone.mp4")) is None
