from fractions import Fraction

import numpy as np

from pipelines.lab.poses.pose_films import pose_films
from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate_motion
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ

PLAN = RecordingPlan(Stream.VALIDATION, 5, 1, 12.0, Fraction(8, 3))


def test_a_film_has_a_picture_and_its_label_for_each_step_of_the_grid() -> None:
    done: list[int] = []
    (film,) = pose_films([PLAN], done.append)
    assert done == [1]
    assert len(film.labels) == 32
    assert film.drawn.shape == (32, 32, 32, 3)
    assert film.drawn.any(axis=(1, 2, 3)).mean() > 0.5
    assert np.array_equal(film.pictures(np.array([3, 5])), film.drawn[[3, 5]])


def test_it_shows_the_plan_s_own_life() -> None:
    (film,) = pose_films([PLAN], lambda _: None)
    _, _, track = simulate_motion(PLAN)
    at = [round(i * 0.375 * SAMPLE_RATE_HZ) for i in range(32)]
    same = [film.labels[i] == track.labels[sample] for i, sample in enumerate(at)]
    assert np.mean(same) > 0.9  # a label may change within a sample's rounding
