"""Pictures by their numbers, whatever their times are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipelines.clock import NS_PER_S
from pipelines.errors import SourceNotFound, SourceUnreadable
from pipelines.lab.data.decoding import decode, survey
from pipelines.records import Frame
from pipelines.sources.gstreamer.core import (
    Gst,
    element,
    make_pipeline,
    pixels_to_buffer,
)
from tests.camera_rig import number_of, numbered, write_numbered, write_timed

pytestmark = pytest.mark.gst

MS = 1_000_000


def write_by(
    path: Path,
    coding: str,
    pictures: Sequence[np.ndarray],
    *,
    form: str,
    step_ns: int = 40 * MS,
) -> Path:
    """Write pictures by a given encoder and muxer, and claim a given form of them."""
    pipeline = make_pipeline(
        "appsrc name=in format=time ! videoconvert ! video/x-raw,format=I420"
        f" ! {coding} ! filesink name=out"
    )
    element(pipeline, "out").set_property("location", str(path))
    source = element(pipeline, "in")
    height_px, width_px, _ = pictures[0].shape
    size = f"width={width_px},height={height_px}"
    caps = Gst.Caps.from_string(f"video/x-raw,format=RGB,{size},{form}")
    source.set_property("caps", caps)
    pipeline.set_state(Gst.State.PLAYING)
    for n, pixels in enumerate(pictures):
        buffer = pixels_to_buffer(pixels)
        buffer.pts, buffer.duration = n * step_ns, step_ns
        source.emit("push-buffer", buffer)
    source.emit("end-of-stream")
    kinds = Gst.MessageType.EOS | Gst.MessageType.ERROR
    message = pipeline.get_bus().timed_pop_filtered(20 * Gst.SECOND, kinds)
    pipeline.set_state(Gst.State.NULL)
    assert message is not None
    assert message.type == Gst.MessageType.EOS, message.parse_error()
    return path


def numbers(pictures: dict[int, np.ndarray]) -> dict[int, int]:
    """What is seen on each picture, by its number."""
    return {
        n: number_of(Frame("film", 0, 0, pixels))
        for n, pixels in sorted(pictures.items())
    }


def test_a_picture_is_found_by_its_number(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 60)

    found = numbers(decode(file, [59, 0, 17, 17], size_px=32))

    assert found == {0: 0, 17: 17, 59: 59}


def test_every_picture_of_an_avi_counts_even_if_two_have_one_time(
    tmp_path: Path,
) -> None:
    file = write_by(
        tmp_path / "a.avi",
        "avenc_mpeg4 max-bframes=2 ! avimux",
        [numbered(n) for n in range(40)],
        form="framerate=25/1,pixel-aspect-ratio=1/1",
    )

    facts = survey(file)

    assert (facts.pictures, facts.rate_hz) == (40, 25.0)
    found = numbers(decode(file, range(40), size_px=32))
    assert found == {n: n for n in range(40)}


def test_a_variable_rate_is_measured(tmp_path: Path) -> None:
    times_ns = [t * MS for t in (400, 430, 510, 700, 740, 1900, 1920, 2010, 2500)]
    pictures = ((t, numbered(n)) for n, t in enumerate(times_ns))

    facts = survey(write_timed(tmp_path / "a.mkv", pictures))

    assert facts.pictures == 9
    span_s = (times_ns[-1] - times_ns[0]) / NS_PER_S
    assert facts.rate_hz == pytest.approx(8 / span_s, rel=1e-3)


def test_a_rate_that_the_times_belie_is_not_believed(tmp_path: Path) -> None:
    file = write_by(
        tmp_path / "a.mkv",
        "x264enc tune=zerolatency ! h264parse ! matroskamux",
        [numbered(n) for n in range(21)],
        form="framerate=1000/1,pixel-aspect-ratio=1/1",
        step_ns=100 * MS,
    )

    assert survey(file).rate_hz == pytest.approx(10, rel=1e-2)


def test_a_picture_that_is_not_there_is_told(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 5)
    with pytest.raises(SourceUnreadable, match=r"^/.*a.mp4: it has no picture 5$"):
        decode(file, [4, 5, 6], size_px=32)


def test_what_is_no_video_is_told(tmp_path: Path) -> None:
    text = tmp_path / "a.avi"
    text.write_text("words\n" * 100)
    with pytest.raises(SourceUnreadable, match=r"^/.*a.avi: "):
        survey(text)
    with pytest.raises(SourceNotFound, match=r"^/.*b.avi: no such file$"):
        survey(tmp_path / "b.avi")
    with pytest.raises(SourceNotFound, match=r"no such file$"):
        survey(tmp_path)


def test_a_file_with_sound_alone_is_told(tmp_path: Path) -> None:
    pipeline = make_pipeline("audiotestsrc num-buffers=10 ! wavenc ! filesink name=out")
    element(pipeline, "out").set_property("location", str(tmp_path / "a.avi"))
    pipeline.set_state(Gst.State.PLAYING)
    kinds = Gst.MessageType.EOS | Gst.MessageType.ERROR
    pipeline.get_bus().timed_pop_filtered(20 * Gst.SECOND, kinds)
    pipeline.set_state(Gst.State.NULL)

    with pytest.raises(SourceUnreadable, match=r"a.avi: there is no video in it$"):
        survey(tmp_path / "a.avi")
