"""Answers wait until the hub has looked at them."""

from services.store.answers import StoredAnswer
from services.store.store import Store


def test_answers_wait_in_order_until_their_outcome_is_stored(store: Store) -> None:
    first = store.answers.give("e1", "ack", {}, "kim", 5)
    second = store.answers.give("bed-4", "snooze", {"minutes": 5}, "lee", 6)
    waiting = store.answers.waiting(9)
    assert waiting == [
        StoredAnswer(first, "e1", "ack", {}, "kim", 5),
        StoredAnswer(second, "bed-4", "snooze", {"minutes": 5}, "lee", 6),
    ]
    assert store.answers.waiting(1) == waiting[:1]
    store.take([], {}, 1, outcomes={first: "alarm e1 is over"})
    assert store.answers.waiting(9) == waiting[1:]
    answer = store.answers.one(first)
    assert answer is not None
    assert answer.outcome == "alarm e1 is over"
    assert store.answers.one(99) is None
