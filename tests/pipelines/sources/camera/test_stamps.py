"""Times of decoded pictures, from what GStreamer knows about them."""

from collections.abc import Iterator

import pytest

from pipelines.clock import NS_PER_S, SystemClock
from pipelines.sources.camera.capture_clock import CaptureClock
from pipelines.sources.camera.stamps import LiveStamps
from pipelines.sources.gstreamer.core import Gst, make_pipeline
from tests.fakes import FakeClock

pytestmark = pytest.mark.gst

MS = 1_000_000
HOUR_NS = 3600 * NS_PER_S
NTP_ZERO_NS = 2_208_988_800 * NS_PER_S  # 1970 as RTCP counts


@pytest.fixture
def pipeline() -> Iterator[Gst.Pipeline]:
    pipeline = make_pipeline("videotestsrc is-live=true ! fakesink")
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_state(10 * Gst.SECOND)
    yield pipeline
    pipeline.set_state(Gst.State.NULL)


def sample(pts_ns: int, utc_ns: int | None = None) -> Gst.Sample:
    buffer = Gst.Buffer.new()
    buffer.pts = pts_ns
    if utc_ns is not None:
        caps = Gst.Caps.from_string("timestamp/x-ntp")
        assert caps is not None
        time_ns = utc_ns + NTP_ZERO_NS
        buffer.add_reference_timestamp_meta(caps, time_ns, Gst.CLOCK_TIME_NONE)
    segment = Gst.Segment()
    segment.init(Gst.Format.TIME)
    return Gst.Sample.new(buffer, None, segment, None)


def running_ns(pipeline: Gst.Pipeline) -> int:
    clock = pipeline.get_pipeline_clock()
    return int(clock.get_time() - pipeline.get_base_time())


@pytest.mark.parametrize("off_ns", [HOUR_NS, -HOUR_NS, 30 * NS_PER_S])
def test_a_wild_presentation_time_moves_no_arrival(
    pipeline: Gst.Pipeline, off_ns: int
) -> None:
    clock = SystemClock()
    stamps = LiveStamps(clock, CaptureClock())
    for wild in (False, False, True, False):
        came_in_ns = running_ns(pipeline) - 40 * MS
        pts_ns = came_in_ns + (off_ns if wild else 0)
        stamp = stamps(sample(max(0, pts_ns)), pipeline)
        assert stamp is not None
        assert abs(clock.now_ns() - 40 * MS - stamp.timestamp_ns) < 100 * MS


def test_sender_times_are_utc_and_stamps_are_pipeline_time(
    pipeline: Gst.Pipeline,
) -> None:
    # The sender tells UTC; our clock began a month behind and was set right since.
    month_ns = 31 * 24 * HOUR_NS
    clock = FakeClock(start_ns=1_700_000_000 * NS_PER_S)
    stamps = LiveStamps(clock, CaptureClock())
    clock.correct_s(month_ns / NS_PER_S)
    for _ in range(30):
        clock.advance_s(0.1)
        utc_ns = clock.now_ns() + month_ns - 20 * MS
        stamp = stamps(sample(running_ns(pipeline), utc_ns), pipeline)
    assert stamp is not None
    assert (stamp.time_base, stamp.problem) == ("sender", "")
    assert stamp.timestamp_ns == clock.now_ns() - 20 * MS
