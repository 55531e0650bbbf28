"""What goes wrong with cameras is survived and reported, against real processes."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from pipelines.clock import NS_PER_S
from pipelines.records import SourceStatus
from pipelines.sources.camera.source import CameraLimits, CameraSource
from services.demo.rtsp_process import RtspServer
from tests.camera_rig import (
    Item,
    camera,
    follow,
    frames_of,
    is_frame,
    is_state,
    numbered,
    run,
    states_of,
    write_numbered,
    write_timed,
)

NO_ANSWER = "no camera answers there; check host, port and network"

pytestmark = [pytest.mark.gst, pytest.mark.slow]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RtspServer]:
    """A camera that shows numbers, again and again."""
    file = write_numbered(tmp_path / "numbers.mp4", 48)
    with RtspServer({"bed": file}, loop=True) as server:
        yield server


def names_of(items: list[Item]) -> list[str]:
    """The states, without repetitions."""
    states = [state for state, _ in states_of(items)]
    return [s for n, s in enumerate(states) if n == 0 or s != states[n - 1]]


def assert_ticks_rise(items: list[Item]) -> None:
    ticks = [frame.tick for frame in frames_of(items)]
    assert ticks == sorted(set(ticks))
    stamps = [frame.timestamp_ns for frame in frames_of(items)]
    assert stamps == sorted(set(stamps))


async def is_reconnecting(source: CameraSource, times: int) -> list[Item]:
    return await follow(
        source,
        lambda item: isinstance(item, SourceStatus) and item.reconnects >= times,
    )


def test_a_server_that_goes_and_comes_back_is_seen_again(server: RtspServer) -> None:
    async def watch() -> list[Item]:
        async with camera(server.address("bed")) as source:
            items = await follow(source, is_frame)
            server.stop()
            items += await follow(source, is_state("offline"))
            items += await is_reconnecting(source, 5)
            await asyncio.to_thread(server.start)
            return items + await follow(source, is_frame)

    items = run(watch())

    assert names_of(items) == ["connecting", "online", "offline", "online"]
    assert ("offline", NO_ANSWER) in states_of(items)
    assert_ticks_rise(items)


def test_a_server_gone_for_ever_is_offline_and_tried_again(server: RtspServer) -> None:
    async def watch() -> list[Item]:
        async with camera(server.address("bed")) as source:
            await follow(source, is_frame)
            server.stop()
            await follow(source, is_state("offline", NO_ANSWER))
            return await is_reconnecting(source, 8)

    items = run(watch())

    assert {item.state for item in items if isinstance(item, SourceStatus)} == {
        "offline"
    }
    assert not frames_of(items)


def files_and_threads() -> tuple[int, int]:
    """How many this process has open and running."""
    files, threads = Path("/proc/self/fd"), Path("/proc/self/task")
    return len(list(files.iterdir())), len(list(threads.iterdir()))


def test_attempts_that_fail_leave_nothing_behind() -> None:

    async def watch() -> tuple[int, int]:
        async with camera("rtsp://127.0.0.1:1/bed") as source:
            await is_reconnecting(source, 5)
            before = files_and_threads()
            await is_reconnecting(source, 25)
            after = files_and_threads()
            return after[0] - before[0], after[1] - before[1]

    more_files, more_threads = run(watch())

    assert more_files <= 5
    assert more_threads <= 5


def test_lives_of_a_camera_leave_nothing_behind(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 4)

    async def watch(address: str) -> tuple[int, int]:
        async with camera(address) as source:
            await is_reconnecting(source, 3)
            before = files_and_threads()
            await is_reconnecting(source, 10)
            after = files_and_threads()
            return after[0] - before[0], after[1] - before[1]

    with RtspServer({"bed": file}) as server:
        more_files, more_threads = run(watch(server.address("bed")))

    assert more_files <= 5
    assert more_threads <= 5


def test_a_server_that_hangs_is_stalled_then_seen_again(server: RtspServer) -> None:
    async def watch() -> list[Item]:
        async with camera(server.address("bed")) as source:
            items = await follow(source, is_frame)
            os.kill(server.process_id, signal.SIGSTOP)
            try:
                items += await follow(
                    source, is_state("stalled", "no picture for 0.8 s")
                )
                items += await follow(source, is_state("offline"))
            finally:
                os.kill(server.process_id, signal.SIGCONT)
            return items + await follow(source, is_frame)

    items = run(watch())

    assert names_of(items) == ["connecting", "online", "stalled", "offline", "online"]
    assert_ticks_rise(items)


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n\r\n<html>",
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 999999999\r\n\r\nv=0",
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Type: application/sdp\r\n"
        b"Content-Length: 9\r\n\r\n\x00\xff\xfe=====",
        bytes(range(256)) * 50,
    ],
)
def test_a_server_that_sends_rubbish_is_offline_and_tried_again(rubbish: bytes) -> None:
    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with closing(writer):
            while await reader.read(4096):
                writer.write(rubbish)

    async def watch() -> list[Item]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, camera(f"rtsp://127.0.0.1:{port}/bed") as source:
            return await is_reconnecting(source, 2)

    items = run(watch())

    assert names_of(items) == ["connecting", "offline"]


def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"rtsp://127.0.0.1:{server.getsockname()[1]}/bed"

        async def watch() -> list[Item]:
            async with camera(address) as source:
                return await follow(source, is_state("offline", "reading fails"))

        run(watch(), within_s=8)


def threads() -> set[str]:
    """The names of this process's threads."""
    names = Path("/proc/self/task").glob("*/comm")
    return {name.read_text().strip() for name in names}


def test_a_camera_left_while_it_is_being_left_is_left_all_the_same() -> None:
    limits = CameraLimits(connect_within_s=0.3, stalled_after_s=1.0)
    begun = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 999\r\n\r\nv=0"

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with closing(writer):
            while await reader.read(4096):
                writer.write(begun)

    async def watch() -> set[str]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        address = f"rtsp://127.0.0.1:{port}/bed"
        async with server:
            # Reported offline, the source still waits until the pipeline lets it go.
            async with camera(address, limits=limits) as source:
                await follow(source, is_state("offline", "no picture for 0.3 s"))
            return threads()

    assert "task0" not in run(watch())  # the thread of an RTSP connection


def test_a_frozen_picture_is_told_and_its_frames_go_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scene = rng.integers(60, 200, (48, 64, 3)).astype(np.uint8)
    noise = [
        scene + rng.integers(0, 9, scene.shape).astype(np.uint8) for _ in range(36)
    ]
    pictures = noise + [scene] * 48
    file = write_timed(
        tmp_path / "frozen.mp4",
        ((n * NS_PER_S // 12, picture) for n, picture in enumerate(pictures)),
    )

    async def watch(address: str) -> tuple[list[Item], list[Item]]:
        async with camera(address) as source:
            lively = await follow(source, is_state("stalled", "frozen picture"))
            frozen = await follow(source, is_state("online"))
            return lively, frozen

    with RtspServer({"bed": file}, loop=True) as server:
        lively, frozen = run(watch(server.address("bed")))

    assert names_of(lively) == ["connecting", "online", "stalled"]
    assert names_of(lively + frozen) == ["connecting", "online", "stalled", "online"]
    assert len(frames_of(frozen)) >= 4
    assert_ticks_rise(lively + frozen)
    reconnects = {i.reconnects for i in frozen if isinstance(i, SourceStatus)}
    assert reconnects == {0}


def test_a_camera_may_change_its_resolution_midway(tmp_path: Path) -> None:
    sizes = [(64, 48)] * 18 + [(128, 96)] * 18 + [(48, 64)] * 18
    file = write_timed(
        tmp_path / "sizes.ts",
        ((n * NS_PER_S // 12, numbered(n, *size)) for n, size in enumerate(sizes)),
    )

    async def watch(address: str) -> list[Item]:
        async with camera(address) as source:
            return await follow(source, is_state("offline", "the stream was ended"))

    with RtspServer({"bed": file}) as server:
        items = run(watch(server.address("bed")))

    assert names_of(items) == ["connecting", "online", "offline"]
    assert len(frames_of(items)) >= 14
