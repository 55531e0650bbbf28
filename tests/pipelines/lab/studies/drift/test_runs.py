import json
from pathlib import Path

import numpy as np
import pytest

from pipelines.lab.studies.drift.bank import Room, Segment
from pipelines.lab.studies.drift.false_alerts import (
    FalseAlerts,
    alerts_of_month,
    river_alerts,
    river_detectors,
)
from pipelines.lab.studies.drift.injections import all_injections
from pipelines.lab.studies.drift.report import (
    Accuracy,
    DriftReport,
    report_json,
    sum_up,
)
from pipelines.lab.studies.drift.report_files import write_report
from pipelines.lab.studies.drift.runs import Outcome, begin_run
from pipelines.lab.studies.drift.streams import autocorrelated
from pipelines.live.drift.settings import SIGNALS, DriftSettings

NAMES = tuple(SIGNALS)
INJECTIONS = {it.name: it for it in all_injections()}
SETTINGS = DriftSettings(learning_days=2)


def segments(seed: int, **means: float) -> tuple[Segment, ...]:
    rng = np.random.default_rng(seed)
    usual = dict.fromkeys(NAMES, 0.5) | {"luma": 110.0, "imu_missing": 0.0}
    usual |= {"imu_offset": 0.0} | means
    spread = 0.5 * np.array(list(SIGNALS.values()))
    spread[[NAMES.index("imu_missing"), NAMES.index("imu_offset")]] = 0
    rows = np.array(list(usual.values())) + spread * rng.normal(size=(8, len(NAMES)))
    return tuple(
        Segment(row, resting=number < 3, confidence=0.7, accuracy=0.7)
        for number, row in enumerate(rows)
    )


@pytest.fixture(scope="module")
def room() -> Room:
    changed = {"dimmed to 1/10": segments(1, luma=12.0), "nothing": segments(0)}
    return Room("room", segments(0), changed)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("dimmed to 1/10", "dark"),
        ("IMU unplugged", "imu silent"),
        ("IMU clock jump of 5 s", "imu offset"),
    ],
)
def test_a_change_is_found_in_time_and_named(room: Room, name: str, cause: str) -> None:
    outcome = begin_run(room, SETTINGS, seed=1).run_with(INJECTIONS[name])
    assert outcome.cause == cause
    assert outcome.delay_s is not None
    assert 0 < outcome.delay_s <= 900


def test_other_prompts_are_told_at_once(room: Room) -> None:
    outcome = begin_run(room, SETTINGS, seed=1).run_with(INJECTIONS["other prompts"])
    assert outcome == Outcome(0.0, "model")


def test_nothing_is_found_where_nothing_changes(room: Room) -> None:
    for seed in range(3):
        run = begin_run(room, SETTINGS, seed)
        assert run.run_with(INJECTIONS["nothing"]) == Outcome(None, None)


def test_outcomes_are_summed_up() -> None:
    outcomes = [
        Outcome(300.0, "dark"),
        Outcome(900.0, "covered"),
        Outcome(1500.0, "dark"),
        Outcome(None, None),
    ]
    found = sum_up(INJECTIONS["dimmed to 1/2"], outcomes)
    assert (found.in_time, found.ever, found.delay_p50_s) == (2, 3, 900.0)
    assert found.detected_share == 0.5
    assert found.cause_right_share == pytest.approx(2 / 3)


@pytest.mark.no_cover
def test_a_stable_month_has_few_alerts_and_river_s_detector_has_many() -> None:
    alerts = sum(
        alerts_of_month(autocorrelated(0.9), SETTINGS, seed) for seed in range(3)
    )
    assert alerts <= 9
    wild = DriftSettings(learning_days=2, false_alert_days=2)
    assert alerts_of_month(autocorrelated(0.9), wild, seed=0) > 3
    river = river_alerts(river_detectors()["ADWIN"], days=0.1, seed=0)
    assert river.per_month > 100


def test_the_report_is_written_for_people_and_programs(tmp_path: Path) -> None:
    found = sum_up(INJECTIONS["dimmed to 1/2"], [Outcome(300.0, "dark")])
    report = DriftReport(
        stated_per_month=1.0,
        false_alerts={"quiet": FalseAlerts(3, 4)},
        river={"ADWIN": FalseAlerts(100, 0.1)},
        found={"simulated ward": {"dimmed to 1/2": found}},
        accuracy={"nothing": Accuracy((0.7, 0.6, 0.8), 0.65)},
        calibrated=True,
    )
    facts = report_json(report)
    assert facts["false_alerts_per_subject_month"] == {"quiet": 0.75}
    assert facts["river_false_alerts_per_subject_month"] == {"ADWIN": 1000.0}
    assert facts["detected_share"] == {"dimmed to 1/2": 1.0}
    assert facts["delay_p50_s"] == {"dimmed to 1/2": 300.0}
    assert facts["cause_right_share"] == {"dimmed to 1/2": 1.0}
    data, table, picture = write_report(report, tmp_path / "out")
    assert json.loads(data.read_text())["detected_share"] == facts["detected_share"]
    assert "| dimmed to 1/2 | 1.00 |" in table.read_text()
    assert picture.read_bytes().startswith(b"\x89PNG")
