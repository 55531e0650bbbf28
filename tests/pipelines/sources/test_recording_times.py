"""Recordings whose times, tracks or data are wrong are watched whole, or refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.clock import NS_PER_S, ns_to_seconds
from pipelines.errors import SourceUnreadable
from pipelines.records import SourceStatus
from pipelines.sources.recording.report import RecordingReport
from tests.camera_rig import (
    RATE_HZ,
    Item,
    camera,
    frames_of,
    number_of,
    numbered,
    read,
    run,
    states_of,
    write_timed,
)
from tests.film_rig import encode, join, write_matroska, write_stream

pytestmark = pytest.mark.gst

COUNT = 60
HOUR_NS = 3600 * NS_PER_S


def watch(path: Path) -> tuple[list[Item], RecordingReport]:
    source = camera(path, step_ns=1)
    return run(read(source)), source.report


def assert_whole(items: list[Item], count: int = COUNT) -> None:
    """Every picture is there, in order, at its time."""
    frames = frames_of(items)
    assert [number_of(frame) for frame in frames] == list(range(count))
    for n, frame in enumerate(frames):
        assert abs(ns_to_seconds(frame.timestamp_ns) - n / RATE_HZ) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["h264", "h264-b", "vp8"])
@pytest.mark.parametrize(
    ("change", "affected"),
    [
        (
            lambda n, t: t + HOUR_NS if 24 <= n < 36 else t,
            "12 of 60 pictures jump away",
        ),
        (
            lambda n, t: t + 10 * NS_PER_S if n == 40 else t,
            "1 of 60 pictures jump away",
        ),
        (
            lambda n, t: t if n < 36 else t - 36 * NS_PER_S // 12,
            "24 of 60 pictures start",
        ),
    ],
)
def test_wild_times_are_repaired_and_counted(
    tmp_path: Path, codec: str, change: Callable[[int, int], int], affected: str
) -> None:
    track = encode(codec, COUNT).timed(change)

    items, report = watch(write_matroska(tmp_path / "wild.mkv", track))

    assert_whole(items)
    (reason,) = {it.reason for it in items if isinstance(it, SourceStatus)} - {""}
    assert affected in reason
    assert reason == report.line
    assert report.unwatched_ratio == 0


def test_a_long_pause_is_kept(tmp_path: Path) -> None:
    track = encode("h264", COUNT).timed(lambda n, t: t + (HOUR_NS if n >= 24 else 0))

    items, report = watch(write_matroska(tmp_path / "pause.mkv", track))

    frames = frames_of(items)
    assert len(frames) == COUNT
    assert frames[24].timestamp_ns - frames[23].timestamp_ns > HOUR_NS
    assert report.line == ""


@pytest.mark.parametrize(("codec", "name"), [("h264", "a.h264"), ("jpeg", "a.mjpeg")])
def test_a_stream_without_times_is_watched_whole(
    tmp_path: Path, codec: str, name: str
) -> None:
    items, report = watch(write_stream(tmp_path / name, codec, COUNT))

    frames = frames_of(items)
    assert len(frames) == COUNT
    stamps = [frame.timestamp_ns for frame in frames]
    assert stamps == sorted(set(stamps))
    if codec == "jpeg":  # this encoder writes no rate that could be read
        assert stamps[-1] == pytest.approx((COUNT - 1) * NS_PER_S / 25)
        assert "none of 60 pictures has a time" in report.line
        assert "25 pictures a second, assumed" in report.line


def test_the_film_is_watched_and_not_the_thumbnail_before_it(tmp_path: Path) -> None:
    thumbnail, film = encode("jpeg", 1), encode("h264", COUNT)

    items, report = watch(write_matroska(tmp_path / "a.mkv", thumbnail, film))

    assert_whole(items)
    assert report.line == ""


def test_recordings_joined_are_watched_one_after_the_other(tmp_path: Path) -> None:
    part = encode("vp8", 24)

    items, report = watch(write_matroska(tmp_path / "a.mkv", join([part, part])))

    stamps = [frame.timestamp_ns for frame in frames_of(items)]
    assert len(stamps) == 48
    assert stamps[-1] == pytest.approx(47 * NS_PER_S / 12, abs=NS_PER_S / 20)
    assert report.continued == 24


@pytest.mark.parametrize(
    ("head", "name"),
    [(b"GIF89a", "GIF"), (b"RIFF\0\0\0\0WEBP", "WebP"), (b"\x89PNG\r\n", "PNG")],
)
def test_a_picture_is_refused_in_one_line(
    tmp_path: Path, head: bytes, name: str
) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(head + bytes(1000))

    with pytest.raises(SourceUnreadable, match=rf"^{path}: is a {name} picture, "):
        run(read(camera(path)))


def test_what_cannot_be_decoded_is_counted_and_refused(tmp_path: Path) -> None:
    track = encode("vp8", COUNT)
    spoilt = [
        it if n < 12 or n >= 48 else type(it)(b"\xff" * 9, it.time_ns, key=False)
        for n, it in enumerate(track.packets)
    ]
    path = write_matroska(
        tmp_path / "a.mkv", type(track)(track.codec, track.private, spoilt)
    )

    items, report = watch(path)

    assert len(frames_of(items)) < COUNT
    assert report.missed >= 30
    assert states_of(items)[-1] == ("online", report.line)
    with pytest.raises(SourceUnreadable, match=r"more than the allowed 5%$"):
        report.refuse_unwatched("a.mkv")


def test_a_variable_rate_is_no_mistake(tmp_path: Path) -> None:
    times_ms = [0, 33, 66, 100, 2600, 2633, 2700, 9000, 9033, 9066, 9100, 30_000]
    pictures = ((t * 1_000_000, numbered(n)) for n, t in enumerate(times_ms))

    items, report = watch(write_timed(tmp_path / "a.mkv", pictures))

    stamps = [round(frame.timestamp_ns / 1e6) for frame in frames_of(items)]
    assert stamps == pytest.approx(times_ms, abs=1)
    assert report.line == ""
