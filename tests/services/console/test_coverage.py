"""Shares of a day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.coverage import coverage_of
from services.store.coverage import Covered


def test_watched_time_comes_first_and_the_rest_by_its_length() -> None:
    parts = [
        Covered("bed-4", "2026-11-29", "camera", 10.0),
        Covered("bed-4", "2026-11-29", "no watcher", 30.0),
        Covered("bed-4", "2026-11-29", "online", 60.0),
    ]
    (day,) = coverage_of(parts, ["bed-4"])
    assert [share.reason for share in day.shares] == ["online", "no watcher", "camera"]
    assert [share.start for share in day.shares] == pytest.approx([0.0, 0.6, 0.9])
    assert day.watched == pytest.approx(0.6)


def test_a_subject_that_the_person_does_not_see_is_left_out() -> None:
    parts = [Covered("bed-1", "2026-11-29", "online", 10.0)]
    (day,) = coverage_of(parts, ["bed-2"])
    assert (day.subject_id, day.seconds, day.shares) == ("bed-2", 0, ())


@given(st.lists(st.floats(0.001, 86_400), min_size=1, max_size=5))
def test_shares_sum_to_one(lengths: list[float]) -> None:
    parts = [
        Covered("bed-4", "2026-11-29", f"reason {number}", length)
        for number, length in enumerate(lengths)
    ]
    (day,) = coverage_of(parts, ["bed-4"])
    assert sum(share.share for share in day.shares) == pytest.approx(1)
