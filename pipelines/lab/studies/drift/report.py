"""The results of the drift study as records, JSON and table rows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from pipelines.lab.studies.drift.false_alerts import FalseAlerts
from pipelines.lab.studies.drift.injections import Injection, all_injections
from pipelines.lab.studies.drift.runs import WITHIN_S, Outcome
from pipelines.lab.studies.intervals import wilson_interval

SIMULATED = "simulated ward"
"""Name of the simulated footage, whose figures come first."""
WANTED_DETECTED, WANTED_CAUSE = 0.95, 0.80
"""Required shares of changes detected in time, and with the right cause."""
_MUST = frozenset(injection.name for injection in all_injections() if injection.must)


@dataclass(frozen=True, slots=True)
class Found:
    """The results of all runs of one injection.

    Attributes:
        runs: Number of runs.
        in_time: Runs with an alert within a quarter of an hour.
        ever: Runs with an alert within six hours.
        delay_p50_s: Median delay of these alerts; None without any.
        cause_right: Number of these alerts that named the right cause.
        causes: Number of alerts by named cause.
    """

    runs: int
    in_time: int
    ever: int
    delay_p50_s: float | None
    cause_right: int
    causes: Mapping[str, int]

    @property
    def detected_share(self) -> float:
        """Share of runs with an alert in time."""
        return self.in_time / self.runs

    @property
    def cause_right_share(self) -> float | None:
        """Share of the alerts that named the right cause."""
        return self.cause_right / self.ever if self.ever else None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Implied accuracy, and accuracy according to the labels, over the same clips.

    ``implied`` is an estimate with the bounds of its 95 % interval, or None with too
    few clips.
    """

    implied: tuple[float, float, float] | None
    true: float


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The results of the whole study.

    Attributes:
        stated_per_month: The rate of false alerts that the monitor is set to.
        false_alerts: False alerts by stable stream.
        river: False alerts by detector of river, at an autocorrelation of 0.9.
        found: Detections by footage, then by injection.
        accuracy: Accuracies by injection, where the footage is labelled.
        calibrated: Whether the confidences are calibrated.
    """

    stated_per_month: float
    false_alerts: Mapping[str, FalseAlerts]
    river: Mapping[str, FalseAlerts]
    found: Mapping[str, Mapping[str, Found]]
    accuracy: Mapping[str, Accuracy]
    calibrated: bool


def sum_up(injection: Injection, outcomes: Sequence[Outcome]) -> Found:
    """Summarise the outcomes of one injection."""
    delays = [outcome.delay_s for outcome in outcomes if outcome.delay_s is not None]
    causes: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.cause is not None:
            causes[outcome.cause] = causes.get(outcome.cause, 0) + 1
    return Found(
        runs=len(outcomes),
        in_time=sum(delay <= WITHIN_S for delay in delays),
        ever=len(delays),
        delay_p50_s=float(np.median(delays)) if delays else None,
        cause_right=causes.get(injection.cause, 0),
        causes=causes,
    )


def report_json(report: DriftReport) -> dict[str, object]:
    """Return the report as JSON; the injections of the first footage are at the top."""
    first = next(iter(report.found.values()), {})
    return {
        "stated_per_subject_month": report.stated_per_month,
        "false_alerts_per_subject_month": {
            name: counted.per_month for name, counted in report.false_alerts.items()
        },
        "river_false_alerts_per_subject_month": {
            name: counted.per_month for name, counted in report.river.items()
        },
        "detected_share": {
            name: result.detected_share for name, result in first.items()
        },
        "delay_p50_s": {name: result.delay_p50_s for name, result in first.items()},
        "cause_right_share": {
            name: result.cause_right_share for name, result in first.items()
        },
        "calibrated": report.calibrated,
        "wanted": {
            name: {
                "detected_in_time": result.detected_share >= WANTED_DETECTED,
                "cause_right": (result.cause_right_share or 0.0) >= WANTED_CAUSE,
            }
            for name, result in first.items()
            if name in _MUST
        },
        "accuracy": {
            name: asdict(accuracy) for name, accuracy in report.accuracy.items()
        },
        "counts": {
            "false_alerts": {
                name: {**asdict(counted), "interval": counted.interval}
                for name, counted in {**report.false_alerts, **report.river}.items()
            },
            "found": {
                footage: {name: asdict(result) for name, result in found.items()}
                for footage, found in report.found.items()
            },
        },
    }


def false_alert_rows(report: DriftReport) -> Sequence[tuple[str, ...]]:
    """Return rows of stream or detector, alerts a subject-month, interval, counts."""
    rows = []
    for name, counted in {**report.false_alerts, **report.river}.items():
        low, high = counted.interval or (float("nan"), float("nan"))
        label = f"river {name}, rho 0.9" if name in report.river else name
        rows.append(
            (
                label,
                f"{counted.per_month:.3g}",
                f"{low:.3g} to {high:.3g}",
                f"{counted.alerts} in {counted.months:.3g} months",
            )
        )
    return rows


def found_rows(found: Mapping[str, Found]) -> Sequence[tuple[str, ...]]:
    """Return rows of injection, share in time, interval, delay, cause right, causes.

    A star marks those that must be detected in ``WANTED_DETECTED`` of the runs.
    """
    rows = []
    for name, result in found.items():
        low, high = wilson_interval(result.in_time, result.runs) or (0.0, 1.0)
        right = result.cause_right_share
        named = sorted(result.causes.items(), key=lambda pair: -pair[1])
        rows.append(
            (
                f"{name} *" if name in _MUST else name,
                f"{result.detected_share:.2f}",
                f"{low:.2f} to {high:.2f}",
                "-"
                if result.delay_p50_s is None
                else f"{result.delay_p50_s / 60:.1f} min",
                "-" if right is None else f"{right:.2f}",
                ", ".join(f"{cause} {count}" for cause, count in named),
            )
        )
    return rows


def accuracy_rows(report: DriftReport) -> Sequence[tuple[str, ...]]:
    """Return rows of injection, implied accuracy, its interval, and the true one."""
    rows = []
    for name, accuracy in report.accuracy.items():
        implied = ("-", "-")
        if accuracy.implied is not None:
            mean, low, high = accuracy.implied
            implied = (f"{mean:.3f}", f"{low:.3f} to {high:.3f}")
        rows.append((name, *implied, f"{accuracy.true:.3f}"))
    return rows
