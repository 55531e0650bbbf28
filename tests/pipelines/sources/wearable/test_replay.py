import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.clock import NS_PER_S
from pipelines.errors import FootageError, SourceNotFound
from pipelines.records import ImuBatch, SourceStatus
from pipelines.sources.wearable.buffer import ImuBuffer
from pipelines.sources.wearable.replay import (
    IMU_COLUMNS,
    ImuFileSource,
    find_imu_files,
    read_imu_csv,
)
from tests.fakes import FakeClock

HEADER = ",".join(IMU_COLUMNS)
ORIGIN_NS = 1_600_000_000 * NS_PER_S


def write(folder: Path, text: str) -> Path:
    path = folder / "x.wrist.imu.csv"
    path.write_text(text)
    return path


def write_second(folder: Path) -> Path:
    """Write one second at 50 Hz."""
    rows = [f"{k / 50:.2f},{k},0,9.8,0,0,1.5" for k in range(50)]
    return write(folder, "\n".join([HEADER, *rows]) + "\n")


def test_a_file_is_read_as_it_stands(tmp_path: Path) -> None:
    samples = read_imu_csv(
        write(tmp_path, f"{HEADER}\n0.5,1,2,3,4,5,6\n0.52,7,8,9,1,2,3")
    )
    assert samples.device_ns.tolist() == [500_000_000, 520_000_000]
    assert samples.accel_mps2.tolist() == [[1, 2, 3], [7, 8, 9]]
    assert samples.gyro_radps.tolist() == [[4, 5, 6], [1, 2, 3]]


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeff{HEADER}\n0.5,1,2,3,4,5,6\n",
        f"{HEADER}\n0.5,1,2,3,4,5,6\n\n",
        f"{HEADER}\r\n0.5,1,2,3,4,5,6\r\n\r\n\r\n",
        f"{HEADER}\n\n0.5,1,2,3,4,5,6\n  \n,,,,,,\n",
        f'\ufeff"t_s",{HEADER.removeprefix("t_s,")} \r\n 0.5 ,1,2,3,4,5, 6 \r\n',
        f"{HEADER}\r0.5,1,2,3,4,5,6\r",
    ],
)
def test_what_spreadsheets_add_to_a_file_is_passed_over(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "x.wrist.imu.csv"
    path.write_bytes(content.encode())
    samples = read_imu_csv(path)
    assert samples.device_ns.tolist() == [500_000_000]
    assert samples.gyro_radps.tolist() == [[4, 5, 6]]


def test_columns_come_in_any_order_among_others(tmp_path: Path) -> None:
    header = ",".join(["note", *reversed(IMU_COLUMNS)])
    samples = read_imu_csv(write(tmp_path, f"{header}\nhello,6,5,4,3,2,1,0.5\n"))
    assert samples.device_ns.tolist() == [500_000_000]
    assert samples.accel_mps2.tolist() == [[1, 2, 3]]
    assert samples.gyro_radps.tolist() == [[4, 5, 6]]


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    with pytest.raises(SourceNotFound, match=rf"^{path}: No such file or directory$"):
        read_imu_csv(path)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, f"column t_s is missing; expected {HEADER}"),
        ("t_s,ax_mps2\n", 1, f"column ay_mps2 is missing; expected {HEADER}"),
        (f"{HEADER},t_s\n", 1, f"column t_s is there twice; expected {HEADER}"),
        (f"{HEADER}\n", 2, "holds no samples"),
        (
            f"{HEADER}\n0,1,2,3,4,5\n",
            2,
            "column gz_radps: missing, the line has 6 fields",
        ),
        (f"{HEADER}\n0,1,2,x,4,5,6\n", 2, "column az_mps2: 'x' is not a number"),
        (
            f"{HEADER}\n0,nan,2,3,4,5,6\n",
            2,
            "column ax_mps2: nan is out of range, at most 2000",
        ),
        (
            f"{HEADER}\n0,1,2,3,4,5,inf\n",
            2,
            "column gz_radps: inf is out of range, at most 100",
        ),
        (
            f"{HEADER}\n1e300,1,2,3,4,5,6\n",
            2,
            "column t_s: 1e+300 is out of range, at most 1e+06",
        ),
        (
            f"{HEADER}\n1,1,2,3,4,5,6\n1,1,2,3,4,5,6\n",
            3,
            "column t_s: 1 does not follow 1",
        ),
        (f'{HEADER}\n"0"1,1,2,3,4,5,6\n', 2, "not CSV: ',' expected after '\"'"),
    ],
)
def test_a_malformed_file_names_line_and_column(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(FootageError) as caught:
        read_imu_csv(path)
    assert str(caught.value) == f"{path}:{line}: {problem}"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.wrist.imu.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FootageError, match=rf"^{path}: not text in UTF-8$"):
        read_imu_csv(path)


@given(
    st.text(max_size=200) | st.text(max_size=60).map(lambda text: f"{HEADER}\n{text}")
)
def test_any_text_is_samples_or_a_footage_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.imu.csv"
    path.write_text(text, errors="replace")
    try:
        samples = read_imu_csv(path)
    except FootageError:
        return
    assert len(samples.device_ns) >= 1


def test_the_files_beside_a_video_are_found_by_position(tmp_path: Path) -> None:
    names = ["x.wrist", "x.waist", "x.y.wrist", "xx.waist", "x", "x."]
    for name in names:
        (tmp_path / f"{name}.imu.csv").touch()
    assert find_imu_files(tmp_path / "x.mp4") == {
        "waist": tmp_path / "x.waist.imu.csv",
        "wrist": tmp_path / "x.wrist.imu.csv",
    }
    assert find_imu_files(tmp_path / "x.y.mp4") == {
        "wrist": tmp_path / "x.y.wrist.imu.csv"
    }


def test_a_video_in_no_folder_has_no_files(tmp_path: Path) -> None:
    assert find_imu_files(tmp_path / "none" / "x.mp4") == {}


async def play(source: ImuFileSource) -> list[ImuBatch | SourceStatus]:
    async with source as items:
        return [item async for item in items]


def test_a_file_is_played_in_batches_between_two_statuses(tmp_path: Path) -> None:
    clock = FakeClock()
    source = ImuFileSource(
        "wrist", write_second(tmp_path), clock=clock, origin_ns=ORIGIN_NS
    )
    first, *batches, last = asyncio.run(play(source))
    assert isinstance(first, SourceStatus)
    assert isinstance(last, SourceStatus)
    assert (first.state, last.state) == ("online", "offline")
    assert first.time_base == last.time_base == "presentation"
    assert [len(b.timestamps_ns) for b in batches if isinstance(b, ImuBatch)] == [
        10
    ] * 5


def test_played_batches_fill_a_buffer_as_live_ones_do(tmp_path: Path) -> None:
    source = ImuFileSource(
        "wrist",
        write_second(tmp_path),
        clock=FakeClock(),
        origin_ns=ORIGIN_NS,
        batch_samples=7,
    )
    buffer = ImuBuffer(rate_hz=50.0)
    for item in asyncio.run(play(source)):
        if isinstance(item, ImuBatch):
            buffer.add(item)
    found = buffer.slice(ORIGIN_NS, ORIGIN_NS + NS_PER_S)
    assert found is not None
    assert np.allclose(found[0][:, 0], np.arange(50), atol=1e-4)


@pytest.mark.parametrize(
    ("speed", "lasts_s"), [(1.0, 0.98), (0.5, 1.96), (10.0, 0.098)]
)
def test_a_file_is_played_at_its_speed(
    tmp_path: Path, speed: float, lasts_s: float
) -> None:
    clock = FakeClock(auto_advance=True)
    began_ns = clock.now_ns()
    source = ImuFileSource(
        "wrist", write_second(tmp_path), clock=clock, origin_ns=ORIGIN_NS, speed=speed
    )
    asyncio.run(play(source))
    assert (clock.now_ns() - began_ns) / NS_PER_S == pytest.approx(lasts_s)


def test_a_batch_comes_when_its_last_sample_is_due(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = FakeClock()
        source = ImuFileSource(
            "wrist", write_second(tmp_path), clock=clock, origin_ns=ORIGIN_NS, speed=1.0
        )
        async with source as items:
            await anext(items)
            batch = asyncio.create_task(anext(items))
            await clock.wait_for_sleepers()
            clock.advance_s(0.179)
            assert not batch.done()
            clock.advance_s(0.001)
            assert isinstance(await batch, ImuBatch)

    asyncio.run(scene())


@pytest.mark.parametrize(("speed", "batch_samples"), [(0.0, 10), (-1.0, 10), (1.0, 0)])
def test_settings_that_are_not_positive_are_refused(
    tmp_path: Path, speed: float, batch_samples: int
) -> None:
    with pytest.raises(ValueError, match=r"^speed and batch_samples must be positive"):
        ImuFileSource(
            "wrist",
            tmp_path / "x",
            clock=FakeClock(),
            origin_ns=0,
            speed=speed,
            batch_samples=batch_samples,
        )
