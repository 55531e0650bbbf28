"""All cases, in several processes, with results that are kept."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, final

import torch

from pipelines.in_process import InProcessRecognizer
from pipelines.lab.simulation.footage import SIMULATOR_VERSION, as_rendered
from pipelines.lab.simulation.pair import PairPlan
from pipelines.lab.studies.month.study import Methods
from pipelines.lab.studies.pairs.report import PairReport, report_pairs
from pipelines.lab.studies.pairs.results import (
    RESULTS_NAME,
    CaseResult,
    open_cases,
)
from pipelines.lab.studies.pairs.watching import run_case
from pipelines.live.subject import WatchSettings
from pipelines.progress import Progress


def plan_pairs(falls: int, carers: int, seed: int) -> list[PairPlan]:
    """Return the cases of a study; more of a kind leave the others as they are."""
    return [
        *(PairPlan("fall", seed, number) for number in range(falls)),
        *(PairPlan("carer", seed, number) for number in range(carers)),
    ]


def study_pairs(
    falls: int,
    carers: int,
    seed: int,
    methods: Methods,
    folder: Path,
    on_progress: Progress,
    *,
    workers: int | None = None,
) -> PairReport:
    """Run the cases that are not done yet, and report on all.

    Args:
        falls: Cases in which one of two people falls.
        carers: Cases in which a carer goes down on purpose.
        seed: Seed of the cases.
        methods: The checkpoint.
        folder: Existing folder that keeps the results, and the sheets of wrong cases.
        on_progress: Called after each case.
        workers: Number of processes; by default one for each core.

    Raises:
        CheckpointError: If the checkpoint cannot be used.
        PersonModelError: If a file of the person finder is missing or wrong.
        PipelineError: If the checkpoint does not look at poses, the folder holds
            another study, or this machine cannot render.
    """
    kept = open_cases(folder / RESULTS_NAME, _identity(seed, methods))
    plans = plan_pairs(falls, carers, seed)
    missing = [plan for plan in plans if (plan.kind, plan.number) not in kept.done]
    done = len(plans) - len(missing)
    on_progress("watching", done, len(plans), "")
    jobs = [_Job(plan, methods, folder) for plan in missing]
    for job, result in as_rendered(_run, jobs, workers):
        kept.add([result])
        done += 1
        on_progress("watching", done, len(plans), job.plan.name)
    results = [kept.done[plan.kind, plan.number] for plan in plans]
    return report_pairs(results, seed)


def _identity(seed: int, methods: Methods) -> dict[str, Any]:
    """Return what must be equal for cases of two runs to belong together."""
    built = methods.build()
    return {
        "seed": seed,
        "simulator_version": SIMULATOR_VERSION,
        "checkpoint": built.identity,
        "prompt_set": built.prompt_set.id,
        "settings": str(WatchSettings()),
    }


@final
@dataclass(frozen=True, slots=True)
class _Job:
    plan: PairPlan
    methods: Methods
    folder: Path


def _run(job: _Job) -> CaseResult:
    torch.set_num_threads(1)  # every core has a process of its own
    built = _built(job.methods)
    with InProcessRecognizer(built) as recognizer:
        return run_case(job.plan, recognizer, built.prompt_set.resolve, job.folder)


_built = lru_cache(1)(Methods.build)
