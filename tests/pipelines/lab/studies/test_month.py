"""The simulated month: its hours, their chain, what is kept and what is reported."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from models.build import build_recognizer
from models.clip.card import Card, write_card
from models.person.pose_history import PoseHistory
from models.person.pose_picture import JOINTS
from pipelines.errors import PipelineError
from pipelines.in_process import InProcessRecognizer
from pipelines.lab.poses.pose_lives import PoseRuns
from pipelines.lab.studies.matching import Episode
from pipelines.lab.studies.month import watching
from pipelines.lab.studies.month.hours import (
    MonthPlan,
    SeenHour,
    see_filmed_hour,
    see_hour,
)
from pipelines.lab.studies.month.report import report_month
from pipelines.lab.studies.month.results import (
    RESULTS_NAME,
    FalseFall,
    Found,
    HourResult,
    hour_result,
    open_results,
)
from pipelines.lab.studies.month.study import Methods, study_month
from pipelines.live.subject import WatchSettings
from tests.tiny_checkpoint import save_tiny_checkpoint

SHORT = MonthPlan(seed=4, hours_a_fall=2, hour_s=60.0)
NONE = lambda *_: None  # noqa: E731


@pytest.fixture(scope="module")
def hours() -> list[SeenHour]:
    return [see_hour(SHORT.hour(i)) for i in range(3)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny-pose")
    write_card(folder, Card("pose", 0.7))
    return folder


def test_one_hour_of_fifty_falls_and_hours_are_those_of_days() -> None:
    plan = MonthPlan(seed=2)
    for block in range(4):
        fifty = range(50 * block, 50 * block + 50)
        assert sum(plan.hour(i).falls for i in fifty) == 1
    assert [plan.hour(i).hour_of_day for i in (0, 23, 24, 25)] == [0, 23, 0, 1]
    assert {i for i in range(200) if plan.hour(i).falls} != {
        i for i in range(200) if MonthPlan(seed=3).hour(i).falls
    }


def test_the_truth_of_an_hour_has_its_planned_fall(hours: list[SeenHour]) -> None:
    for hour in hours:
        assert len(hour.truth.falls) == hour.plan.falls
        assert not hour.truth.long_lies
        assert hour.steps == 480


def test_equal_plans_give_equal_hours(hours: list[SeenHour]) -> None:
    again = see_hour(SHORT.hour(1))
    assert np.array_equal(again.run.joints, hours[1].run.joints)
    assert again.run.labels == hours[1].run.labels


def test_pictures_are_those_of_a_live_history(hours: list[SeenHour]) -> None:
    hour = max(hours, key=lambda each: each.run.found.sum())
    history, run = PoseHistory(), hour.run
    compared = 0
    for step in range(200):
        if run.found[step]:
            landmarks = np.zeros((33, 3), np.float32)
            landmarks[list(JOINTS)] = run.joints[step]
            history.add(step, landmarks)
            drawn = watching.pictures([hour], step)[0].astype(int)
            assert np.abs(drawn - history.picture(step)).max() <= 1
            compared += 1
    assert compared > 100


def test_an_hour_beside_others_has_the_events_that_it_has_alone(
    hours: list[SeenHour], checkpoint: Path
) -> None:
    settings = WatchSettings()
    with InProcessRecognizer(build_recognizer(checkpoint)) as recognizer:
        together = asyncio.run(watching.watch_hours(hours, recognizer, settings))
        alone = asyncio.run(watching.watch_hours(hours[1:2], recognizer, settings))
    assert together[1] == alone[0]


def test_a_false_fall_has_the_activity_before_it(hours: list[SeenHour]) -> None:
    calm = next(hour for hour in hours if not hour.truth.falls)
    begin_s, name = calm.activities.begins_s[3], calm.activities.names[3]
    at_ns = round((begin_s + 0.7) * 1e9)
    raised = Episode(at_ns, at_ns + 10**9, at_ns + 2 * 10**9, 0.9)
    (false,) = hour_result(calm, {"x": [raised]}).found["x"].false
    assert false.activity == calm.activities.at(begin_s + 0.1) == name


def test_a_fall_found_is_not_false(hours: list[SeenHour]) -> None:
    hour = next(hour for hour in hours if hour.truth.falls)
    onset_ns = hour.truth.falls[0].onset_ns
    raised = Episode(onset_ns, onset_ns + 2 * 10**9, onset_ns + 3 * 10**9, 0.9)
    result = hour_result(hour, {"x": [raised]})
    assert result.found["x"] == Found((2.0,), (), 0)
    assert sum(result.spent_s.values()) == result.seconds == 60.0


def result(index: int, *activities: str, falls: int = 0, found: int = 0) -> HourResult:
    false = tuple(FalseFall(1.0, 2.0, name, "sitting") for name in activities)
    of_model = Found((1.5,) * found, false, 0)
    return HourResult(index, 3600.0, falls, {"sitting": 3600.0}, {"model": of_model})


def test_the_report_counts_false_falls_in_camera_days() -> None:
    results = [result(i) for i in range(46)]
    results += [result(46, "sit", "sit", "jog"), result(47, falls=2, found=1)]
    report = report_month(results, 1)
    model = report.methods["model"]
    rate = model.figures["false_falls_per_camera_day"]
    assert rate.value == pytest.approx(1.5)  # 3 in two days
    # Garwood's table has 0.619 to 8.767 for 3 events
    assert rate.interval == pytest.approx((0.619 / 2, 8.767 / 2), abs=1e-3)
    assert model.figures["recall"].counts == {"found": 1, "falls": 2}
    assert dict(model.causes) == {"sit": 2, "jog": 1}
    assert model.hours_with_false == 1
    assert model.by_hours is not None
    assert rate.interval is not None
    assert model.by_hours[1] > rate.interval[1]  # all three in one hour
    assert report.spent == {"sitting": 1.0}


def test_hours_are_read_again_and_an_unfinished_line_is_dropped(
    tmp_path: Path,
) -> None:
    path = tmp_path / RESULTS_NAME
    kept = open_results(path, {"seed": 1})
    kept.add([result(0, "sit"), result(1, falls=1, found=1)])
    whole = path.read_text()
    path.write_text(whole + '{"index": 2, "sec')
    again = open_results(path, {"seed": 1})
    assert again.done == kept.done
    assert path.read_text() == whole


def test_another_month_or_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / RESULTS_NAME
    open_results(path, {"seed": 1}).add([result(0)])
    with pytest.raises(PipelineError, match=r"holds another study; choose another"):
        open_results(path, {"seed": 2})
    path.write_text(path.read_text() + "nonsense\n")
    with pytest.raises(PipelineError, match=r"is damaged; remove it"):
        open_results(path, {"seed": 1})


@pytest.mark.slow
def test_a_month_goes_on_where_it_was(checkpoint: Path, tmp_path: Path) -> None:
    methods = Methods(str(checkpoint))
    study_month(SHORT, 2, methods, tmp_path, NONE, workers=1)
    first = (tmp_path / RESULTS_NAME).read_text().splitlines()
    shown: list[tuple[int, int]] = []
    report = study_month(
        SHORT, 3, methods, tmp_path, lambda *f: shown.append((f[1], f[2])), workers=1
    )
    lines = (tmp_path / RESULTS_NAME).read_text().splitlines()
    assert lines[:3] == first
    assert [json.loads(line)["index"] for line in lines[1:]] == [0, 1, 2]
    assert shown == [(2, 3), (3, 3)]
    assert report.hours == pytest.approx(0.05)
    assert set(report.methods) == {"model", "rule"}


def test_a_checkpoint_of_pictures_is_refused(tmp_path: Path) -> None:
    folder = save_tiny_checkpoint(tmp_path / "tiny")
    with pytest.raises(PipelineError, match=r"looks at pictures; this study needs"):
        study_month(SHORT, 1, Methods(str(folder)), tmp_path, NONE)


@pytest.mark.slow
def test_a_filmed_hour_is_seen_as_its_film_was_kept(tmp_path: Path) -> None:
    plan = MonthPlan(seed=4, hours_a_fall=2, hour_s=5.0).hour(8)
    seen = see_filmed_hour(plan, tmp_path)
    assert seen.steps == 40
    drawn = see_hour(plan)
    assert seen.run.labels == drawn.run.labels
    assert seen.run.found.sum() > 20
    assert not np.array_equal(seen.run.joints, drawn.run.joints)
    (kept,) = tmp_path.iterdir()
    runs = PoseRuns.load(kept)
    runs.joints[:] += 1
    runs.save(kept)
    again = see_filmed_hour(plan, tmp_path)
    assert np.array_equal(again.run.joints, runs.joints[0])
    assert again.activities == seen.activities
