"""Which rule an event has at a time, by the clock on the wall."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.clock import NS_PER_S
from pipelines.live.alarm_hours import AlarmRules, Hours, RuleLayer, local_minute
from pipelines.live.alarms import AlarmRule

NIGHT, DAY, NONE = AlarmRule("high"), AlarmRule("low"), AlarmRule("none")
FROM, UNTIL = 22 * 60, 6 * 60
BERLIN = AlarmRules(
    (RuleLayer({"fall": NIGHT}, Hours(FROM, UNTIL)), RuleLayer({"fall": DAY})),
    "Europe/Berlin",
)
MINUTE_NS = 60 * NS_PER_S
MINUTES = st.integers(0, 1439)


def ns(text: str) -> int:
    at = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return round(at.timestamp()) * NS_PER_S


def night_minutes(evening: str) -> int:
    """Return how many minutes of the 24 hours from a time, UTC, are night."""
    start_ns = ns(evening)
    times = range(start_ns, start_ns + 86400 * NS_PER_S, 60 * NS_PER_S)
    return sum(BERLIN.of("fall", at_ns) is NIGHT for at_ns in times)


@pytest.mark.parametrize(
    ("evening", "hours"),
    [
        ("2026-03-27T12:00", 8),
        ("2026-03-28T12:00", 7),  # the clock is set forward
        ("2026-10-23T12:00", 8),
        ("2026-10-24T12:00", 9),  # and back
    ],
)
def test_a_night_is_as_long_as_its_clock_says(evening: str, hours: int) -> None:
    assert night_minutes(evening) == hours * 60


@given(hours=st.tuples(MINUTES, MINUTES).filter(lambda it: it[0] != it[1]))
def test_hours_and_the_other_hours_are_a_whole_day(hours: tuple[int, int]) -> None:
    begin, end = hours
    within, without = Hours(begin, end), Hours(end, begin)
    assert all(within.hold(it) != without.hold(it) for it in range(1440))
    assert within.hold(begin)
    assert not within.hold(end)
    assert sum(map(within.hold, range(1440))) == (end - begin) % 1440


@given(
    minutes=st.integers(ns("2000-01-01") // MINUTE_NS, ns("2060-01-01") // MINUTE_NS),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]
    ),
)
@example(minutes=ns("2026-03-29T00:59") // MINUTE_NS, zone="Europe/Berlin")
@example(minutes=ns("2026-10-25T00:59") // MINUTE_NS, zone="Europe/Berlin")
def test_a_minute_lasts_one_minute_but_where_the_clock_is_set(
    minutes: int, zone: str
) -> None:
    start_ns = minutes * MINUTE_NS
    minute = local_minute(start_ns, zone)
    assert local_minute(start_ns + MINUTE_NS - 1, zone) == minute
    following = local_minute(start_ns + MINUTE_NS, zone)
    assert (following - minute) % 1440 in (1, 61, 1440 - 59, 31, 1440 - 29)
    if zone == "UTC":
        assert minute == minutes % 1440


def test_the_first_layer_that_names_the_event_counts() -> None:
    none = AlarmRule("none")
    rules = AlarmRules(
        (
            RuleLayer({"fall": none}, Hours(0, 60)),
            RuleLayer({"fall": NIGHT, "bed exit": NIGHT}, Hours(0, 120)),
            RuleLayer({"fall": DAY}),
        )
    )
    first, second, third = (ns(f"2026-11-29T0{hour}:30") for hour in range(3))
    assert [rules.of("fall", at) for at in (first, second, third)] == [None, NIGHT, DAY]
    assert [rules.of("bed exit", at) for at in (first, third)] == [NIGHT, None]
    assert rules.of("getting up", first) is None


@pytest.mark.parametrize(
    ("begin", "end", "problem"),
    [
        (5, 5, r"^from and until must differ$"),
        (0, 1440, r"^expected minutes of a day, 0 to 1439"),
        (-1, 5, r"^expected minutes of a day, 0 to 1439"),
    ],
)
def test_hours_that_are_none_are_refused(begin: int, end: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Hours(begin, end)


@pytest.mark.parametrize(
    ("layers", "alarms"),
    [
        ([(None, NONE), (None, DAY)], False),
        ([(Hours(FROM, UNTIL), NONE), (None, DAY)], True),
        ([(Hours(FROM, UNTIL), NIGHT), (None, NONE)], True),
        ([(Hours(FROM, UNTIL), NONE)], False),
    ],
)
def test_an_event_alarms_at_some_hour_or_never(
    layers: list[tuple[Hours | None, AlarmRule]], alarms: bool
) -> None:
    made = tuple(RuleLayer({"fall": rule}, hours) for hours, rule in layers)
    assert AlarmRules(made).alarming == ({"fall"} if alarms else set())
