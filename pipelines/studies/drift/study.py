"""The drift study from end to end."""

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
from pipelines.data.footage import Footage
from pipelines.data.truth import Resolve
from pipelines.live.drift_settings import DriftSettings
from pipelines.live.implied_accuracy import ImpliedAccuracy
from pipelines.progress import Progress
from pipelines.recognition import ActionRecognizer
from pipelines.studies.drift.bank import Room, Segment
from pipelines.studies.drift.false_alerts import (
    FalseAlerts,
    alerts_of_month,
    river_alerts,
    river_detectors,
)
from pipelines.studies.drift.injections import all_injections
from pipelines.studies.drift.report import (
    SIMULATED,
    Accuracy,
    DriftReport,
    Found,
    sum_up,
)
from pipelines.studies.drift.rooms import MEASURED, Survey
from pipelines.studies.drift.runs import Outcome, begin_run
from pipelines.studies.drift.streams import all_streams


@dataclass(frozen=True, slots=True)
class StudySize:
    """How much is measured.

    Attributes:
        months: Subject-months of each stable stream.
        runs: Of each injection.
        rooms: Simulated rooms, each with a camera of its own.
        plain_s: Footage of a room that teaches what is normal, seconds.
        changed_s: More of it, which every injection is made on.
        river_days: Days of clips that river's detectors see.
    """

    months: int = 200
    runs: int = 100
    rooms: int = 5
    plain_s: float = 420.0
    changed_s: float = 120.0
    river_days: float = 3.0


_FIRST_MONTH = 1000
"""Months of lower numbers served to choose the monitor's constants."""

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
    """Measure false alerts, what is found, and what confidence implies.

    Args:
        recognizer: What encodes and classifies.
        resolve: Gives its label for a label or alias of footage.
        settings: Of the monitor.
        size: How much is measured.
        seed: Of every choice.
        on_progress: Told of every step.
        footage: Real recordings, each a room of its own if it is long enough.

    Raises:
        PipelineError: If this machine renders no pictures.
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
    """Watch months on which nothing changes, on every core."""
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
    """Count a month's alerts on the stream of a name; for another process."""
    (found,) = (it for it in all_streams() if it.name == stream)
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
    """Let every injection happen that was made on the rooms' footage, on every core."""
    measured = rooms[0].injected.keys()
    injections = [
        it for it in all_injections() if it.kind not in MEASURED or it.name in measured
    ]
    outcomes: dict[str, list[Outcome]] = {it.name: [] for it in injections}
    with _workers() as pool:
        for room, seeds in _shares(rooms, size.runs, seed):
            # A room's segments go to a process once, not with every run.
            runs = partial(meet_all, room, settings, tuple(outcomes))
            for met in pool.map(runs, seeds):
                for name, outcome in met.items():
                    outcomes[name].append(outcome)
                done = len(outcomes[injections[0].name])
                on_progress("runs", done, size.runs, room.name)
    return {it.name: sum_up(it, outcomes[it.name]) for it in injections}


def meet_all(
    room: Room, settings: DriftSettings, names: tuple[str, ...], seed: int
) -> dict[str, Outcome]:
    """Learn once, and meet injections from there; for another process."""
    run = begin_run(room, settings, seed)
    return {it.name: run.meet(it) for it in all_injections() if it.name in names}


def _shares(
    rooms: Sequence[Room], runs: int, seed: int
) -> Iterator[tuple[Room, list[int]]]:
    """Deal runs out over rooms."""
    for place, room in enumerate(rooms):
        seeds = [seed + run for run in range(runs) if run % len(rooms) == place]
        if seeds:
            yield room, seeds


def _accuracies(rooms: Sequence[Room]) -> dict[str, Accuracy]:
    """Compare what confidence implies with the labels, over all rooms."""
    segments: dict[str, list[Segment]] = {}
    for room in rooms:
        for name, measured in room.injected.items():
            segments.setdefault(name, []).extend(measured)
    found = {}
    for name, gathered in segments.items():
        labelled = [it for it in gathered if not np.isnan(it.accuracy)]
        if labelled:
            running = ImpliedAccuracy(len(labelled))
            for it in labelled:
                running.add(it.confidence)
            true = float(np.mean([it.accuracy for it in labelled]))
            found[name] = Accuracy(running.estimate(), true)
    return found


def _workers() -> ProcessPoolExecutor:
    """Return processes, one for each core; spawned, for torch survives no fork."""
    cores = len(os.sched_getaffinity(0))
    return ProcessPoolExecutor(cores, mp_context=get_context("spawn"))
