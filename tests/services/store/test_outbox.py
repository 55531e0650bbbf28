"""What was stored waits in its order until it is delivered, once."""

from services.store.outbox import Message
from services.store.store import Store
from tests.services.store.rows import DAY_NS, message


def keys_waiting(store: Store, most: int = 9) -> list[str]:
    return [it.message.key for it in store.outbox.waiting(most)]


def test_messages_wait_in_order_and_come_back_as_they_were(store: Store) -> None:
    assert store.take([message("a"), message("b")], {}, now_ns=5) == {"a", "b"}
    waiting = store.outbox.waiting(9)
    assert [it.message for it in waiting] == [message("a"), message("b")]
    assert keys_waiting(store, 1) == ["a"]
    assert store.outbox.backlog() == (2, 5)


def test_a_delivered_message_waits_no_more(store: Store) -> None:
    store.take([message("a"), message("b")], {}, now_ns=5)
    store.outbox.delivered(store.outbox.waiting(1)[0].number, now_ns=6)
    assert keys_waiting(store) == ["b"]
    assert store.outbox.backlog() == (1, 5)
    store.outbox.delivered(store.outbox.waiting(1)[0].number, now_ns=6)
    assert store.outbox.backlog() == (0, None)


def test_a_message_that_was_stored_before_is_not_stored_again(store: Store) -> None:
    store.take([message("a")], {}, now_ns=5)
    assert store.take([message("a")], {}, now_ns=6) == set()
    store.outbox.delivered(store.outbox.waiting(1)[0].number, now_ns=7)
    assert store.take([message("a")], {}, now_ns=8) == set()
    assert keys_waiting(store) == []


def test_what_was_delivered_long_ago_is_forgotten(store: Store) -> None:
    store.take([message("a"), message("b")], {}, 1)
    for queued in store.outbox.waiting(2):
        store.outbox.delivered(queued.number, 1)
    store.take([message(str(n)) for n in range(1000)], {}, 2 * DAY_NS)
    (*_, last) = store.outbox.waiting(1000)
    store.outbox.delivered(last.number, 2 * DAY_NS)
    assert store.take([message("a"), message("b")], {}, 2 * DAY_NS) == {"a"}


def test_a_clock_that_jumps_forgets_none_of_the_latest(store: Store) -> None:
    for key, now_ns in (("a", 1), ("b", 31 * DAY_NS)):
        store.take([message(key)], {}, now_ns)
        store.outbox.delivered(store.outbox.waiting(1)[0].number, now_ns)
    assert store.take([message("a"), message("b")], {}, 31 * DAY_NS) == frozenset()


def test_an_unproven_message_waits_apart_until_its_topic_is_published_again(
    store: Store,
) -> None:
    store.take([Message(key, "t", {}) for key in "abc"], {}, now_ns=5)
    first, second, _ = store.outbox.waiting(9)
    store.outbox.unproven(first.number, now_ns=6)
    store.outbox.unproven(second.number, now_ns=6)
    assert keys_waiting(store) == ["c"]
    assert store.outbox.unproven_topics() == ["t"]
    oldest = store.outbox.oldest_unproven("t")
    assert oldest is not None
    assert oldest.message.key == "a"
    assert store.outbox.backlog() == (3, 5)
    store.outbox.delivered(first.number, now_ns=7)
    store.outbox.publish_again("t")
    assert keys_waiting(store) == ["b", "c"]
    assert store.outbox.oldest_unproven("t") is None


def test_messages_of_other_topics_are_found_behind_many_of_one(store: Store) -> None:
    store.take([Message(str(n), "held", {}) for n in range(99)], {}, now_ns=5)
    store.take([Message("x", "free", {})], {}, now_ns=5)
    found = store.outbox.waiting(9, without=["held"])
    assert [it.message.key for it in found] == ["x"]


def test_what_waits_under_a_prefix_is_discarded_and_its_topics_returned(
    store: Store,
) -> None:
    topics = ("ha/a", "ha_b", "ha/c")
    store.take([Message(topic, topic, {}) for topic in topics], {}, now_ns=5)
    store.outbox.delivered(store.outbox.waiting(1)[0].number, now_ns=6)
    assert sorted(store.outbox.discard("ha/")) == ["ha/a", "ha/c"]
    assert keys_waiting(store) == ["ha_b"]
