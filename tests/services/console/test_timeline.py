"""A day as bars.

day     [0 ------------------------------------- 1440)
event   ...----]      [---]                  [------...
"""

from hypothesis import given
from hypothesis import strategies as st

from pipelines.live.alarms import raise_alarm
from services.console.timeline import lines_of
from tests.made_up_ward import DAY_NS, HOUR_NS, MINUTE_NS, RULE, event

DAY = (10 * DAY_NS, 11 * DAY_NS)


def test_an_event_is_a_bar_from_its_start_to_its_end() -> None:
    happened = event("bed-4", "bed exit", DAY[0] + 6 * HOUR_NS, HOUR_NS)
    (line,) = lines_of([happened], [], DAY, DAY[1])
    (bar,) = line.bars
    assert (line.name, bar.start, bar.length) == ("bed exit", 360.0, 60.0)


def test_an_event_of_the_night_before_begins_with_the_day() -> None:
    happened = event("bed-4", "bed exit", DAY[0] - HOUR_NS, 3 * HOUR_NS)
    ((bar,),) = (line.bars for line in lines_of([happened], [], DAY, DAY[1]))
    assert (bar.start, bar.length) == (0.0, 120.0)


def test_an_event_that_goes_on_reaches_until_now() -> None:
    happened = event("bed-4", "fall", DAY[0])
    ((bar,),) = (
        line.bars for line in lines_of([happened], [], DAY, DAY[0] + 30 * MINUTE_NS)
    )
    assert (bar.length, bar.end_ns) == (30.0, None)


def test_an_event_with_an_alarm_leads_to_it_and_an_alarm_is_never_left_out() -> None:
    fall = event("bed-4", "fall", DAY[0] + HOUR_NS, MINUTE_NS)
    lost = event("bed-4", "fall", DAY[0] + 5 * HOUR_NS, MINUTE_NS)
    alarms = [raise_alarm(each, RULE, each.start_ns) for each in (fall, lost)]
    (line,) = lines_of([fall], alarms, DAY, DAY[1])
    assert [bar.alarm_id for bar in line.bars] == [fall.event_id, lost.event_id]


@given(st.integers(-DAY_NS, DAY_NS), st.integers(0, 2 * DAY_NS))
def test_a_bar_never_leaves_the_day(after_ns: int, length_ns: int) -> None:
    happened = event("bed-4", "fall", DAY[0] + after_ns, length_ns)
    ((bar,),) = (line.bars for line in lines_of([happened], [], DAY, DAY[1]))
    assert bar.start >= 0
    assert bar.start + bar.length <= 1440.1
    assert bar.length >= 4
