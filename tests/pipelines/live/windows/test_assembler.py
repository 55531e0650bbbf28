"""Windows, drawn: one letter a frame, a point a gap, one line a window."""

import re
from dataclasses import replace

import numpy as np
import pytest

from pipelines.live.windows.assembler import WindowAssembler, WindowSettings
from pipelines.records import Clip, FrameFeature, ImuBatch
from pipelines.sources.wearable.buffer import ImuBuffer

STEP_NS = 375_000_000


def feature(tick: int, letter: str) -> FrameFeature:
    return FrameFeature(tick * STEP_NS, tick, np.array([ord(letter)], np.float32))


def draw(clip: Clip) -> str:
    """Draw a clip from tick 0 on: its letters in their places, what it lacks."""
    place = {
        round(clip.start_ns / STEP_NS) + slot - clip.slots[0]: chr(int(value[0]))
        for slot, value in zip(clip.slots, clip.features, strict=True)
    }
    picture = "".join(place.get(tick, " ") for tick in range(max(place) + 1))
    missing = f" -{clip.missing_frames}" if clip.missing_frames else ""
    return picture + missing + (" partial" if clip.partial else "")


def windows_of(stream: str, frames: int, stride: int, first_tick: int = 0) -> list[str]:
    settings = WindowSettings(frames, frames * 0.375, stride)
    assembler = WindowAssembler("bed-4", settings)
    clips = []
    for tick, letter in enumerate(stream, start=first_tick):
        if letter != ".":
            clips += assembler.add(feature(tick, letter))
    return [draw(clip) for clip in clips + assembler.flush()]


def test_windows_end_on_the_stride_and_the_first_ones_are_partial() -> None:
    assert windows_of("abcdefg", frames=4, stride=2) == [
        "a partial",
        "abc partial",
        " bcde",
        "   defg",
    ]


def test_a_stride_of_one_gives_a_window_for_every_frame() -> None:
    assert windows_of("abcd", frames=2, stride=1) == ["a partial", "ab", " bc", "  cd"]


def test_a_gap_is_counted_and_leaves_its_place_empty() -> None:
    assert windows_of("abc.efg", frames=4, stride=2) == [
        "a partial",
        "abc partial",
        " bc e -1",
        "    efg -1",
    ]


def test_a_window_that_ends_in_a_gap_comes_with_the_next_frame() -> None:
    assembler = WindowAssembler("bed-4", WindowSettings(4, 1.5, 2))
    assert [draw(clip) for clip in assembler.add(feature(0, "a"))] == ["a partial"]
    assert assembler.add(feature(1, "b")) == []
    late, own = assembler.add(feature(4, "e"))
    assert draw(late) == "ab -1 partial"
    assert draw(own) == " b  e -2"


def test_a_stream_that_ends_off_the_stride_gets_a_final_window() -> None:
    assert windows_of("abcdef", frames=4, stride=4) == [
        "a partial",
        " bcde",
        "  cdef",
    ]


def test_a_single_frame_off_the_stride_still_answers() -> None:
    assert windows_of("z", frames=8, stride=2, first_tick=3) == ["   z partial"]


def test_nothing_is_due_at_the_end_of_a_stream_without_frames() -> None:
    assert windows_of("...", frames=4, stride=1) == []


def test_a_window_may_hold_a_single_frame_between_gaps() -> None:
    assert windows_of("abc...g", frames=4, stride=2) == [
        "a partial",
        "abc partial",
        " bc -2",
        "      g -3",
    ]


def test_a_gap_as_long_as_a_window_begins_the_stream_anew() -> None:
    assert windows_of("abcd....ij", frames=4, stride=2) == [
        "a partial",
        "abc partial",
        "abcd",
        "        i partial",
        "        ij partial",
    ]


def test_no_window_reaches_back_over_a_flush() -> None:
    assembler = WindowAssembler("bed-4", WindowSettings(4, 1.5, 1))
    for tick, letter in enumerate("abcde"):
        assembler.add(feature(tick, letter))
    assert assembler.flush() == []
    # A new stream may even step back on the grid.
    assert [draw(clip) for clip in assembler.add(feature(4, "e"))] == ["    e partial"]


def test_a_clip_spans_its_first_to_its_last_frame() -> None:
    assembler = WindowAssembler("bed-4", WindowSettings(4, 1.5, 1))
    assembler.add(feature(3, "a"))
    (clip,) = assembler.add(feature(4, "b"))
    assert (clip.start_ns, clip.end_ns) == (3 * STEP_NS, 4 * STEP_NS)
    assert clip.slots == (2, 3)
    assert clip.subject_id == "bed-4"


def test_a_tick_that_does_not_increase_is_refused() -> None:
    assembler = WindowAssembler("bed-4", WindowSettings())
    assembler.add(feature(5, "a"))
    with pytest.raises(ValueError, match=r"^bed-4: tick 5 came after tick 5$"):
        assembler.add(feature(5, "b"))


def worn_from_1_s_on() -> ImuBuffer:
    buffer = ImuBuffer(rate_hz=10.0)
    times_ns = np.arange(1_000_000_000, 4_000_000_000, 100_000_000)
    still = np.zeros((len(times_ns), 3), np.float32)
    buffer.add(ImuBatch("wrist", times_ns, still, still))
    return buffer


#  time in s   0.75  1    1.5                 2.6
#  frames                 [----------------------)
#  samples           [---------------------------)   the wearable began at 1 s
def test_the_wearable_is_sliced_to_the_clip_and_the_time_before_it() -> None:
    assembler = WindowAssembler("bed-4", WindowSettings(4, 1.5, 1), worn_from_1_s_on())
    clips = [clip for tick in range(8) for clip in assembler.add(feature(tick, "a"))]
    assert (clips[0].imu, clips[0].imu_rate_hz) == (None, None)
    assert clips[-1].imu is not None
    assert clips[-1].imu.shape == (18, 6)
    assert clips[-1].imu_rate_hz == 10.0


def test_a_step_is_the_window_divided_by_its_frames() -> None:
    assert WindowSettings(frames=8, seconds=3.0).step_ns == STEP_NS


@pytest.mark.parametrize(
    ("frames", "seconds", "stride_frames", "problem"),
    [
        (0, 3.0, 1, "frames must be at least 1, got 0"),
        (8, 0.0, 1, "seconds must be positive and finite, got 0.0"),
        (8, float("nan"), 1, "seconds must be positive and finite, got nan"),
        (8, 3.0, 0, "stride_frames must be 1 to 8, got 0"),
        (8, 3.0, 9, "stride_frames must be 1 to 8, got 9"),
    ],
)
def test_settings_out_of_range_are_refused(
    frames: int, seconds: float, stride_frames: int, problem: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        WindowSettings(frames, seconds, stride_frames)


def windows_of_people(
    *streams: str, frames: int, first_leads: bool = True
) -> list[list[str]]:
    """The windows of people drawn one below the other; a point is somebody away."""
    assembler = WindowAssembler("bed-4", WindowSettings(frames, frames * 0.375, 1))
    clips = []
    for tick, letters in enumerate(zip(*streams, strict=True)):
        here = [
            replace(feature(tick, letter), person=person)
            for person, letter in enumerate(letters, start=1)
            if letter != "."
        ]
        if here:
            clips += assembler.add(*(here if first_leads else reversed(here)))
    return [[draw(each) for each in (clip, *clip.others)] for clip in clips]


def test_each_person_in_view_has_a_clip_of_their_own() -> None:
    assert windows_of_people("abcd", "ABCD", frames=3) == [
        ["a partial", "A partial"],
        ["ab partial", "AB partial"],
        ["abc", "ABC"],
        [" bcd", " BCD"],
    ]


def test_the_stream_of_a_person_begins_when_they_come_into_view() -> None:
    assert windows_of_people("abcde", "..CDE", frames=3)[2:] == [
        ["abc", "  C partial"],
        [" bcd", "  CD partial"],
        ["  cde", "  CDE"],
    ]


def test_a_person_who_has_left_is_in_no_window() -> None:
    assert windows_of_people("abcd", "AB..", frames=3)[1:] == [
        ["ab partial", "AB partial"],
        ["abc"],
        [" bcd"],
    ]


def test_a_person_who_comes_back_begins_again() -> None:
    assert windows_of_people("abcde", "A..DE", frames=4)[-1] == [
        " bcde",
        "   DE partial",
    ]


def test_the_clip_is_of_the_person_who_leads() -> None:
    led = windows_of_people("ab", "AB", frames=2, first_leads=False)
    assert led[-1] == ["AB", "ab"]


def test_a_gap_is_a_gap_for_everybody() -> None:
    assert windows_of_people("ab.d", "AB.D", frames=3)[2:] == [
        ["ab -1", "AB -1"],
        [" b d -1", " B D -1"],
    ]


def test_samples_are_with_the_clip_of_the_leading_person_alone() -> None:
    imu = ImuBuffer(horizon_s=20.0)
    times = np.arange(0, 4 * STEP_NS, 20_000_000, dtype=np.int64)
    motion = np.zeros((len(times), 3), np.float32)
    imu.add(ImuBatch("bed-4", times, motion, motion))
    assembler = WindowAssembler("bed-4", WindowSettings(2, 0.75, 1), imu)
    people = [replace(feature(0, "a"), person=person) for person in (1, 2)]
    assembler.add(*people)
    (clip,) = assembler.add(
        *(replace(each, tick=1, timestamp_ns=STEP_NS) for each in people)
    )
    assert clip.imu is not None
    assert [other.imu for other in clip.others] == [None]
