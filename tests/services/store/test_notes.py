from services.store.store import Store


def test_notes_are_replaced(store: Store) -> None:
    assert store.notes.recall("port") is None
    store.notes.note("port", 1)
    store.notes.note("port", {"a": [2]})
    assert store.notes.recall("port") == {"a": [2]}
