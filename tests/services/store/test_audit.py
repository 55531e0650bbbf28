"""Who did what, the newest first."""

from services.store.store import Store


def test_entries_come_in_pages_the_newest_first(store: Store) -> None:
    for at_ns in range(5):
        store.audit.add(at_ns, "kim", "resolved", f"e{at_ns}", {"verdict": "true"})
    first = store.audit.page(2)
    assert [it.about for it in first] == ["e4", "e3"]
    assert (first[0].who, first[0].what, first[0].at_ns) == ("kim", "resolved", 4)
    assert first[0].detail == {"verdict": "true"}
    rest = store.audit.page(9, before=first[-1].number)
    assert [it.about for it in rest] == ["e2", "e1", "e0"]
