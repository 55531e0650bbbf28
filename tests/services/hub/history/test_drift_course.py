"""Each block of drift detection is stored once."""

from dataclasses import replace

from pipelines.clock import NS_PER_S
from pipelines.records import DriftStatus
from services.hub.history.drift_course import DriftCourse
from services.hub.reports import SubjectState
from services.store.drift_blocks import DriftBlock

AT_NS = 1_700_000_040 * NS_PER_S
"""A full minute."""
ENDED = DriftStatus(
    *("bed-4", "watching", 0.0, None, AT_NS + 5), confidence=0.8, level=0.3
)


def state_of(drift: DriftStatus | None) -> dict[str, SubjectState]:
    return {"bed-4": SubjectState(drift=drift)}


def test_a_block_that_reports_repeat_is_new_until_it_is_stored() -> None:
    course = DriftCourse()
    (block,) = course.new(state_of(ENDED))
    assert block == DriftBlock("bed-4", AT_NS, 0.8, 0.3)
    assert course.new(state_of(ENDED)) == [block]  # the store was away
    course.stored([block])
    assert course.new(state_of(replace(ENDED, decided_ns=AT_NS + 900))) == []
    later = replace(ENDED, decided_ns=AT_NS + 300 * NS_PER_S)
    assert [it.at_ns for it in course.new(state_of(later))] == [later.decided_ns]


def test_a_status_that_says_nothing_of_a_block_is_no_block() -> None:
    course = DriftCourse()
    silent = replace(ENDED, confidence=None, level=None)
    assert course.new(state_of(silent)) == []
    assert course.new(state_of(None)) == []
