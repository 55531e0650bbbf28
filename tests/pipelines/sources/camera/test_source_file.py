"""Video files as streams of picked frames."""

import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipelines.clock import NS_PER_S
from pipelines.errors import SourceError, SourceNotFound, SourceUnreadable
from pipelines.records import Frame, SourceStatus
from pipelines.sources.camera.framing import crop
from pipelines.sources.camera.source import CameraLimits
from pipelines.sources.gstreamer.core import Gst, element, make_pipeline
from tests.camera_rig import (
    STEP_NS,
    Item,
    camera,
    frames_of,
    number_of,
    numbered,
    read,
    run,
    states_of,
    write_numbered,
    write_timed,
)
from tests.fakes import FakeClock

pytestmark = pytest.mark.gst

MS = 1_000_000


def picked(times_ns: list[int]) -> list[tuple[int, int]]:
    """Tick and number of each picture that belongs to a tick, told anew."""
    newest = {-(-time_ns // STEP_NS): n for n, time_ns in enumerate(times_ns)}
    return list(newest.items())


def ticks_and_numbers(items: list[Item]) -> list[tuple[int, int]]:
    return [(frame.tick, number_of(frame)) for frame in frames_of(items)]


def test_each_tick_gets_the_newest_picture_at_its_own_time(tmp_path: Path) -> None:
    items = run(read(camera(write_numbered(tmp_path / "a.mp4", 90))))

    times_ns = [n * NS_PER_S // 12 for n in range(90)]
    assert ticks_and_numbers(items) == picked(times_ns)
    for frame in frames_of(items):
        assert abs(frame.timestamp_ns - times_ns[number_of(frame)]) <= 1000


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_variable_rate_and_a_late_first_picture_keep_their_times(
    tmp_path: Path, name: str
) -> None:
    times_ns = [t * MS for t in (400, 430, 510, 700, 740, 1900, 1920, 2010, 2500)]
    pictures = ((t, numbered(n)) for n, t in enumerate(times_ns))
    file = write_timed(tmp_path / name, pictures, sound_s=3)

    items = run(read(camera(file)))

    assert ticks_and_numbers(items) == picked(times_ns)
    expected = [times_ns[number] for _, number in picked(times_ns)]
    stamps = [frame.timestamp_ns for frame in frames_of(items)]
    assert stamps == pytest.approx(expected, abs=MS)


def test_times_and_ticks_count_from_the_origin(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 30)
    origin_ns = 1_700_000_000_123_456_789

    plain, moved = (
        frames_of(run(read(camera(file, origin_ns=origin))))
        for origin in (0, origin_ns)
    )

    assert [frame.timestamp_ns - origin_ns for frame in moved] == [
        frame.timestamp_ns for frame in plain
    ]
    assert [frame.tick for frame in moved] == [frame.tick for frame in plain]


def test_nothing_is_lost_however_small_the_buffer_is(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 100)
    source = camera(file, limits=CameraLimits(buffered_frames=1), step_ns=1)

    items = run(read(source))

    assert [number_of(frame) for frame in frames_of(items)] == list(range(100))
    assert source.dropped == 0


def test_it_is_online_while_it_plays_and_stamped_by_presentation(
    tmp_path: Path,
) -> None:
    items = run(read(camera(write_numbered(tmp_path / "a.mp4", 12))))

    assert states_of(items) == [("connecting", ""), ("online", "")]
    bases = {item.time_base for item in items if isinstance(item, SourceStatus)}
    assert bases == {"presentation"}


def test_at_a_speed_each_frame_comes_when_it_is_due(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 40)
    clock = FakeClock(auto_advance=True)
    begin_ns = clock.now_ns()

    async def read_times() -> list[tuple[int, int]]:
        async with camera(file, clock=clock, speed=2.0, origin_ns=5) as source:
            return [
                (item.timestamp_ns - 5, clock.now_ns() - begin_ns)
                async for item in source
                if isinstance(item, Frame)
            ]

    for presented_ns, came_ns in run(read_times()):
        assert came_ns == pytest.approx(presented_ns / 2, abs=1)


def test_a_source_may_be_left_in_the_middle(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 100)

    async def read_one() -> Item:
        async with camera(file, step_ns=1) as source:
            return await anext(source)

    assert states_of([run(read_one(), within_s=10)]) == [("connecting", "")]


def test_a_wide_picture_is_padded_to_a_square(tmp_path: Path) -> None:
    red = np.full((48, 64, 3), (200, 40, 30), np.uint8)
    file = write_timed(tmp_path / "a.mkv", [(0, red)])

    (frame,) = frames_of(run(read(camera(file, image_size_px=64))))

    assert frame.pixels.shape == (64, 64, 3)
    assert frame.pixels[:8].max() <= 1
    assert frame.pixels[56:].max() <= 1
    assert np.abs(frame.pixels[9:55].astype(int) - (200, 40, 30)).max() <= 5


def test_a_pane_is_cut_out_before_padding(tmp_path: Path) -> None:
    halves = np.full((48, 96, 3), (200, 40, 30), np.uint8)
    halves[:, 48:] = (30, 60, 200)
    file = write_timed(tmp_path / "a.mkv", [(0, halves)])

    for framing in (crop(48, 0, 48, 48), crop(0.5, 0, 0.5, 1)):
        (frame,) = frames_of(run(read(camera(file, framing=framing))))
        assert np.abs(frame.pixels[:, 2:].astype(int) - (30, 60, 200)).max() <= 6


def note_quarter_turn(path: Path) -> None:
    """Write into an MP4 file, as a phone does, that it is to be shown turned right."""
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd")
    turned = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    data[header + 44 : header + 80] = turned
    path.write_bytes(data)


def test_a_phone_held_upright_shows_people_upright(tmp_path: Path) -> None:
    stored = np.full((64, 64, 3), 40, np.uint8)
    stored[:, :32] = 200  # what is up lies at the left
    file = write_timed(tmp_path / "a.mp4", [(0, stored)])
    note_quarter_turn(file)

    frame = frames_of(run(read(camera(file))))[-1]

    assert frame.pixels[2:14].min() > 180
    assert frame.pixels[18:30].max() < 60


@pytest.mark.slow
def test_the_picture_may_change_its_size_midway(tmp_path: Path) -> None:
    sizes = [(64, 48)] * 12 + [(128, 96)] * 12 + [(48, 64)] * 12
    pictures = (
        (n * NS_PER_S // 12, numbered(n, *size)) for n, size in enumerate(sizes)
    )
    file = write_timed(tmp_path / "a.ts", pictures)

    whole = frames_of(run(read(camera(file, step_ns=1))))
    assert [number_of(frame) for frame in whole] == list(range(36))
    for framing in (crop(0.0, 0.0, 0.5, 1.0), crop(0, 0, 60, 60), crop(100, 0, 9, 9)):
        panes = frames_of(run(read(camera(file, framing=framing, step_ns=1))))
        assert [pane.timestamp_ns for pane in panes] == [
            frame.timestamp_ns for frame in whole
        ]
        assert {pane.pixels.shape for pane in panes} == {(32, 32, 3)}


def test_a_damaged_file_gives_what_can_be_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (100, 48, 64, 3)).astype(np.uint8)
    file = write_timed(
        tmp_path / "a.ts", ((n * NS_PER_S // 12, p) for n, p in enumerate(noise))
    )
    data = bytearray(file.read_bytes())
    data[len(data) // 3 : len(data) // 2] = rng.bytes(len(data) // 2 - len(data) // 3)
    file.write_bytes(data)

    frames = frames_of(run(read(camera(file))))

    assert frames[0].timestamp_ns < NS_PER_S
    assert frames[-1].timestamp_ns > 6 * NS_PER_S


def write_sound(path: Path) -> None:
    pipeline = make_pipeline(
        "audiotestsrc num-buffers=20 ! vorbisenc ! oggmux ! filesink name=out"
    )
    element(pipeline, "out").set_property("location", str(path))
    pipeline.set_state(Gst.State.PLAYING)
    end = Gst.MessageType.EOS
    assert pipeline.get_bus().timed_pop_filtered(20 * Gst.SECOND, end) is not None
    pipeline.set_state(Gst.State.NULL)


def write_text(path: Path) -> None:
    path.write_text("Not a video.\n" * 100)


def write_noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(100_000))


def write_stump(path: Path) -> None:
    """The index of an MP4 file without its data, as a full disk leaves it."""
    write_numbered(path, 30)
    path.write_bytes(path.read_bytes()[:900])


@pytest.mark.parametrize(
    ("write", "kind", "problem"),
    [
        (lambda path: None, SourceNotFound, r"no such file"),
        (Path.mkdir, SourceUnreadable, r"is a folder, not a video file"),
        (Path.touch, SourceUnreadable, r"cannot be decoded \(.*\)"),
        (write_sound, SourceUnreadable, r"there is no video in it"),
        (write_text, SourceUnreadable, r"cannot be decoded \(.*text file\)"),
        (write_noise, SourceUnreadable, r"cannot be decoded \(.*\)"),
        (write_stump, SourceUnreadable, r"[^\n]+"),
    ],
)
def test_what_holds_no_video_is_one_clear_line(
    tmp_path: Path,
    write: Callable[[Path], None],
    kind: type[SourceError],
    problem: str,
) -> None:
    path = tmp_path / "a video.mp4"
    write(path)

    with pytest.raises(kind, match=rf"^{re.escape(str(path))}: {problem}$"):
        run(read(camera(path)))


@pytest.mark.slow
def test_the_error_of_a_stump_is_never_lost(tmp_path: Path) -> None:
    write_stump(path := tmp_path / "a.mp4")
    for _ in range(100):  # a race would lose some
        with pytest.raises(SourceUnreadable, match=r"incomplete"):
            run(read(camera(path)))


def test_a_speed_must_be_positive() -> None:
    with pytest.raises(ValueError, match=r"^speed must be positive, got 0$"):
        camera("a.mp4", speed=0)
