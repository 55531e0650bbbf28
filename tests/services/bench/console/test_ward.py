"""The ward of the console's benchmark, with a real hub."""

import asyncio
import random
from pathlib import Path

import pytest

from pipelines.clock import SystemClock
from services.bench.console.measure import site_of
from services.bench.console.ward import Ward
from services.store.store import Store


@pytest.mark.slow
def test_its_subjects_move_and_a_fall_is_an_alarm_once_it_is_stored(
    tmp_path: Path,
) -> None:
    ward = Ward(2, pictures_hz=2, clock=SystemClock(), rng=random.Random(1))
    site = site_of(1883, tmp_path)  # the broker need not be there
    store = Store.migrated(site.hub.store_url())

    async def run() -> None:
        async with ward.reporting(site):
            event = await ward.fall("bed-2")
            (alarm,) = store.alarms.open()
            assert (alarm.alarm_id, alarm.state) == (event.event_id, "confirmed")

    asyncio.run(run())
    one, other = store.live.all()
    assert len(one.content["poses"]) == 4
    assert one.content["poses"] != other.content["poses"]
    store.close()
