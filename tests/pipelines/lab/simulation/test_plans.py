import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lab.simulation.footage import RECORDING_S, Stream, plan_footage


@given(hours=st.floats(0.001, 5))
def test_recordings_are_a_minute_or_the_rest_and_never_a_moment(hours: float) -> None:
    plans = plan_footage(hours, seed=4)
    lengths = [plan.duration_s for plan in plans]
    assert all(length == RECORDING_S for length in lengths[:-1])
    assert 1.0 <= lengths[-1] <= RECORDING_S
    assert sum(lengths) == pytest.approx(hours * 3600, abs=1.0)


def test_a_request_for_a_moment_is_met_by_one_recording() -> None:
    (plan,) = plan_footage(0.5 / 3600, seed=4)
    assert plan.duration_s == pytest.approx(0.5)


def test_a_minute_written_in_hours_is_one_recording() -> None:
    assert len(plan_footage(0.016667, seed=4)) == 1


def test_plans_differ_in_their_number_alone_and_never_meet_training() -> None:
    plans = plan_footage(0.05, seed=4)
    assert [plan.index for plan in plans] == [0, 1, 2]
    assert {(plan.stream, plan.seed) for plan in plans} == {(Stream.FOOTAGE, 4)}


def test_footage_for_choosing_settings_is_drawn_from_a_stream_of_its_own() -> None:
    measured = plan_footage(0.05, seed=4)
    chosen = plan_footage(0.05, seed=4, stream=Stream.VALIDATION)
    assert [plan.name for plan in chosen] == [plan.name for plan in measured]
    draws = [[plan.generator().random() for plan in it] for it in (chosen, measured)]
    assert not set(draws[0]) & set(draws[1])
