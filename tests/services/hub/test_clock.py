"""The hub's dates when the system clock is set while it runs."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from pipelines.clock import NS_PER_S
from services.hub.clock import HubClock
from services.hub.metrics.hub import HubMetrics
from services.hub.metrics.registry import MetricRegistry
from services.hub.topics import Topics
from services.store.database import sqlite_url
from services.store.outbox import Message
from services.store.store import Store
from tests.fakes import FakeClock

MONTH_S = 31 * 86_400.0


def hub_clock(clock: FakeClock, store: Store) -> tuple[HubClock, CollectorRegistry]:
    registry = CollectorRegistry()
    metrics = HubMetrics(MetricRegistry(registry), clock.now_ns())
    metrics.canary(True, clock.now_ns())
    return HubClock(clock, store, metrics, Topics("wardwatch", "ward")), registry


def test_a_correction_is_published_once_and_dates_follow(tmp_path: Path) -> None:
    clock = FakeClock(start_ns=1000 * NS_PER_S)
    dates, registry = hub_clock(clock, Store.migrated(sqlite_url(tmp_path)))
    assert dates.follow() == []
    clock.correct_s(MONTH_S)

    (told,) = dates.follow()

    assert told.payload["text"] == "the clock was corrected by +31.0 d"
    assert told.payload["at"] == "1970-02-01T00:16:40+00:00"
    assert dates.follow() == []
    for name in ("start_time", "canary_success_timestamp"):
        value = registry.get_sample_value(f"wardwatch_{name}_seconds")
        assert value == 1000 + MONTH_S
    assert registry.get_sample_value("wardwatch_clock_correction_seconds") == MONTH_S


def test_a_slew_is_followed_without_a_message(tmp_path: Path) -> None:
    clock = FakeClock()
    dates, _ = hub_clock(clock, Store.migrated(sqlite_url(tmp_path)))
    clock.correct_s(0.3)
    assert dates.follow() == []
    assert dates.utc_ns() == clock.now_ns() + 3 * NS_PER_S // 10


def test_the_next_hub_reads_the_stored_times_as_its_own(tmp_path: Path) -> None:
    # The first hub began a month behind; the second begins when the clock is right.
    first = FakeClock(start_ns=1000 * NS_PER_S)
    store = Store.migrated(sqlite_url(tmp_path))
    dates, _ = hub_clock(first, store)
    store.take([Message("a", "t", {})], {}, first.now_ns())
    first.correct_s(MONTH_S)
    dates.follow()
    store.close()

    store = Store.migrated(sqlite_url(tmp_path))
    hub_clock(FakeClock(start_ns=dates.utc_ns()), store)
    (queued,) = store.outbox.waiting(9)
    assert queued.queued_ns == dates.utc_ns()

    hub_clock(FakeClock(start_ns=dates.utc_ns()), store)  # and is moved only once
    assert store.outbox.waiting(9)[0].queued_ns == dates.utc_ns()
