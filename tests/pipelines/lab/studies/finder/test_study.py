"""The lives of the study, rendered and drawn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.lab.simulation.footage import Stream
from pipelines.lab.studies.finder.comparison import ALL
from pipelines.lab.studies.finder.study import DRAWS, plan_lives, study_finder
from pipelines.lab.studies.finder.truth import draw_errors
from tests.pipelines.lab.studies.finder.hand_made import life


def test_more_minutes_leave_the_lives_as_they_are() -> None:
    few, many = plan_lives(2, 7), plan_lives(4, 7)
    assert many[:2] == few
    assert {plan.stream for plan in many} == {Stream.VALIDATION}
    assert len({plan.index for plan in many}) == 4


def test_drawn_errors_are_about_the_true_places_and_never_mirrored() -> None:
    """A mirrored body would be 0.6 pictures away; one view may have other errors."""
    true, away = life(), []
    true.places[..., 0] += 0.3
    for seed in range(8):
        body = draw_errors(true, np.random.default_rng(seed))
        ways = np.linalg.norm(body.joints[..., :2] - true.places, axis=-1)
        away.append(np.median(ways[body.found]))
    assert sorted(away)[-2] < 0.2


@pytest.mark.slow
@pytest.mark.gst
def test_rendered_and_drawn_errors_of_the_same_life_are_compared(
    tmp_path: Path,
) -> None:
    plans = [replace(plan, duration_s=3.0) for plan in plan_lives(1, 1)]
    shown: list[tuple[str, int, int, str]] = []
    report = study_finder(plans, tmp_path, lambda *facts: shown.append(facts))
    assert [facts[:3] for facts in shown] == [("rendering", i, 1) for i in range(2)]
    assert (report.lives, report.seconds, report.draws) == (1, 3.0, DRAWS)
    lost = report.groups[ALL]["lost"]
    there = lost.pictures.counts["there"]
    assert there == 24
    assert lost.drawn.counts["there"] == DRAWS * there
    for figure in (
        report.groups[ALL]["error_p50"].pictures,
        report.groups[ALL]["error_p50"].drawn,
    ):
        assert figure.value is not None
        assert 0.01 < figure.value < 0.2
    again = study_finder(plans, tmp_path, lambda *_: None)  # renders nothing
    assert again.groups == report.groups
