"""Blocks of five minutes: a week to learn, and what changes after it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pipelines.clock import NS_PER_S
from pipelines.live.drift.monitor import DriftMonitor
from pipelines.live.drift.settings import SIGNALS, DriftSettings
from pipelines.records import DriftAlert

NAMES = tuple(SIGNALS)
USUAL = {
    "confidence": 0.7,
    "margin": 0.5,
    "entropy": 0.8,
    "distance": 0.1,
    "luma": 110.0,
    "sharpness": 0.2,
    "covered": 0.2,
    "black": 0.05,
    "shift": 0.5,
    "imu_missing": 0.0,
    "imu_offset": 0.0,
}
SETTINGS = DriftSettings(learning_days=2)


def blocks(count: int, seed: int = 0, **changed: float) -> np.ndarray:
    """Return blocks of usual values, some of them moved by deviations of a block."""
    rng = np.random.default_rng(seed)
    away = rng.normal(0, 1, (count, len(NAMES)))
    for name, by in changed.items():
        away[:, NAMES.index(name)] += by
    return np.array(list(USUAL.values())) + np.array(list(SIGNALS.values())) * away


def learnt(settings: DriftSettings = SETTINGS) -> DriftMonitor:
    monitor = DriftMonitor("bed-4", settings)
    for number, means in enumerate(blocks(settings.learning_blocks)):
        assert monitor.add_block(number, means) == []
    return monitor


def follow(
    monitor: DriftMonitor, rows: np.ndarray, first: int = 576
) -> list[DriftAlert]:
    return [
        alert
        for number, means in enumerate(rows, start=first)
        for alert in monitor.add_block(number, means)
    ]


def test_it_learns_for_as_long_as_it_is_told_and_says_how_long() -> None:
    monitor = DriftMonitor("bed-4", SETTINGS)
    assert (monitor.state, monitor.learning_left_s) == ("learning", 2 * 86_400)
    for number, means in enumerate(blocks(576)):
        assert monitor.state == "learning"
        monitor.add_block(number, means)
    assert (monitor.state, monitor.learning_left_s) == ("watching", 0.0)


def test_a_great_change_is_told_with_its_size_cause_and_time() -> None:
    (alert,) = follow(learnt(), blocks(4, seed=1, luma=-30.0))
    assert (alert.signal, alert.cause, alert.state) == ("luma", "dark", "alerted")
    assert alert.change == pytest.approx(-60, abs=6)
    assert alert.statistic >= alert.threshold
    five_minutes_ns = 300 * NS_PER_S
    assert alert.since_ns == 576 * five_minutes_ns
    assert alert.decided_ns <= (576 + 3) * five_minutes_ns


def test_it_recovers_once_things_are_normal_on_average_and_arms_again() -> None:
    monitor = learnt()
    changes = np.concatenate(
        [blocks(10, 1, shift=20.0), blocks(40, 2), blocks(10, 3, shift=20.0)]
    )
    turns = [(it.state, it.signal) for it in follow(monitor, changes)]
    assert turns == [("alerted", "shift"), ("recovered", "shift"), ("alerted", "shift")]
    assert monitor.state == "alerted"


def test_the_same_alert_keeps_its_id_when_it_recovers() -> None:
    changes = np.concatenate([blocks(6, 1, covered=30.0), blocks(40, 2)])
    alerted, recovered = follow(learnt(), changes)
    assert alerted.alert_id == recovered.alert_id
    assert recovered.decided_ns > alerted.decided_ns


def test_what_is_not_measured_raises_nothing() -> None:
    gaps = np.full((50, len(NAMES)), np.nan)
    assert follow(learnt(), gaps) == []


@pytest.mark.slow
def test_to_learn_anew_forgets_what_was_normal() -> None:
    monitor = learnt()
    monitor.relearn()
    assert monitor.state == "learning"
    darker = blocks(SETTINGS.learning_blocks + 30, seed=5, luma=-30.0)
    assert follow(monitor, darker) == []


def test_values_are_averaged_over_the_block_of_their_time() -> None:
    monitor = DriftMonitor("bed-4", SETTINGS)
    for second in range(0, 301, 10):
        monitor.observe(second * NS_PER_S, {"luma": float(second < 150)})
    assert monitor.blocks == 1
    assert monitor.latest[NAMES.index("luma")] == pytest.approx(0.5)
    assert np.isnan(monitor.latest[NAMES.index("confidence")])


def test_what_comes_late_counts_for_the_block_that_is_open() -> None:
    monitor = DriftMonitor("bed-4", SETTINGS)
    for second in (0, 200, 299, 301, 298, 550, 601):
        monitor.observe(second * NS_PER_S, {"luma": float(second)})
    assert monitor.blocks == 2
    assert monitor.latest[NAMES.index("luma")] == pytest.approx((301 + 298 + 550) / 3)


def test_a_block_that_was_hardly_seen_does_not_count() -> None:
    monitor = DriftMonitor("bed-4", SETTINGS)
    for second in (290, 295, 300, 500, 601):
        monitor.observe(second * NS_PER_S, {"luma": float(second)})
    assert monitor.blocks == 1


@pytest.mark.slow
@pytest.mark.parametrize("learnt_blocks", [100, 576, 580])
def test_a_restart_changes_nothing(learnt_blocks: int) -> None:
    rows = np.concatenate([blocks(578), blocks(60, 1, margin=9.0), blocks(60, 2)])
    unbroken, broken = (DriftMonitor("bed-4", SETTINGS) for _ in range(2))
    expected = follow(unbroken, rows, first=0)
    alerts = follow(broken, rows[:learnt_blocks], first=0)
    restarted = DriftMonitor("bed-4", SETTINGS)
    restarted.restore(json.loads(json.dumps(broken.snapshot())))
    alerts += follow(restarted, rows[learnt_blocks:], first=learnt_blocks)
    assert [(it.alert_id, it.state, it.cause) for it in alerts] == [
        (it.alert_id, it.state, it.cause) for it in expected
    ]
    assert len(expected) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sums", [1.0]),
        ("sums", [[float("nan")] * len(NAMES)] * 2),
        ("threshold", float("nan")),
        ("mean", [[0.0] * len(NAMES)] * 23),
        ("deviation", [[0.0] * len(NAMES)] * 24),
        ("standing", [{"alert": {"signal": "luma"}, "followed": []}]),
        ("taken", None),
    ],
)
def test_a_damaged_memory_is_refused_and_nothing_is_kept(
    field: str, value: object
) -> None:
    monitor = DriftMonitor("bed-4", SETTINGS)
    memory = learnt().snapshot()
    memory["watching"][field] = value
    with pytest.raises((ValueError, LookupError, TypeError)):
        monitor.restore(memory)
    assert (monitor.state, monitor.blocks) == ("learning", 0)


@pytest.mark.parametrize(
    ("field", "value"), [("hours", [1, 2]), ("hours", [24]), ("learnt", [[1.0, 2.0]])]
)
def test_a_damaged_learning_period_is_refused(field: str, value: object) -> None:
    monitor = DriftMonitor("bed-4", SETTINGS)
    for number, means in enumerate(blocks(1)):
        monitor.add_block(number, means)
    memory = {**monitor.snapshot(), field: value}
    with pytest.raises((ValueError, LookupError, TypeError)):
        DriftMonitor("bed-4", SETTINGS).restore(memory)


def test_silence_is_not_taken_for_normal_again() -> None:
    monitor = learnt()
    silent = blocks(60, 2)
    silent[:, NAMES.index("shift")] = np.nan
    changes = np.concatenate([blocks(6, 1, shift=20.0), silent])
    assert [it.state for it in follow(monitor, changes)] == ["alerted"]


def test_an_alert_that_stands_does_not_make_the_watch_deaf() -> None:
    monitor = learnt()
    knocked = blocks(288 + 40, 1, shift=20.0)
    also_dark = blocks(20, 2, shift=20.0, luma=-30.0)
    back = blocks(60, 3)
    alerts = follow(monitor, np.concatenate([knocked, also_dark, back]))
    states = [(it.state, it.signal) for it in alerts]
    assert states[:2] == [("alerted", "shift"), ("alerted", "luma")]
    assert sorted(states[2:]) == [("recovered", "luma"), ("recovered", "shift")]
    assert monitor.state == "watching"


def test_a_signal_that_was_never_learnt_raises_nothing() -> None:
    monitor = DriftMonitor("bed-4", SETTINGS)
    unworn = blocks(576)
    unworn[:, NAMES.index("imu_missing")] = np.nan
    for number, means in enumerate(unworn):
        monitor.add_block(number, means)
    assert follow(monitor, blocks(50, 1, imu_missing=50.0)) == []


def test_no_single_block_alerts() -> None:
    monitor = DriftMonitor("bed-4", SETTINGS)
    still = np.tile(list(USUAL.values()), (576, 1))
    for number, means in enumerate(still):
        monitor.add_block(number, means)
    flicker = np.concatenate([blocks(1, 1, luma=100.0), still[:20]])
    assert follow(monitor, flicker) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("block_s", 0.5), ("learning_days", 1.0), ("false_alert_days", float("inf"))],
)
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be"):
        replace(SETTINGS, **{name: value})  # type: ignore[arg-type]  # one float each


def test_hours_of_the_day_follow_a_correction_of_the_clock() -> None:
    right, behind = (DriftMonitor("bed-4", SETTINGS) for _ in range(2))
    behind.correction_ns = 5 * 3600 * NS_PER_S
    a_day = int(86_400 / SETTINGS.block_s)
    five_hours = int(5 * 3600 / SETTINGS.block_s)
    for number, means in enumerate(blocks(a_day)):
        right.add_block(number + five_hours, means)
        behind.add_block(number, means)
    hours = behind.snapshot()["hours"]
    assert hours[0] == 5
    assert hours == right.snapshot()["hours"]


def test_a_restarted_monitor_gets_the_times_of_its_alerts_in_utc() -> None:
    monitor = learnt()
    (alert,) = follow(monitor, blocks(12, luma=6.0))
    monitor.correction_ns = 31 * 86_400 * NS_PER_S
    again = DriftMonitor("bed-4", SETTINGS)
    again.restore(json.loads(json.dumps(monitor.snapshot())))
    assert again.detector is not None
    (standing,) = again.detector.open_alerts
    assert standing.since_ns - alert.since_ns == monitor.correction_ns
    assert standing.decided_ns - alert.decided_ns == monitor.correction_ns
    assert standing.alert_id == alert.alert_id
