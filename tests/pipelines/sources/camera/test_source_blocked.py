"""Sources whose opening, reading or closing blocks, beside one that is well."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from pathlib import Path

import pytest

from pipelines.clock import NS_PER_S, SystemClock
from pipelines.errors import SourceUnreadable
from pipelines.live.subject import Record, Subject
from pipelines.live.watch import Watch
from pipelines.records import Prediction, SourceStatus
from pipelines.sources.camera.source import CameraSource
from tests.camera_rig import (
    Item,
    camera,
    follow,
    is_frame,
    is_state,
    numbered,
    run,
    write_timed,
)
from tests.fakes import ColourRecognizer
from tests.tiny_checkpoint import save_tiny_checkpoint

pytestmark = [pytest.mark.gst, pytest.mark.slow]

CLOSED_S = 8.0
NOT_OPENED = "opening does not answer within 2 s"


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "camera"
    os.mkfifo(path)
    return path


def write_film(path: Path, seconds: int) -> bytes:
    pictures = ((n * NS_PER_S // 12, numbered(n % 100)) for n in range(12 * seconds))
    return write_timed(path, pictures).read_bytes()


@asynccontextmanager
async def written(fifo: Path, data: bytes) -> AsyncIterator[None]:
    """Write data into a FIFO, and keep it open without a word until the end."""
    over = threading.Event()

    def write() -> None:
        # A reader that leaves early is no fault of the writer.
        with suppress(BrokenPipeError), fifo.open("wb", buffering=0) as pipe:
            pipe.write(data)
            over.wait()

    writing = asyncio.create_task(asyncio.to_thread(write))
    try:
        yield
    finally:
        over.set()
        await writing


async def watch_both(
    good: CameraSource, bad: CameraSource, *reasons: str
) -> tuple[int, float]:
    """Watch until the bad one has said why, and the good one is predicted 5 times more.

    Returns:
        How many predictions came meanwhile, and how long leaving took in seconds.
    """
    predictions, told = 0, False
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as sources:
        subjects = [
            Subject("good", await sources.enter_async_context(good)),
            Subject("bad", await sources.enter_async_context(bad)),
        ]
        chain = Watch(subjects, ColourRecognizer(), SystemClock())
        async with aclosing(chain.records()) as records:
            async for record in records:
                told = told or any(says(record, reason) for reason in reasons)
                predictions += told and is_of_good(record)
                if predictions == 5:
                    break
        began_s = loop.time()
    return predictions, loop.time() - began_s


def says(record: Record, reason: str) -> bool:
    return isinstance(record, SourceStatus) and record.reason == reason


def is_of_good(record: Record) -> bool:
    return isinstance(record, Prediction) and record.subject_id == "good"


def blocked(fifo: Path) -> CameraSource:
    clock = SystemClock()
    return camera(fifo, clock=clock, origin_ns=clock.now_ns(), speed=1.0)


def named(subject_id: str, address: str) -> CameraSource:
    recognizer = ColourRecognizer()
    return CameraSource(
        subject_id,
        address,
        clock=SystemClock(),
        image_size_px=recognizer.info.image_size_px,
        step_ns=375_000_000,
    )


def opening_threads() -> int:
    return sum(it.name.startswith("open ") for it in threading.enumerate())


def test_a_source_that_does_not_open_harms_no_neighbour(fifo: Path) -> None:
    predictions, closing_s = run(
        watch_both(named("good", "test"), blocked(fifo), NOT_OPENED)
    )

    assert predictions == 5
    assert closing_s < CLOSED_S


def test_a_source_that_goes_silent_harms_no_neighbour(
    fifo: Path, tmp_path: Path
) -> None:
    film = write_film(tmp_path / "film.ts", 4)

    async def watch() -> tuple[int, float]:
        async with written(fifo, film[: 3 * len(film) // 4]):
            return await watch_both(
                # Slow decoding may leave it silent before its first picture.
                *(named("good", "test"), blocked(fifo)),
                *("no picture for 2 s", NOT_OPENED),
            )

    predictions, closing_s = run(watch(), within_s=60.0)

    assert predictions == 5
    assert closing_s < CLOSED_S


def test_what_opens_late_is_watched_from_then_on(fifo: Path, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.ts", 3)
    before = opening_threads()  # of other tests, for ever

    async def watch() -> tuple[int, list[Item]]:
        async with blocked(fifo) as source:
            await follow(source, is_state("offline", NOT_OPENED))
            threads = opening_threads() - before
            async with written(fifo, film):
                items = await follow(source, is_frame)
                return threads, items

    threads, items = run(watch())

    assert threads == 1
    assert [it.state for it in items if isinstance(it, SourceStatus)] == ["online"]


def test_a_recording_that_does_not_open_is_refused_in_one_line(fifo: Path) -> None:
    async def watch() -> None:
        async with camera(fifo, fail_fast=True) as source:
            await follow(source, is_frame)

    with pytest.raises(SourceUnreadable, match=rf"^{fifo}: {NOT_OPENED}$"):
        run(watch())


def test_ctrl_c_ends_a_watch_whose_source_does_not_open(
    fifo: Path, tmp_path: Path
) -> None:
    checkpoint = save_tiny_checkpoint(tmp_path / "tiny-clip")
    command = ("-m", "services", "watch", str(fifo), "--model", str(checkpoint))

    async def watch() -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *command, "--json"), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            while b"connecting" not in await process.stdout.readline():
                pass
            process.send_signal(signal.SIGINT)
            return await asyncio.wait_for(process.wait(), CLOSED_S)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    assert run(watch(), within_s=90) == 0
