"""What goes wrong with a recording's camera or wearable."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest

from pipelines.clock import NS_PER_S
from pipelines.lab.data.footage import Recording
from pipelines.lab.studies.disturbances import (
    Disturbance,
    disturbed,
    swap_wearables,
)
from pipelines.live.subject import Item
from pipelines.records import Frame, ImuBatch

RATE_HZ, LAST_S = 50, 10


def batch(second: int) -> ImuBatch:
    times_ns = second * NS_PER_S + np.arange(RATE_HZ) * NS_PER_S // RATE_HZ
    moving = np.random.default_rng(second).normal(0, 5, (RATE_HZ, 3)).astype(np.float32)
    return ImuBatch("a", times_ns, moving, moving.copy())


def after(disturbance: Disturbance | None) -> list[Item]:
    async def items() -> AsyncGenerator[Item, None]:
        for second in range(LAST_S):
            yield Frame("a", second * NS_PER_S, second, np.full((4, 4, 3), 9, np.uint8))
            yield batch(second)

    async def collect() -> list[Item]:
        return [item async for item in disturbed(items(), disturbance)]

    return asyncio.run(collect())


def batches_of(items: list[Item]) -> list[ImuBatch]:
    return [item for item in items if isinstance(item, ImuBatch)]


def frames_of(items: list[Item]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


def test_without_a_disturbance_everything_stays() -> None:
    assert len(after(None)) == 2 * LAST_S


def test_half_of_every_picture_is_masked_and_the_wearable_is_as_it_was() -> None:
    items = after("masked")
    for frame in frames_of(items):
        assert not frame.pixels[:, :2].any()
        assert (frame.pixels[:, 2:] == 9).all()
    np.testing.assert_array_equal(batches_of(items)[3].accel_mps2, batch(3).accel_mps2)


def test_a_wearable_falls_silent_and_the_camera_goes_on() -> None:
    items = after("silent")
    assert len(frames_of(items)) == LAST_S
    assert 0 < len(batches_of(items)) < LAST_S


def test_a_wearable_on_a_table_feels_gravity_and_hardly_anything_else() -> None:
    for each in batches_of(after("table")):
        lengths = np.linalg.norm(each.accel_mps2, axis=1)
        assert lengths == pytest.approx(9.82, abs=0.1)
        assert each.accel_mps2.std(axis=0).max() < 0.05


def test_everybody_wears_the_wearable_of_another() -> None:
    recordings = [
        Recording(name, Path(name), (), {"waist": Path(f"{name}.csv")})
        for name in ("a", "b", "c")
    ]
    swapped = swap_wearables(recordings)
    assert [each.video.name for each in swapped] == ["a", "b", "c"]
    assert [each.imu["waist"].name for each in swapped] == ["b.csv", "c.csv", "a.csv"]
