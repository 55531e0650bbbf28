"""What became of each message about an alarm."""

from services.store.notes import CLOCK_CORRECTION
from services.store.notices import Notice, Undelivered
from services.store.outbox import Message
from services.store.receipts import Receipt
from services.store.store import Store
from tests.services.store.rows import alarm, message, resolved


def notice(target: str, entry: int) -> Notice:
    return Notice(f"{target} e1 {entry}", target, "e1", "bed-4: fall", "confirmed")


def fill(store: Store) -> None:
    """An alarm of three entries: published twice, and sent to three targets."""
    helped = alarm().acknowledged("kim", 9)
    messages = [Message(f"alarm e1 {length}", "t", {}) for length in (2, 3)]
    others = [message("event e1 started"), Message("alarm e11 2", "t", {})]
    targets = [notice(name, 1) for name in ("chat", "nurse", "web")]
    store.take([*messages, *others], {}, 5, [helped], targets)


def test_every_way_has_its_receipt_with_its_state(store: Store) -> None:
    fill(store)
    found = store.receipts.of_alarm(alarm().acknowledged("kim", 9))
    ways = [(it.target, it.entry, it.state) for it in found]
    assert ways == [
        *(("", 1, "waiting"), ("chat", 1, "waiting"), ("nurse", 1, "waiting")),
        *(("web", 1, "waiting"), ("", 2, "waiting")),
    ]
    store.outbox.delivered(1, 50)
    store.outbox.unproven(2, 51)
    store.notes.note(CLOCK_CORRECTION, 7)
    store.notices.taken(1, 60)
    assert not store.notices.refused(2, "no", 2, 61)
    assert store.notices.refused(3, "HTTP 403", 1, 62)
    assert store.receipts.of_alarm(alarm().acknowledged("kim", 9)) == [
        Receipt("", 1, "delivered", 57),
        Receipt("chat", 1, "delivered", 60),
        Receipt("nurse", 1, "waiting", refusals=1),
        Receipt("web", 1, "given up", 62, 1, "HTTP 403"),
        Receipt("", 2, "unproven"),
    ]


def test_receipts_outlive_the_end_of_their_alarm_and_what_waits_does_not(
    store: Store,
) -> None:
    fill(store)
    store.notices.taken(1, 60)
    over = resolved(alarm())
    store.take([message("x")], {}, 70, [over])
    found = [it for it in store.receipts.of_alarm(over) if it.target]
    assert found == [Receipt("chat", 1, "delivered", 60)]


def test_what_is_not_delivered_is_counted_by_target(store: Store) -> None:
    fill(store)
    store.take([], {}, 6, notices=[notice("nurse", 2), notice("web", 2)])
    store.notices.taken(1, 60)
    store.notices.refused(2, "no", 9, 61)
    store.notices.refused(3, "HTTP 403", 1, 62)
    assert store.notices.undelivered() == [
        Undelivered("nurse", waiting=2, given_up=0, refusals=1),
        Undelivered("web", waiting=1, given_up=1, refusals=0),
    ]
