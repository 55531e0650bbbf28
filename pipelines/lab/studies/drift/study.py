"""Run the whole drift study."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from pipelines.clock import SystemClock
from pipelines.lab.data.footage import Footage
from pipelines.lab.data.truth import Resolve
from pipelines.lab.studies.drift.bank import Room, Segment
from pipelines.lab.studies.drift.false_alerts import (
    FalseAlerts,
    alerts_of_month,
    river_alerts,
    river_detectors,
)
from pipelines.lab.studies.drift.injections import all_injections
from pipelines.lab.studies.drift.report import (
    SIMULATED,
    Accuracy,
    DriftReport,
    Found,
    sum_up,
)
from pipelines.lab.studies.drift.rooms import MEASURED, Survey
from pipelines.lab.studies.drift.runs import Outcome, begin_run
from pipelines.lab.studies.drift.streams import all_streams
from pipelines.live.drift.implied_accuracy import ImpliedAccuracy
from pipelines.live.drift.settings import DriftSettings
from pipelines.progress import Progress
from pipelines.recognition import ActionRecognizer


@dataclass(frozen=True, slots=True)
class StudySize:
    """The size of the study.

    Attributes:
        months: Subject-months of each stable stream.
        runs: Runs of each injection.
        rooms: Simulated rooms, each with its own camera.
        plain_s: Seconds of unchanged footage of a room for the baseline.
        changed_s: Seconds of further footage, to which every injection is applied.
        river_days: Days of clips for river's detectors.
    """

    months: int = 200
    runs: int = 100
    rooms: int = 5
    plain_s: float = 420.0
    changed_s: float = 120.0
    river_days: float = 3.0


_FIRST_MONTH = 1000
"""Lower numbers were used to choose the monitor's constants."""

QUICK = StudySize(8, 12, 2, 180.0, 90.0, 0.25)


async def study_drift(
    recognizer: ActionRecognizer,
    resolve: Resolve,
    settings: DriftSettings,
    size: StudySize,
    seed: int,
    on_progress: Progress,
    footage: Footage | None = None,
) -> DriftReport:
    """Measure false alerts, detections, and implied accuracy.

    A real recording that is long enough is a room of its own.

    Raises:
        PipelineError: If this machine cannot render.
    """
    survey = Survey(recognizer, resolve, SystemClock(), seed, on_progress)
    with TemporaryDirectory(prefix="wardwatch-drift-") as scratch:
        rooms = await survey.simulated(
            Path(scratch), size.rooms, size.plain_s, size.changed_s
        )
    real = [] if footage is None else await survey.recorded(footage)
    months = _count_months(settings, size, seed, on_progress)
    river = _count_river(size, seed, on_progress)
    found = {SIMULATED: _find(rooms, settings, size, seed, on_progress)}
    if real:
        found["real footage"] = _find(real, settings, size, seed, on_progress)
    return DriftReport(
        stated_per_month=30.0 / settings.false_alert_days,
        false_alerts=months,
        river=river,
        found=found,
        accuracy=_accuracies(rooms),
        calibrated="video" in recognizer.info.cosine_floors,
    )


def _count_months(
    settings: DriftSettings, size: StudySize, seed: int, on_progress: Progress
) -> dict[str, FalseAlerts]:
    """Count alerts in months without changes, on every core."""
    counted: dict[str, FalseAlerts] = {}
    with _workers() as pool:
        for stream in all_streams():
            month = partial(count_alerts, stream.name, settings)
            first = _FIRST_MONTH + seed * size.months
            seeds = range(first, first + size.months)
            alerts: list[int] = []
            for count in pool.map(month, seeds):
                alerts.append(count)
                on_progress("stable months", len(alerts), size.months, stream.name)
            counted[stream.name] = FalseAlerts(sum(alerts), len(alerts))
    return counted


def count_alerts(stream: str, settings: DriftSettings, seed: int) -> int:
    """Count a month's alerts on the stream of a name, in another process."""
    (found,) = (candidate for candidate in all_streams() if candidate.name == stream)
    return alerts_of_month(found, settings, seed)


def _count_river(
    size: StudySize, seed: int, on_progress: Progress
) -> dict[str, FalseAlerts]:
    counted: dict[str, FalseAlerts] = {}
    detectors = river_detectors()
    for name, make in detectors.items():
        on_progress("river", len(counted) + 1, len(detectors), name)
        counted[name] = river_alerts(make, size.river_days, seed)
    return counted


def _find(
    rooms: Sequence[Room],
    settings: DriftSettings,
    size: StudySize,
    seed: int,
    on_progress: Progress,
) -> dict[str, Found]:
    """Run every injection that was applied to the rooms' footage, on every core."""
    measured = rooms[0].injected.keys()
    injections = [
        injection
        for injection in all_injections()
        if injection.kind not in MEASURED or injection.name in measured
    ]
    outcomes: dict[str, list[Outcome]] = {
        injection.name: [] for injection in injections
    }
    with _workers() as pool:
        for room, seeds in _shares(rooms, size.runs, seed):
            # A room's segments are sent to a process once, not with every run.
            runs = partial(run_all, room, settings, tuple(outcomes))
            for finished in pool.map(runs, seeds):
                for name, outcome in finished.items():
                    outcomes[name].append(outcome)
                done = len(outcomes[injections[0].name])
                on_progress("runs", done, size.runs, room.name)
    return {
        injection.name: sum_up(injection, outcomes[injection.name])
        for injection in injections
    }


def run_all(
    room: Room, settings: DriftSettings, names: tuple[str, ...], seed: int
) -> dict[str, Outcome]:
    """Learn once and run injections from there, in another process."""
    run = begin_run(room, settings, seed)
    return {
        injection.name: run.run_with(injection)
        for injection in all_injections()
        if injection.name in names
    }


def _shares(
    rooms: Sequence[Room], runs: int, seed: int
) -> Iterator[tuple[Room, list[int]]]:
    """Distribute runs over rooms."""
    for place, room in enumerate(rooms):
        seeds = [seed + run for run in range(runs) if run % len(rooms) == place]
        if seeds:
            yield room, seeds


def _accuracies(rooms: Sequence[Room]) -> dict[str, Accuracy]:
    """Compare implied accuracy with accuracy by labels, over all rooms."""
    segments: dict[str, list[Segment]] = {}
    for room in rooms:
        for name, measured in room.injected.items():
            segments.setdefault(name, []).extend(measured)
    found = {}
    for name, gathered in segments.items():
        labelled = [segment for segment in gathered if not np.isnan(segment.accuracy)]
        if labelled:
            running = ImpliedAccuracy(len(labelled))
            for segment in labelled:
                running.add(segment.confidence)
            true = float(np.mean([segment.accuracy for segment in labelled]))
            found[name] = Accuracy(running.estimate(), true)
    return found


def _workers() -> ProcessPoolExecutor:
    """Return a spawned process for each core, because torch does not survive a fork."""
    cores = len(os.sched_getaffinity(0))
    return ProcessPoolExecutor(cores, mp_context=get_context("spawn"))
