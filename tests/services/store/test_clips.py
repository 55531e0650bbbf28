"""Encrypted clips, each with its alarm."""

from dataclasses import replace

from services.store.store import Store
from tests.clip_rig import clip
from tests.services.store.rows import alarm, message


def test_a_clip_is_kept_with_its_alarm_and_without_one_it_is_not(store: Store) -> None:
    store.take([message("a")], {}, 1, [alarm("e1"), alarm("e2", subject="bed-5")])
    assert store.clips.put(clip("e1"))
    assert not store.clips.put(clip("e2"))  # of another subject
    assert not store.clips.put(clip("e3"))
    assert store.clips.has("e1")
    assert not store.clips.has("e2")
    found = store.clips.one("e1")
    assert found is not None
    assert (found.alarm_id, found.subject_id) == ("e1", "bed-4")
    again = replace(found, sealed=b"again")
    assert store.clips.put(again)
    assert store.clips.one("e1") == again
    assert store.clips.one("e2") is None


def test_the_clips_of_who_consents_no_more_are_deleted_and_the_audit_says_so(
    store: Store,
) -> None:
    fives = [alarm(name, subject="bed-5") for name in ("e2", "e3")]
    store.take([message("a")], {}, 1, [alarm("e1"), *fives])
    for kept in (clip("e1"), clip("e2", "bed-5"), clip("e3", "bed-5")):
        store.clips.put(kept)
    assert store.clips.remove_others(["bed-4"], 9, "hub") == {"bed-5": 2}
    assert [store.clips.has(name) for name in ("e1", "e2", "e3")] == [
        True,
        False,
        False,
    ]
    (entry,) = store.audit.page(9)
    assert (entry.at_ns, entry.who, entry.what, entry.about) == (
        *(9, "hub"),
        *("deleted", "clips"),
    )
    assert entry.detail == {"rows": 2, "subject": "bed-5", "why": "no consent any more"}
    assert store.clips.remove_others(["bed-4"], 10, "hub") == {}
    assert len(store.audit.page(9)) == 1
