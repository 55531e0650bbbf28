"""What is concluded from the pulses of watchers."""

import pytest

from services.supervisor.loads import Loads
from services.watcher.pulse import Pulse

ROUNDS = 10
"""Five rounds do not count, and five are needed."""


def pulse(subjects: int, cores: float, every: int = 1) -> Pulse:
    return Pulse({f"bed-{number}": "" for number in range(subjects)}, cores, every)


def loads(*pulses: Pulse, rounds: int = ROUNDS) -> Loads:
    """Return the loads after each watcher has sent the same pulse some times."""
    known = Loads()
    for _ in range(rounds):
        for number, each in enumerate(pulses):
            known.add(number, each)
    return known


def test_nothing_is_limited_before_a_watcher_has_settled() -> None:
    early = loads(pulse(4, 0.8), rounds=ROUNDS - 1)
    assert early.cores_a_subject is None
    assert early.most_each(16, 100, 2) == 16
    assert early.warning(100, 2) is None
    early.add(0, pulse(5, 0.8))  # a subject more: measured anew
    assert early.cores_a_subject is None
    assert loads(pulse(0, 0.1)).cores_a_subject is None
    assert loads(pulse(4, 0.8, every=2)).cores_a_subject is None  # part of the work


@pytest.mark.parametrize(
    ("pulses", "need", "most"),
    [
        ((pulse(4, 0.8),), 0.2, 4),
        ((pulse(4, 0.8), pulse(2, 0.9, every=2)), 0.2, 4),
        ((pulse(4, 0.8), pulse(2, 0.1)), 0.15, 5),
        ((pulse(1, 3.0),), 3.0, 1),
        ((pulse(4, 0.04),), 0.01, 16),
    ],
)
def test_a_watcher_gets_as_many_subjects_as_a_core_carries(
    pulses: tuple[Pulse, ...], need: float, most: int
) -> None:
    known = loads(*pulses)
    assert known.cores_a_subject == pytest.approx(need)
    assert known.most_each(16, 2, 2) == most
    assert known.most_each(16, 2, float("inf")) == most
    assert known.most_each(16, 18, 2) == max(9, most)


def test_what_a_watcher_uses_at_its_start_does_not_count_and_the_rest_is_averaged() -> (
    None
):
    known = loads(pulse(4, 9.0), rounds=5)
    for number in range(10):
        known.add(0, pulse(4, 0.8 if number % 2 else 0.4))
    assert known.cores_a_subject == pytest.approx(0.15)


def test_more_subjects_than_the_cores_carry_are_said_once_for_each_number() -> None:
    known = loads(pulse(4, 0.8))
    assert known.warning(8, 2) is None
    line = known.warning(9, 2)
    assert line is not None
    assert line.startswith("9 subjects are more than 2 cores carry: about 8, as each")
    assert known.warning(9, 2) is None
    assert known.warning(12, 2) is not None
    assert known.warning(12, float("inf")) is None


def test_the_fullest_watcher_that_stays_overloaded_is_divided() -> None:
    full = pulse(8, 1.0, every=2)
    known = loads(pulse(4, 1.0, every=2), full, rounds=4)
    assert known.to_divide() is None
    known.add(0, pulse(4, 1.0, every=1))
    known.add(1, full)
    assert known.to_divide() == 1
    known.forget(1)
    assert known.to_divide() is None
    assert loads(pulse(1, 1.0, every=2)).to_divide() is None
    waits_for_recognition = pulse(8, 0.5, every=2)
    assert loads(waits_for_recognition).to_divide() is None


def test_an_overload_that_lasts_is_said_without_a_number() -> None:
    full = pulse(8, 0.5, every=2)
    assert loads(full, rounds=29).warning(8, 64) is None
    line = loads(full, rounds=30).warning(8, 64)
    assert line is not None
    assert line.startswith("8 subjects are more than can be recognised. While")


def test_only_a_watcher_that_has_kept_up_for_some_rounds_has_room() -> None:
    assert not loads(pulse(1, 0.1), rounds=ROUNDS - 1).has_room(0)
    known = loads(pulse(1, 0.1))
    assert known.has_room(0)
    assert not known.has_room(1)
    known.add(0, pulse(1, 0.1, every=2))
    assert not known.has_room(0)
