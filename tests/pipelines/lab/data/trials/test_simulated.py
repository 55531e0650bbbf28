"""Simulated trials are falls and activities that a seed determines."""

import numpy as np
import pytest

from pipelines.lab.data.trials.simulated import (
    PLACES,
    simulate_hours,
    simulate_trials,
)


def test_trials_are_of_one_place_and_hold_falls_and_activities() -> None:
    done: list[int] = []
    trials = simulate_trials(30, 1, "wrist", lambda _, now, *__: done.append(now))
    assert done == list(range(1, 31))
    assert {trial.place for trial in trials} == {"wrist"}
    falls = sum(trial.is_fall for trial in trials)
    assert 2 <= falls <= 20
    for trial in trials:
        assert 15 < trial.seconds <= 20
        assert (trial.activity == "fall") == trial.is_fall


def test_seed_and_place_determine_the_trials() -> None:
    def peaks(seed: int, place: str) -> list[float]:
        trials = simulate_trials(3, seed, place, lambda *_: None)
        return [float(np.abs(trial.accel_mps2).max()) for trial in trials]

    assert peaks(1, "waist") == peaks(1, "waist")
    assert peaks(1, "waist") != peaks(2, "waist")
    assert len({tuple(peaks(1, place)) for place in PLACES}) == len(PLACES)


@pytest.mark.no_cover
def test_an_hour_of_an_ordinary_day_is_mostly_calm_and_has_no_fall() -> None:
    hours = simulate_hours(4, 1, "wrist", lambda *_: None)
    assert not any(hour.is_fall for hour in hours)
    for hour in hours:
        assert 3590 < hour.seconds <= 3600
        length = np.linalg.norm(hour.accel_mps2, axis=1) / 9.80665
        assert np.mean(np.abs(length - 1) > 0.5) < 0.1
