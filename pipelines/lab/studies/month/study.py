"""A month, hour by hour in several processes, with results that are kept.

The hours run in blocks. A block is one chain with its hours as subjects, in a process
of its own. So memory is bounded by the blocks at work, whatever the month's length.
"""

import asyncio
import hashlib
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from models.build import build_recognizer
from models.person.pose_picture import STEP_S
from models.recognizer import ClipRecognizer
from pipelines.clock import seconds_to_ns
from pipelines.errors import PipelineError
from pipelines.in_process import InProcessRecognizer
from pipelines.lab.simulation.footage import SIMULATOR_VERSION, as_rendered
from pipelines.lab.studies.matching import Episode
from pipelines.lab.studies.month.hours import (
    HourPlan,
    MonthPlan,
    SeenHour,
    see_filmed_hour,
    see_hour,
)
from pipelines.lab.studies.month.report import MonthReport, report_month
from pipelines.lab.studies.month.results import (
    RESULTS_NAME,
    HourResult,
    hour_result,
    open_results,
)
from pipelines.lab.studies.month.watching import watch_hours
from pipelines.lab.studies.net_falls import net_falls
from pipelines.lab.studies.pose_rule import rule_falls
from pipelines.lab.studies.pose_track import PoseTrack
from pipelines.lab.training.vector_net import load_net
from pipelines.live.subject import WatchSettings
from pipelines.progress import Progress
from pipelines.records import FALL

MODEL, NET, RULE = "model", "vector net", "rule"
"""Names of the methods."""

_BLOCK_HOURS = 32


@final
@dataclass(frozen=True, slots=True)
class Methods:
    """Where the methods come from.

    Attributes:
        model: Checkpoint, a folder or a hub name; None is the bundled one.
        prompts: Prompt set; None is the bundled one.
        adaptation: Adaptation; None is the bundled one with the bundled
            checkpoint, and else none.
        calibration: Calibrations; None are those beside the checkpoint.
        net: File of a vector net; None leaves it out.
    """

    model: str | None = None
    prompts: Path | None = None
    adaptation: Path | None = None
    calibration: Path | None = None
    net: Path | None = None

    def build(self) -> ClipRecognizer:
        """Build the recogniser.

        Raises:
            PipelineError: If it does not look at poses, or knows no fall.
        """
        built = build_recognizer(
            self.model,
            self.prompts,
            adaptation=self.adaptation,
            calibration=self.calibration,
        )
        if built.clip.card.view != "pose":
            msg = (
                f"{built.name}: looks at pictures; this study needs one that sees poses"
            )
            raise PipelineError(msg)
        if FALL not in built.prompt_set.events.values():
            msg = f"no label of {built.prompt_set.id} belongs to the event {FALL!r}"
            raise PipelineError(msg)
        return built


def study_month(
    plan: MonthPlan,
    hours: int,
    methods: Methods,
    folder: Path,
    on_progress: Progress,
    *,
    films: Path | None = None,
    workers: int | None = None,
) -> MonthReport:
    """Run the hours of a month that are not done yet, and report on all.

    Args:
        plan: The month.
        hours: Number of its first hours; a later run may ask for more.
        methods: The ways to find falls.
        folder: Existing folder that keeps the results of each hour.
        on_progress: Called after each block of hours.
        films: Existing folder that keeps what the person finder saw in films of the
            hours. None films nothing, and draws the finder's errors instead.
        workers: Number of processes; by default one for each core.

    Raises:
        CheckpointError: If the checkpoint cannot be used.
        TrainingError: If the file of the vector net cannot be used.
        PipelineError: If the checkpoint does not look at poses, the folder holds
            another month, or this machine cannot simulate.
        PersonModelError: If a file of the person finder is missing or wrong.
    """
    identity = _identity(plan, methods) | {"filmed": films is not None}
    kept = open_results(folder / RESULTS_NAME, identity)
    missing = [plan.hour(i) for i in range(hours) if i not in kept.done]
    size = _block_size(len(missing)) if films is None else 1
    blocks = [
        Block(tuple(missing[i : i + size]), methods, films)
        for i in range(0, len(missing), size)
    ]
    on_progress("living", hours - len(missing), hours, "hours")
    for _, results in as_rendered(run_block, blocks, workers):
        kept.add(results)
        done = sum(index < hours for index in kept.done)
        on_progress("living", done, hours, "hours")
    return report_month([kept.done[i] for i in range(hours)], plan.seed)


def _block_size(hours: int) -> int:
    """Return the hours of a block: few enough that every core has work."""
    return max(1, min(_BLOCK_HOURS, -(-hours // 2)))


def _identity(plan: MonthPlan, methods: Methods) -> dict[str, Any]:
    """Return what must be equal for hours of two runs to belong together."""
    built = methods.build()
    net = ""
    if methods.net is not None:
        load_net(methods.net)  # before hours of work
        net = hashlib.sha256(methods.net.read_bytes()).hexdigest()[:8]
    return {
        **asdict(plan),
        "simulator_version": SIMULATOR_VERSION,
        "checkpoint": built.identity,
        "prompt_set": built.prompt_set.id,
        "settings": str(WatchSettings()),
        "net": net,
    }


@final
@dataclass(frozen=True, slots=True)
class Block:
    """Hours that run side by side, as subjects of one chain."""

    hours: tuple[HourPlan, ...]
    methods: Methods
    films: Path | None


def run_block(block: Block) -> list[HourResult]:
    """Simulate and watch a block of hours, in this process."""
    torch.set_num_threads(1)  # every core has a process of its own
    hours = [_see(plan, block.films) for plan in block.hours]
    settings = WatchSettings()
    with InProcessRecognizer(_built(block.methods)) as recognizer:
        watched = asyncio.run(watch_hours(hours, recognizer, settings))
    found = [
        {MODEL: falls, **_baselines(hour, block.methods, settings)}
        for hour, falls in zip(hours, watched, strict=True)
    ]
    return [hour_result(hour, each) for hour, each in zip(hours, found, strict=True)]


def _see(plan: HourPlan, films: Path | None) -> SeenHour:
    return see_hour(plan) if films is None else see_filmed_hour(plan, films)


def _baselines(
    hour: SeenHour, methods: Methods, settings: WatchSettings
) -> dict[str, list[Episode]]:
    times = np.arange(hour.steps) * seconds_to_ns(STEP_S)
    track = PoseTrack(times, hour.run.joints.astype("float32"), hour.run.found)
    falls = {RULE: rule_falls(track)}
    if methods.net is not None:
        falls = {NET: net_falls(_net(methods.net), track, settings), **falls}
    return falls


_built = lru_cache(1)(Methods.build)
_net = lru_cache(1)(load_net)
