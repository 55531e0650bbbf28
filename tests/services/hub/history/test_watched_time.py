"""Each second of a subject is counted once, for the state that it was in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from pipelines.clock import NS_PER_S
from pipelines.records import SourceState, SourceStatus, WornStatus
from services.errors import StoreError
from services.hub.history.watched_time import WatchedTime, reason_of
from services.hub.metrics.metrics import Metrics
from services.hub.reports import SubjectState
from services.hub.subject_states import SubjectStates
from services.hub.topics import Topics
from services.store.coverage import Covered
from services.store.database import sqlite_url
from services.store.store import Store
from services.store.tables import coverage

MIDNIGHT_NS = 1_700_006_400 * NS_PER_S  # 2023-11-15
DAY, DAY_BEFORE = "2023-11-15", "2023-11-14"


def camera(state: SourceState = "online") -> SourceStatus:
    return SourceStatus("bed-4", "camera", state, 0, "", "sender", reconnects=0)


def states() -> SubjectStates:
    metrics = Metrics(CollectorRegistry(), ["fall"], 0)
    topics = Topics("wardwatch", "ward")
    return SubjectStates({"bed-4": ["camera"]}, topics, metrics, began_ns=0)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (None, "no watcher"),
        (SubjectState(is_watched=False), "no watcher"),
        (SubjectState(camera=camera()), "online"),
        (SubjectState(), "camera"),
        (SubjectState(camera=camera("stalled")), "camera"),
        (SubjectState(camera=camera(), is_recognised=False), "recognition"),
        (SubjectState(camera=camera(), every=2), "recognition"),
        (SubjectState(camera=camera(), has_wearable=True), "wearable"),
        (SubjectState(has_camera=False, has_wearable=True), "wearable"),
        (
            SubjectState(camera=camera(), worn=WornStatus("bed-4", "not worn", 0)),
            "wearable",
        ),
    ],
)
def test_the_reason_is_that_of_the_overall_state(
    state: SubjectState | None, reason: str
) -> None:
    assert reason_of(state) == reason


def test_spans_belong_to_the_day_and_the_state_in_which_they_end(
    tmp_path: Path,
) -> None:
    store = Store.migrated(sqlite_url(tmp_path))
    known = states()
    watched = WatchedTime(known, store.coverage, began_ns=0)
    known.current["bed-4"] = SubjectState(camera=camera())
    watched.count(2 * NS_PER_S, MIDNIGHT_NS - NS_PER_S)
    watched.store_if_due(2 * NS_PER_S)
    assert store.coverage.of_day(DAY_BEFORE) == []  # not due yet
    watched.count(4 * NS_PER_S, MIDNIGHT_NS + NS_PER_S)
    known.current["bed-4"] = SubjectState()
    watched.count(31 * NS_PER_S, MIDNIGHT_NS + 28 * NS_PER_S)
    watched.store_if_due(31 * NS_PER_S)
    assert store.coverage.of_day(DAY_BEFORE) == [
        Covered("bed-4", DAY_BEFORE, "online", 2.0)
    ]
    assert store.coverage.of_day(DAY) == [
        Covered("bed-4", DAY, "camera", 27.0),
        Covered("bed-4", DAY, "online", 2.0),
    ]
    store.close()


def test_what_could_not_be_stored_is_stored_the_next_time(tmp_path: Path) -> None:
    store = Store.migrated(sqlite_url(tmp_path))
    watched = WatchedTime(states(), store.coverage, began_ns=0)
    watched.count(5 * NS_PER_S, MIDNIGHT_NS)
    store.close()
    path = tmp_path / "hub.sqlite"
    aside = path.rename(tmp_path / "aside")
    path.mkdir()
    with pytest.raises(StoreError):
        watched.store()
    path.rmdir()
    aside.rename(path)
    watched.count(6 * NS_PER_S, MIDNIGHT_NS)
    watched.store()
    watched.store()
    (covered,) = store.coverage.of_day(DAY)
    assert covered == Covered("bed-4", DAY, "no watcher", 6.0)
    store.close()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.migrated(sqlite_url(tmp_path_factory.mktemp("store")))
    yield store
    store.close()


@settings(max_examples=30, deadline=None)
@given(spans=st.lists(st.tuples(st.integers(1, 10**10), st.booleans()), max_size=12))
def test_no_time_is_lost_or_counted_twice(
    kept: Store, spans: list[tuple[int, bool]]
) -> None:
    kept.database.execute(coverage.delete())
    known = states()
    watched = WatchedTime(known, kept.coverage, began_ns=0)
    now_ns = 0
    for span_ns, is_up in spans:
        now_ns += span_ns
        state = camera("online" if is_up else "offline")
        known.current["bed-4"] = SubjectState(camera=state)
        watched.count(now_ns, MIDNIGHT_NS)
        watched.store_if_due(now_ns)
    watched.store()
    parts = kept.coverage.of_day(DAY)
    assert sum(it.seconds for it in parts) == pytest.approx(now_ns / NS_PER_S)
    up_ns = sum(span_ns for span_ns, is_up in spans if is_up)
    online = [it.seconds for it in parts if it.reason == "online"]
    assert sum(online) == pytest.approx(up_ns / NS_PER_S)
