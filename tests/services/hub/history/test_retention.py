"""An hour after the start, what is too old goes."""

import asyncio
from pathlib import Path

from prometheus_client import CollectorRegistry

from services.hub.clock import HubClock
from services.hub.history.retention import Retention
from services.hub.metrics.hub import HubMetrics
from services.hub.metrics.registry import MetricRegistry
from services.hub.topics import Topics
from services.site.hub import KeepDays
from services.store.database import sqlite_url
from services.store.live import PoseTrack
from services.store.store import Store
from tests.fakes import FakeClock
from tests.services.store.rows import DAY_NS, alarm, message, resolved


def test_each_kind_is_kept_for_its_own_number_of_days(tmp_path: Path) -> None:
    clock = FakeClock()
    store = Store.migrated(sqlite_url(tmp_path))
    metrics = HubMetrics(MetricRegistry(CollectorRegistry()), clock.now_ns())
    dates = HubClock(clock, store, metrics, Topics("wardwatch", "ward"))
    keep = KeepDays(alarms=20, poses=10)
    for days in (5, 15, 25):
        at_ns = clock.now_ns() - days * DAY_NS
        store.take([message(str(days))], {}, 1, [resolved(alarm(str(days), at_ns))])
        store.pose_tracks.put(PoseTrack(str(days), "bed-4", at_ns, {}))

    def left() -> tuple[list[str], list[str]]:
        ids = ("5", "15", "25")
        tracks = [name for name in ids if store.pose_tracks.one(name)]
        return sorted(store.alarms.ids()), tracks

    async def scene() -> None:
        retention = Retention(keep, store.database, clock, dates)
        task = asyncio.create_task(retention.run())
        await clock.wait_for_sleepers()
        clock.advance_s(3599)
        assert left() == (["15", "25", "5"], ["5", "15", "25"])
        clock.advance_s(2)
        async with asyncio.timeout(10):
            while store.audit.page(9) == [] or left()[1] != ["5"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scene())
    assert left() == (["15", "5"], ["5"])
    assert {it.about for it in store.audit.page(9)} == {"alarms", "poses"}
    store.close()
