"""Cameras behind a real RTSP server."""

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.clock import NS_PER_S
from pipelines.errors import SourceError, SourceNotFound, SourceRefused
from pipelines.records import Frame, SourceStatus
from pipelines.sources.camera.source import CameraLimits
from services.demo.rtsp_process import RtspServer
from services.site.file import read_site
from tests.camera_rig import (
    STEP_NS,
    Item,
    camera,
    follow,
    frames_of,
    is_frame,
    is_state,
    number_of,
    numbered,
    run,
    states_of,
    write_numbered,
    write_timed,
)

pytestmark = pytest.mark.gst

MS = 1_000_000
PASSWORD = "s3cret/p@ss"


async def watch(address: str, seconds: float, step_ns: int = STEP_NS) -> list[Item]:
    """Everything up to the first frame so many seconds after the first."""
    begin_ns = 0

    def is_over(item: Item) -> bool:
        nonlocal begin_ns
        if not isinstance(item, Frame):
            return False
        begin_ns = begin_ns or item.timestamp_ns
        return item.timestamp_ns - begin_ns > seconds * NS_PER_S

    async with camera(address, fail_fast=True, step_ns=step_ns) as source:
        return await follow(source, is_over)


def frames_with_sender_time(count: int) -> Callable[[Item], bool]:
    """Whether so many frames have come since the sender told its time."""
    left = count
    is_told = False

    def is_over(item: Item) -> bool:
        nonlocal left, is_told
        if isinstance(item, SourceStatus):
            is_told = is_told or item.time_base == "sender"
        else:
            left -= is_told
        return left == 0

    return is_over


@pytest.mark.slow
def test_frames_carry_the_senders_time_once_it_is_told(tmp_path: Path) -> None:
    async def watch_until_told(address: str) -> list[Item]:
        async with camera(address, fail_fast=True) as source:
            return await follow(source, frames_with_sender_time(6))

    file = write_numbered(tmp_path / "a.mp4", 96)
    with RtspServer({"bed": file}) as server:
        items = run(watch_until_told(server.address("bed")))
        zero_ns = server.wait_for_start().zero_ns

    known = next(
        place
        for place, item in enumerate(items)
        if isinstance(item, SourceStatus) and item.time_base == "sender"
    )
    assert {item.time_base for item in items[:known] if isinstance(item, SourceStatus)}
    assert len(frames_of(items[:known])) > 2
    assert len(frames_of(items[known:])) == 6
    for frame in frames_of(items[known:]):
        taken_ns = zero_ns + number_of(frame) * NS_PER_S // 12
        assert abs(frame.timestamp_ns - taken_ns) < 5 * MS
    ticks = [frame.tick for frame in frames_of(items)]
    assert ticks == sorted(set(ticks))


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_key_frames_without_a_sender_time_are_stamped_as_the_others_are(
    tmp_path: Path, codec: str
) -> None:
    # A key frame each second; GStreamer loses the sender's time of each.
    times = ((n * NS_PER_S // 12, numbered(n % 100)) for n in range(12 * 12))
    file = write_timed(tmp_path / "a.mp4", times, codec=codec)
    with RtspServer({"bed": file}, delimiters=False) as server:
        items = run(watch(server.address("bed"), 9.0, step_ns=1))
        zero_ns = server.wait_for_start().zero_ns

    statuses = [item for item in items if isinstance(item, SourceStatus)]
    bases = [status.time_base for status in statuses]
    known = items.index(statuses[bases.index("sender")])
    assert bases == sorted(bases)  # arrival, then sender for good
    assert len(bases) <= 4
    frames = frames_of(items[known:])
    assert len(frames) > 50
    for frame in frames:
        age_ns = frame.timestamp_ns - zero_ns
        number = round(age_ns * 12 / NS_PER_S)
        assert number_of(frame) == number % 100
        assert abs(age_ns - number * NS_PER_S // 12) < 10 * MS
    assert statuses[-1].bridged > 0


@pytest.mark.slow
def test_until_then_they_carry_about_the_time_of_arrival(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 96)
    with RtspServer({"bed": file}) as server:
        items = run(watch(server.address("bed"), 0.8))
        zero_ns = server.wait_for_start().zero_ns

    statuses = [item for item in items if isinstance(item, SourceStatus)]
    assert states_of(items) == [("connecting", ""), ("online", "")]
    assert {status.time_base for status in statuses} == {"arrival"}
    for frame in frames_of(items):
        taken_ns = zero_ns + number_of(frame) * NS_PER_S // 12
        assert abs(frame.timestamp_ns - taken_ns) < 1000 * MS


@pytest.mark.slow
def test_a_camera_with_a_password_is_seen_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = write_numbered(tmp_path / "a.mp4", 24)
    with RtspServer({"bed": file}, user="nurse", password=PASSWORD) as server:
        items = run(watch(server.address("bed"), 0.5))

    assert frames_of(items)
    assert PASSWORD not in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("digest", [False, True])
def test_any_password_of_the_environment_reaches_the_camera(
    tmp_path: Path, digest: bool
) -> None:
    file, site = write_numbered(tmp_path / "a.mp4", 24), tmp_path / "site.yaml"
    password = "24#7/x?p%41s s@h:1 ü[\"'\\&=+"
    with RtspServer({"bed": file}, user="n", password=password, digest=digest) as it:
        place = f"127.0.0.1:{it.port}/bed"
        camera = f"{{id: bed, camera: 'rtsp://n:${{CAM_PW}}@{place}'}}"
        site.write_text(f"site: w\nsubjects: [{camera}]\n")
        (subject,) = read_site(site, {"CAM_PW": password}).subjects
        assert subject.camera_address is not None
        items = run(watch(subject.camera_address, 0.2))
        arguments = Path(f"/proc/{it.process_id}/cmdline").read_bytes()

    assert frames_of(items)
    assert password.encode() not in arguments  # `ps` shows them to everybody


@pytest.mark.slow
@pytest.mark.parametrize(
    ("login", "problem"),
    [
        ("nurse:wr0ng@", "the camera refuses this user or password"),
        ("", "the camera wants a user and a password"),
    ],
)
def test_a_camera_without_the_right_password_is_refused_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, login: str, problem: str
) -> None:
    caplog.set_level(logging.DEBUG)
    file = write_numbered(tmp_path / "a.mp4", 24)
    with RtspServer({"bed": file}, user="nurse", password=PASSWORD) as server:
        place = f"127.0.0.1:{server.port}/bed"
        with pytest.raises(SourceRefused) as refused:
            run(watch(f"rtsp://{login}{place}", 1))
        assert str(refused.value) == f"rtsp://{place}: {problem}"

        async def keep_trying() -> list[Item]:
            limits = CameraLimits(retry_first_s=0.01, retry_longest_s=1.0)
            async with camera(f"rtsp://{login}{place}", limits=limits) as source:
                return await follow(source, lambda item: reconnects(item) == 1)

        items = run(keep_trying())

    assert states_of(items) == [("connecting", ""), ("offline", problem)]
    assert "wr0ng" not in caplog.text
    slowest = rf"{re.escape(problem)}; next attempt in (0\.[5-9]|1\.0) s"
    assert re.search(slowest, caplog.text)


def reconnects(item: Item) -> int:
    return item.reconnects if isinstance(item, SourceStatus) else 0


def test_a_stream_that_the_camera_does_not_have_is_named(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 24)
    with RtspServer({"bed": file}) as server:
        address = server.address("chair")
        with pytest.raises(
            SourceNotFound, match=rf"^{address}: the camera has no such"
        ):
            run(watch(address, 1))


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-camera.invalid"])
def test_where_no_camera_answers_is_named(host: str) -> None:
    address = f"rtsp://{host}/bed"
    with pytest.raises(SourceNotFound, match=rf"^{address}: no camera answers there"):
        run(watch(address, 1))


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceError, match=r"^/dev/video99: no such device"):
        run(watch("/dev/video99", 1))


def test_a_device_that_is_no_camera_is_named() -> None:
    problem = "this device is not a camera"
    with pytest.raises(SourceError, match=rf"^/dev/null: {problem} "):
        run(watch("/dev/null", 1))


@pytest.mark.slow
def test_the_test_picture_moves() -> None:
    items = run(watch("test", 1.5))

    assert states_of(items) == [("connecting", ""), ("online", "")]
    pictures = {frame.pixels.tobytes() for frame in frames_of(items)}
    assert len(pictures) == len(frames_of(items))


@pytest.mark.slow
def test_a_stream_that_ends_is_lost_and_connected_to_again(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 12)

    async def watch_twice(address: str) -> list[Item]:
        async with camera(address) as source:
            first = await follow(source, is_state("offline", "the stream was ended"))
            return first + await follow(source, is_frame)

    with RtspServer({"bed": file}) as server:
        items = run(watch_twice(server.address("bed")))

    states = [state for state, _ in states_of(items)]
    assert states == ["connecting", "online", "offline", "online"]
