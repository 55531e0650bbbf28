"""Windows against a computation that looks at the whole stream at once."""

import numpy as np
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from pipelines.live.windows.assembler import WindowAssembler, WindowSettings
from pipelines.records import Clip, FrameFeature

STEP_NS = 1000

settings_drawn = st.integers(1, 9).flatmap(
    lambda frames: st.builds(
        WindowSettings,
        frames=st.just(frames),
        seconds=st.just(3.0),
        stride_frames=st.integers(1, frames),
    )
)
ticks_drawn = st.sets(st.integers(0, 60), max_size=40).map(sorted)


def clips_of(ticks: list[int], settings: WindowSettings) -> list[Clip]:
    assembler = WindowAssembler("bed-4", settings)
    clips = []
    for tick in ticks:
        value = np.array([tick], np.float32)
        clips += assembler.add(FrameFeature(tick * STEP_NS, tick, value))
    return clips + assembler.flush()


def streams_of(ticks: list[int], frames: int) -> list[list[int]]:
    """Part the ticks where a whole window would be empty."""
    streams: list[list[int]] = []
    for tick in ticks:
        if not streams or tick - streams[-1][-1] > frames:
            streams.append([])
        streams[-1].append(tick)
    return streams


@bounds(deadline=None)
@given(ticks=ticks_drawn, settings=settings_drawn)
def test_windows_equal_those_cut_from_the_whole_stream(
    ticks: list[int], settings: WindowSettings
) -> None:
    expected = []
    for stream in streams_of(ticks, settings.frames):
        first, last = stream[0], stream[-1]
        for end in range(first, last + 1):
            if end % settings.stride_frames and end != last:
                continue
            begin = end - settings.frames + 1
            wanted = range(max(begin, first), end + 1)
            held = [tick for tick in wanted if tick in stream]
            slots = tuple(tick - begin for tick in held)
            expected.append((held, slots, len(wanted) - len(held), begin < first))
    assert [
        (
            clip.features[:, 0].astype(int).tolist(),
            clip.slots,
            clip.missing_frames,
            clip.partial,
        )
        for clip in clips_of(ticks, settings)
    ] == expected


@bounds(deadline=None)
@given(ticks=ticks_drawn, settings=settings_drawn)
def test_every_frame_is_in_a_window_and_no_window_is_empty(
    ticks: list[int], settings: WindowSettings
) -> None:
    clips = clips_of(ticks, settings)
    seen = {int(value) for clip in clips for value in clip.features[:, 0]}
    assert seen == set(ticks)
    assert all(len(clip.slots) == len(clip.features) > 0 for clip in clips)


@bounds(deadline=None)
@given(ticks=ticks_drawn, settings=settings_drawn)
def test_windows_come_in_time_order(ticks: list[int], settings: WindowSettings) -> None:
    ends = [clip.end_ns for clip in clips_of(ticks, settings)]
    assert ends == sorted(ends)
