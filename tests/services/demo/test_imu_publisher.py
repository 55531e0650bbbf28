import asyncio
import subprocess
import sys
from pathlib import Path

import aiomqtt
import numpy as np
import pytest

from pipelines.clock import NS_PER_S, SystemClock
from pipelines.errors import FootageError, SourceError
from pipelines.records import ImuBatch, SourceStatus
from pipelines.sources.wearable.replay import IMU_COLUMNS
from pipelines.sources.wearable.source import ImuSource
from services.demo.broker import Broker
from services.demo.imu_publisher import publish_imu
from tests.fakes import FakeClock

TOPIC = "wardwatch/ward-3/imu/wrist"
DEADLINE_S = 20.0


def write(folder: Path, times_s: list[float]) -> Path:
    path = folder / "x.wrist.imu.csv"
    rows = [f"{time_s:.3f},{k},0,9.8,0,0,0" for k, time_s in enumerate(times_s)]
    path.write_text("\n".join([",".join(IMU_COLUMNS), *rows]))
    return path


async def receive(path: Path, broker: Broker, batches: int) -> list[ImuBatch]:
    """Return what a source hears of a file that is played."""
    found: list[ImuBatch] = []
    address = broker.address(TOPIC)
    clock = SystemClock()
    async with (
        asyncio.timeout(DEADLINE_S),
        ImuSource("wrist", address, clock=clock) as source,
    ):
        async for item in source:
            if isinstance(item, ImuBatch):
                found.append(item)
                if len(found) == batches:
                    break
            elif item.reason.startswith("subscribed"):
                playing = asyncio.create_task(publish_imu(path, address, clock=clock))
        await playing
    return found


@pytest.mark.slow
def test_a_file_is_heard_as_it_stands(tmp_path: Path) -> None:
    path = write(tmp_path, [k / 50 for k in range(25)])
    with Broker() as broker:
        batches = asyncio.run(receive(path, broker, 3))
    assert [len(batch.timestamps_ns) for batch in batches] == [10, 10, 5]
    values = np.concatenate([batch.accel_mps2 for batch in batches])
    assert np.array_equal(values[:, 0], np.arange(25))
    for batch in batches:
        assert np.allclose(np.diff(batch.timestamps_ns), NS_PER_S / 50, atol=1000)


@pytest.mark.slow
def test_a_gap_in_the_file_begins_a_new_message(tmp_path: Path) -> None:
    path = write(tmp_path, [0.0, 0.02, 0.04, 0.5, 0.52])
    with Broker() as broker:
        batches = asyncio.run(receive(path, broker, 2))
    assert [len(batch.timestamps_ns) for batch in batches] == [3, 2]
    gap_ns = batches[1].timestamps_ns[0] - batches[0].timestamps_ns[-1]
    assert gap_ns == pytest.approx(0.46 * NS_PER_S, abs=0.25 * NS_PER_S)


def test_messages_are_sent_when_their_last_sample_is_due(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = FakeClock()
        path = write(tmp_path, [k / 50 for k in range(20)])
        with Broker() as broker:
            address = broker.address(TOPIC)
            async with (
                asyncio.timeout(DEADLINE_S),
                ImuSource("wrist", address, clock=clock, stall_s=60.0) as source,
            ):
                async for item in source:
                    if isinstance(item, SourceStatus) and item.reason:
                        break
                playing = asyncio.create_task(publish_imu(path, address, clock=clock))
                for wait_s in (0.18, 0.2):
                    await clock.wait_for_sleepers(2)  # it, and the watch for silence
                    clock.advance_s(wait_s)
                    while not isinstance(await anext(source), ImuBatch):
                        pass
                await playing
            assert source.counts.clock_offset_ns == 0
            assert source.counts.samples == 20

    asyncio.run(scene())


def test_what_was_due_while_the_broker_was_gone_comes_late(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = FakeClock()
        path = write(tmp_path, [k / 50 for k in range(100)])
        with Broker() as broker:
            broker.stop()
            address = broker.address(TOPIC)
            playing = asyncio.create_task(publish_imu(path, address, clock=clock))
            await clock.wait_for_sleepers()
            broker.start()
            source = ImuSource("wrist", address, clock=clock, stall_s=60.0)
            async with asyncio.timeout(DEADLINE_S), source:
                async for item in source:
                    if isinstance(item, SourceStatus) and item.reason:
                        break
                clock.advance_s(10.0)
                await playing
                async with aiomqtt.Client("127.0.0.1", broker.port) as other:
                    while source.counts.messages < 10:
                        await other.publish("other", b"", qos=1)

    asyncio.run(scene())


@pytest.mark.parametrize("batch_samples", [0, -1])
def test_a_batch_of_no_samples_is_refused(tmp_path: Path, batch_samples: int) -> None:
    path = write(tmp_path, [0.0])
    with pytest.raises(ValueError, match=r"^batch_samples must be positive"):
        asyncio.run(
            publish_imu(
                path, "mqtt://h/t", clock=FakeClock(), batch_samples=batch_samples
            )
        )


def test_bad_addresses_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^mqtt://h/: names no topic"):
        asyncio.run(publish_imu(write(tmp_path, [0.0]), "mqtt://h/", clock=FakeClock()))
    with pytest.raises(FootageError, match=r"holds no samples$"):
        asyncio.run(publish_imu(write(tmp_path, []), "mqtt://h/t", clock=FakeClock()))


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.demo.imu_publisher", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_the_command_plays_a_file_to_its_end(tmp_path: Path) -> None:
    path = write(tmp_path, [0.0, 0.02])
    with Broker() as broker:
        done = run_command(str(path), broker.address(TOPIC))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_the_command_ends_with_2_and_one_line_on_bad_input(tmp_path: Path) -> None:
    done = run_command(str(tmp_path / "none.csv"), "mqtt://h/t")
    assert done.returncode == 2
    assert done.stderr == f"{tmp_path}/none.csv: No such file or directory\n"
