"""The RTSP server that plays files as cameras."""

import os
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines.clock import NS_PER_S, SystemClock
from pipelines.records import Frame
from services.demo.rtsp_process import RtspServer, RtspServerFailed
from tests.camera_rig import (
    Item,
    camera,
    follow,
    frames_of,
    is_frame,
    number_of,
    run,
    write_numbered,
)

pytestmark = pytest.mark.gst


def first_frame(address: str) -> Frame:
    async def watch() -> list[Item]:
        async with camera(address, step_ns=1, fail_fast=True) as source:
            return await follow(source, is_frame)

    return frames_of(run(watch()))[0]


@pytest.mark.slow
def test_each_client_gets_the_file_from_its_first_picture(tmp_path: Path) -> None:
    with RtspServer({"bed": write_numbered(tmp_path / "a.mp4", 60)}) as server:
        numbers = [number_of(first_frame(server.address("bed"))) for _ in range(2)]
    assert numbers == [0, 0]


def test_it_says_which_camera_began_and_when(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 60)
    clock = SystemClock()
    with RtspServer({"bed": file, "chair": file}) as server:
        before_ns = clock.now_ns()
        first_frame(server.address("chair"))
        start = server.wait_for_start()
    assert start.mount == "chair"
    assert before_ns < start.zero_ns < clock.now_ns()


@pytest.mark.slow
def test_a_loop_has_neither_an_end_nor_a_jump(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 12)

    async def watch(address: str) -> list[Item]:
        async with camera(address, step_ns=1) as source:
            begin_ns = frames_of(await follow(source, is_frame))[0].timestamp_ns
            return await follow(
                source,
                lambda item: (
                    isinstance(item, Frame)
                    and item.timestamp_ns - begin_ns > 6 * NS_PER_S
                ),
            )

    with RtspServer({"bed": file}, loop=True) as server:
        items = run(watch(server.address("bed")))

    frames = frames_of(items)[30:]  # the sender's times are known by then
    numbers = [number_of(frame) for frame in frames]
    assert numbers == [(numbers[0] + n) % 12 for n in range(len(numbers))]
    steps_ms = [(b.timestamp_ns - a.timestamp_ns) / 1e6 for a, b in pairwise(frames)]
    assert steps_ms == pytest.approx([1000 / 12] * len(steps_ms), abs=2)


def run_server(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.demo.rtsp_server", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.slow
def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    file = write_numbered(tmp_path / "a.mp4", 12)
    with RtspServer({"bed": file}) as server:
        done = run_server("--port", str(server.port), "--mount", f"bed={file}")
    assert done.returncode != 0
    assert done.stderr == f"port {server.port} is not free\n"


@pytest.mark.parametrize(
    ("mount", "problem"),
    [("bed", "expected name=file.mp4"), ("bed=/none.mp4", "/none.mp4: no such file")],
)
def test_a_mount_that_makes_no_sense_is_refused(mount: str, problem: str) -> None:
    done = run_server("--mount", mount)
    assert done.returncode == 2
    assert problem in done.stderr


@pytest.mark.slow
def test_a_file_that_is_no_film_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "a.mp4"
    file.write_text("no film")
    done = run_server("--port", "0", "--mount", f"bed={file}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{file}: ")
    assert done.stderr.count("\n") == 1


def test_no_client_in_time_is_an_error(tmp_path: Path) -> None:
    with (
        RtspServer({"bed": write_numbered(tmp_path / "a.mp4", 12)}) as server,
        pytest.raises(RtspServerFailed, match=r"^no client began to play within"),
    ):
        server.wait_for_start(within_s=0.01)


def test_a_server_that_died_is_noticed_at_once_by_everyone(tmp_path: Path) -> None:
    with RtspServer({"bed": write_numbered(tmp_path / "a.mp4", 12)}) as server:
        os.kill(server.process_id, signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(RtspServerFailed, match=r"^the RTSP server ended$"):
                server.wait_for_start(within_s=60.0)
            with pytest.raises(RtspServerFailed, match=r"^the RTSP server ended$"):
                server.next_start(within_s=60.0)


@pytest.mark.slow
def test_a_server_that_began_again_is_waited_for(tmp_path: Path) -> None:
    with RtspServer({"bed": write_numbered(tmp_path / "a.mp4", 12)}) as server:
        server.stop()
        server.start()
        with pytest.raises(RtspServerFailed, match=r"^no client began to play within"):
            server.wait_for_start(within_s=0.01)


def test_a_server_that_was_stopped_has_no_process(tmp_path: Path) -> None:
    with RtspServer({"bed": write_numbered(tmp_path / "a.mp4", 12)}) as server:
        assert server.process_id > 0
    with pytest.raises(RtspServerFailed, match=r"^the RTSP server does not run$"):
        _ = server.process_id


def test_a_server_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RtspServerFailed, match=r"^the RTSP server did not start$"):
        RtspServer({"bed": tmp_path / "none.mp4"}).start()
