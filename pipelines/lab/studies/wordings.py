"""Free prompts on poses: other words for the ward's labels, and labels never trained.

minutes with a fall each ─▶ chain, with each set of words ─▶ falls found
lives ─▶ pose pictures ─▶ vectors ─▶ the ward's labels and one more ─▶ its score
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Bool, Float32
from scipy.special import softmax
from scipy.stats import mannwhitneyu

from models.build import build_recognizer
from models.bundled import NO_ADAPTATION
from models.clip.encoder import ClipEncoder
from models.clip.text_bank import build_text_bank
from models.person.pose_picture import draw_poses
from models.prompts.prompt_set import LabelPrompts, PromptSet
from models.recognizer import ClipRecognizer
from pipelines.errors import PipelineError
from pipelines.in_process import InProcessRecognizer
from pipelines.lab.poses.pose_lives import STEP_RATE_HZ, poses_at, simulate_pose_runs
from pipelines.lab.simulation.footage import (
    RecordingPlan,
    Stream,
    in_render_processes,
)
from pipelines.lab.studies.figures import Figure, proportion
from pipelines.lab.studies.month.hours import MonthPlan, SeenHour, see_hour
from pipelines.lab.studies.month.results import hour_result
from pipelines.lab.studies.month.watching import watch_hours
from pipelines.live.subject import WatchSettings
from pipelines.progress import Progress

NEW_LABELS = {
    "sitting on floor": "a person sitting on the floor with stretched legs",
    "kneeling": "a person kneeling on both knees",
    "lying on the floor": "a person doing gymnastics on the floor",
    "dancing": "a person dancing",
    "eating": "a person eating a meal at a table",
    "wheelchair": "a person in a wheelchair",
}
"""Labels that no training had, with a text each; the simulation has the first three."""

_MINUTE_S = 60.0
_EVERY_STEPS = 3  # a step of the frame grid


@final
@dataclass(frozen=True, slots=True, eq=False)
class NewLabel:
    """How a label scores that was never trained.

    Attributes:
        chosen: Share of its own pictures in which it is the likeliest label; None if
            the lives do not have it.
        wrongly: Share of other pictures in which it is the likeliest label.
        ranking: Probability that a picture of it scores higher than another one: 0.5
            is chance. None if the lives do not have it.
    """

    chosen: Figure | None
    wrongly: Figure
    ranking: float | None


@final
@dataclass(frozen=True, slots=True, eq=False)
class WordingReport:
    """The report.

    Attributes:
        recall: Falls found with each prompt set, by its name.
        false: False falls with each.
        labels: The labels that were never trained.
    """

    recall: Mapping[str, Figure]
    false: Mapping[str, int]
    labels: Mapping[str, NewLabel]


def study_wordings(
    model: str | None,
    prompts: Sequence[Path],
    on_progress: Progress,
    *,
    minutes: int = 200,
    seed: int = 1,
) -> WordingReport:
    """Measure what other words change.

    Args:
        model: Checkpoint that looks at poses; None is the bundled one.
        prompts: Prompt sets beside the bundled one.
        on_progress: Called while the lives are simulated, and after each prompt set.
        minutes: Minutes with a fall each, and as many lives for the new labels.
        seed: Seed of the lives.

    Raises:
        CheckpointError: If the checkpoint cannot be used.
        PromptSetError: If a prompt set is missing or malformed.
        PipelineError: If the checkpoint does not look at poses, or this machine cannot
            simulate.
    """
    built = [
        build_recognizer(model, path, adaptation=NO_ADAPTATION)
        for path in (None, *prompts)
    ]
    if built[0].clip.card.view != "pose":
        msg = f"{built[0].name}: looks at pictures; this study needs one of poses"
        raise PipelineError(msg)
    plan = MonthPlan(seed, hours_a_fall=1, hour_s=_MINUTE_S)
    plans = [plan.hour(i) for i in range(minutes)]
    seen = in_render_processes(see_hour, plans)
    hours = [seen[each] for each in plans]
    recall, false = {}, {}
    for done, each in enumerate(built, start=1):
        name = each.prompt_set.name
        recall[name], false[name] = _falls_found(hours, each)
        on_progress("prompt sets", done, len(built), name)
    labels = _new_labels(built[0].clip, built[0].prompt_set, minutes, seed, on_progress)
    return WordingReport(recall, false, labels)


def _falls_found(
    hours: Sequence[SeenHour], built: ClipRecognizer
) -> tuple[Figure, int]:
    with InProcessRecognizer(built) as recognizer:
        watched = asyncio.run(watch_hours(hours, recognizer, WatchSettings()))
    results = [
        hour_result(hour, {"model": falls})
        for hour, falls in zip(hours, watched, strict=True)
    ]
    found = [result.found["model"] for result in results]
    hits = sum(len(each.delays_s) for each in found)
    falls = sum(result.falls for result in results)
    recall = proportion(("found", hits), ("falls", falls))
    return recall, sum(len(each.false) for each in found)


def _new_labels(
    clip: ClipEncoder,
    prompt_set: PromptSet,
    lives: int,
    seed: int,
    on_progress: Progress,
) -> dict[str, NewLabel]:
    rate_hz = Fraction(STEP_RATE_HZ)
    plans = [
        RecordingPlan(Stream.VALIDATION, seed, i, _MINUTE_S, rate_hz)
        for i in range(lives)
    ]
    runs = simulate_pose_runs(
        plans, 1, lambda done: on_progress("lives", done, lives, "")
    )
    steps = np.arange(0, runs.labels.shape[1], _EVERY_STEPS)
    features = np.concatenate(
        [
            clip.encode_frames(
                draw_poses(*poses_at(runs, np.full_like(steps, life), steps))
            )
            for life in range(lives)
        ]
    )
    names = np.array(runs.names)[runs.labels[:, steps]].ravel()
    return {
        label: _score(clip, prompt_set, features, names == label, text)
        for label, text in NEW_LABELS.items()
    }


def _score(
    clip: ClipEncoder,
    prompt_set: PromptSet,
    features: Float32[np.ndarray, "picture dim"],
    is_it: Bool[np.ndarray, " picture"],
    text: str,
) -> NewLabel:
    added = LabelPrompts("new", (text,), "new")
    bank = build_text_bank(
        clip, replace(prompt_set, prompts=(*prompt_set.prompts, added))
    )
    scores = softmax(clip.logit_scale * features @ bank.T, axis=1)
    wins = scores.argmax(axis=1) == len(bank) - 1
    wrongly = proportion(
        ("chosen", int(wins[~is_it].sum())), ("pictures", int((~is_it).sum()))
    )
    if not is_it.any():
        return NewLabel(None, wrongly, None)
    chosen = proportion(
        ("chosen", int(wins[is_it].sum())), ("pictures", int(is_it.sum()))
    )
    own, others = scores[is_it, -1], scores[~is_it, -1]
    above = mannwhitneyu(own, others).statistic / (len(own) * len(others))
    return NewLabel(chosen, wrongly, float(above))
