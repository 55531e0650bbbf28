"""Files written picture by picture."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import PipelineError
from pipelines.sources.gstreamer.core import (
    Gst,
    element,
    make_pipeline,
    sample_to_pixels,
)
from pipelines.sources.gstreamer.video_writer import VideoFileWriter

pytestmark = pytest.mark.gst

RED = np.array([200, 40, 30], np.uint8)


def write_red(path: Path, count: int, rate_hz: Fraction) -> None:
    picture = np.full((48, 66, 3), RED)
    with VideoFileWriter(path, 66, 48, rate_hz) as video:
        for _ in range(count):
            video.write(picture)


def presentation_times_ns(path: Path) -> list[int]:
    """Demultiplex only: what the container says, whatever the decoder makes of it."""
    pipeline = make_pipeline(
        "filesrc name=file ! qtdemux ! appsink name=sink sync=false"
    )
    element(pipeline, "file").set_property("location", str(path))
    sink = element(pipeline, "sink")
    pipeline.set_state(Gst.State.PLAYING)
    times = []
    while (sample := sink.emit("try-pull-sample", 5 * Gst.SECOND)) is not None:
        segment, time_ns = sample.get_segment(), sample.get_buffer().pts
        times.append(segment.to_stream_time(Gst.Format.TIME, time_ns))
    pipeline.set_state(Gst.State.NULL)
    return times


@pytest.mark.parametrize("rate_hz", [Fraction(12), Fraction(30000, 1001)])
def test_picture_n_is_shown_at_n_over_rate(tmp_path: Path, rate_hz: Fraction) -> None:
    write_red(tmp_path / "a.mp4", 30, rate_hz)

    times = presentation_times_ns(tmp_path / "a.mp4")

    expected = [float(n * 10**9 / rate_hz) for n in range(30)]
    assert times == pytest.approx(expected, abs=1000)
    assert not list(tmp_path.glob("*.part"))


def test_colours_and_odd_row_lengths_survive(tmp_path: Path) -> None:
    write_red(tmp_path / "a.mp4", 2, Fraction(12))

    pipeline = make_pipeline(
        "filesrc name=file ! qtdemux ! avdec_h264 ! videoconvert"
        " ! video/x-raw,format=RGB ! appsink name=sink sync=false"
    )
    element(pipeline, "file").set_property("location", str(tmp_path / "a.mp4"))
    pipeline.set_state(Gst.State.PLAYING)
    sample = element(pipeline, "sink").emit("try-pull-sample", 5 * Gst.SECOND)
    pixels = sample_to_pixels(sample)
    pipeline.set_state(Gst.State.NULL)

    assert pixels.shape == (48, 66, 3)
    assert np.abs(pixels.astype(int) - RED).max() <= 4


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.mp4"
    with pytest.raises(PipelineError, match=r"^/.*a\.mp4: Could not open .*writing$"):
        write_red(path, 30, Fraction(12))


def test_a_full_disk_is_told_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.symlink_to("/dev/full")
    with pytest.raises(PipelineError, match=r"^/.*a\.mp4: No space left"):
        write_red(path, 30, Fraction(12))
    assert path.is_symlink()


def test_a_file_left_by_an_exception_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with (
        pytest.raises(ValueError, match=r"^expected a picture of shape \(48, 66, 3\)"),
        VideoFileWriter(path, 66, 48, Fraction(12)) as video,
    ):
        video.write(np.zeros((10, 10, 3), np.uint8))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("width_px", "rate_hz", "message"),
    [
        (65, Fraction(12), r"^sides must be even and at least 16 px, got 65$"),
        (66, Fraction(0), r"^the rate must be positive, got 0$"),
    ],
)
def test_a_form_no_file_can_have_is_refused(
    tmp_path: Path, width_px: int, rate_hz: Fraction, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        VideoFileWriter(tmp_path / "a.mp4", width_px, 48, rate_hz)
