"""What was taken is there after any end of the process, once."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.clock import NS_PER_S
from pipelines.records import ActionEvent, EventState
from services.errors import StoreError
from services.hub.store import Message, Store

DAY_NS = 24 * 3600 * NS_PER_S


def message(key: str) -> Message:
    return Message(key, f"topic/{key}", {"key": key, "of": [1, None]}, retain=True)


def event(state: EventState = "started", event_id: str = "e1") -> ActionEvent:
    return ActionEvent(
        event_id=event_id,
        subject_id="bed-4",
        name="fall",
        label="fallen",
        state=state,
        start_ns=1_700_000_000_000_000_001,
        end_ns=None,
        decided_ns=1_700_000_001_000_000_001,
        peak_confidence=0.9,
        modality="video",
        model="tiny",
        prompt_set="ward@1",
    )


def tell(store: Store, it: ActionEvent, now_ns: int) -> None:
    key = f"{it.event_id} {it.state}"
    store.take([message(key)], {key: it}, now_ns)


def test_messages_wait_in_order_and_come_back_as_they_were(tmp_path: Path) -> None:
    store = Store(tmp_path / "new" / "folder")
    assert store.take([message("a"), message("b")], {}, now_ns=5) == {"a", "b"}
    store.close()
    again = Store(tmp_path / "new" / "folder")
    assert [it.message for it in again.waiting(9)] == [message("a"), message("b")]
    assert [it.message.key for it in again.waiting(1)] == ["a"]
    assert again.backlog() == (2, 5)


def test_a_delivered_message_waits_no_more(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.take([message("a"), message("b")], {}, now_ns=5)
    store.delivered(store.waiting(1)[0].number, now_ns=6)
    assert [it.message.key for it in store.waiting(9)] == ["b"]
    assert store.backlog() == (1, 5)
    store.delivered(store.waiting(1)[0].number, now_ns=6)
    assert store.backlog() == (0, None)


def test_what_was_told_is_not_told_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.take([message("a")], {}, now_ns=5)
    assert store.take([message("a")], {}, now_ns=6) == set()
    store.delivered(store.waiting(1)[0].number, now_ns=7)
    assert store.take([message("a")], {}, now_ns=8) == set()
    assert store.waiting(9) == []


def test_what_was_delivered_long_ago_is_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.take([message("a"), message("b")], {}, 1)
    for queued in store.waiting(2):
        store.delivered(queued.number, 1)
    store.take([message(str(n)) for n in range(1000)], {}, 2 * DAY_NS)
    (*_, last) = store.waiting(1000)
    store.delivered(last.number, 2 * DAY_NS)
    assert store.take([message("a"), message("b")], {}, 2 * DAY_NS) == {"a"}


def test_a_clock_that_jumps_forgets_none_of_the_latest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for key, now_ns in (("a", 1), ("b", 31 * DAY_NS)):
        store.take([message(key)], {}, now_ns)
        store.delivered(store.waiting(1)[0].number, now_ns)
    assert store.take([message("a"), message("b")], {}, 31 * DAY_NS) == frozenset()


def test_an_episode_is_open_until_it_ends(tmp_path: Path) -> None:
    store = Store(tmp_path)
    tell(store, event(), now_ns=1)
    tell(store, event(), now_ns=2)
    assert store.open_events(["bed-4", "bed-5"]) == [event()]
    assert store.open_events(["bed-5"]) == []
    tell(store, event("ended"), now_ns=3)
    tell(store, event(), now_ns=4)  # late, by way of a second try
    assert store.open_events(["bed-4"]) == []


def test_notes_are_replaced(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.recall("port") is None
    store.note("port", 1)
    store.note("port", {"a": [2]})
    assert store.recall("port") == {"a": [2]}


@pytest.mark.slow
def test_what_was_taken_survives_a_killed_process(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path;"
        "from services.hub.store import Message, Store;"
        "store = Store(Path(sys.argv[1]));"
        "store.take([Message('a', 't', {})], {}, 1);"
        "os.kill(os.getpid(), 9)"
    )
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root}
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], env=environment, check=False
    )
    assert ended.returncode == -9
    assert [it.message.key for it in Store(tmp_path).waiting(9)] == ["a"]


def test_a_folder_or_file_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("words")
    with pytest.raises(StoreError, match=r"file: File exists$"):
        Store(blocked)
    (tmp_path / "hub.sqlite").write_text("no database" * 100)
    with pytest.raises(StoreError, match=r"hub\.sqlite: file is not a database$"):
        Store(tmp_path)


def test_an_unproven_message_waits_apart_until_its_topic_is_published_again(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    store.take([Message(key, "t", {}) for key in "abc"], {}, now_ns=5)
    first, second, _ = store.waiting(9)
    store.unproven(first.number, now_ns=6)
    store.unproven(second.number, now_ns=6)
    assert [it.message.key for it in store.waiting(9)] == ["c"]
    assert store.unproven_topics() == ["t"]
    oldest = store.oldest_unproven("t")
    assert oldest is not None
    assert oldest.message.key == "a"
    assert store.backlog() == (3, 5)
    store.delivered(first.number, now_ns=7)
    store.publish_again("t")
    assert [it.message.key for it in store.waiting(9)] == ["b", "c"]
    assert store.oldest_unproven("t") is None


def test_messages_of_other_topics_are_found_behind_many_of_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.take([Message(str(n), "held", {}) for n in range(99)], {}, now_ns=5)
    store.take([Message("x", "free", {})], {}, now_ns=5)
    assert [it.message.key for it in store.waiting(9, without=["held"])] == ["x"]


def test_an_outbox_of_version_0_1_goes_on(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.take([message("a")], {}, now_ns=5)
    store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute("ALTER TABLE outbox DROP COLUMN unproven_ns")
    connection.close()
    assert [it.message for it in Store(tmp_path).waiting(9)] == [message("a")]


def test_what_waits_under_a_beginning_is_discarded_and_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    topics = ("ha/a", "ha_b", "ha/c")
    store.take([Message(topic, topic, {}) for topic in topics], {}, now_ns=5)
    store.delivered(store.waiting(1)[0].number, now_ns=6)
    assert sorted(store.discard("ha/")) == ["ha/a", "ha/c"]
    assert [it.message.key for it in store.waiting(9)] == ["ha_b"]
