"""Windows of simulated lives with both camera and wearable.

    plans ─┬─▶ pictures (rendered once, kept) ─▶ trunk, teacher: each picture once ─┐
           └─▶ samples of both wearables ─▶ spectrograms ───────────────────────────┴─▶
           windows at every second grid step, from the first with enough samples

Windows alternate between the wearables at waist and wrist, because in use the position
is unknown. A window's targets are the shares of its pictures that show each label.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float32

from models.clip.encoder import ClipEncoder
from models.is_clip.spectrogram import SpectrogramScale
from models.prompts.prompt_set import PromptSet
from pipelines.clock import NS_PER_S
from pipelines.lab.poses.pose_films import PoseFilm, pose_films
from pipelines.lab.simulation.footage import RecordingPlan
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.wearable import POSITIONS
from pipelines.lab.training.is_clip import (
    KeptFrames,
    WindowSpectrograms,
    all_spectrograms,
    keep_frames,
)
from pipelines.lab.training.lives import FORM, Life, recent_shares
from pipelines.lab.training.pictures import PictureRun, label_matrix, prepare_runs
from pipelines.progress import Progress

_EVERY = 2


@final
@dataclass(frozen=True, slots=True, eq=False)
class WatchedWindows:
    """Windows to train on.

    Attributes:
        kept: Outputs of the frozen parts for their frames.
        felt: Their spectrograms.
        targets: Each label's share of each window; rows sum to 1.
    """

    kept: KeptFrames
    felt: WindowSpectrograms
    targets: Float32[np.ndarray, "clip label"]


def watched_windows(
    clip: ClipEncoder,
    prompt_set: PromptSet,
    plans: Sequence[RecordingPlan],
    lives: Sequence[Life],
    scale: SpectrogramScale,
    folder: Path,
    on_progress: Progress,
    *,
    frames: int,
) -> WatchedWindows:
    """Build the windows of recordings that have one picture for each grid step.

    Args:
        clip: The checkpoint.
        prompt_set: The labels of the targets.
        plans: The recordings.
        lives: The wearables' samples of each of them.
        scale: Scale of the spectrograms.
        folder: Folder for pictures, so that an interrupted run can resume.
        on_progress: Called while rendering and encoding.
        frames: Pictures in a full window.

    Raises:
        CheckpointError: If the checkpoint looks at single people.
        FolderError: If the folder cannot be written to.
        PipelineError: If pictures are missing and this machine cannot render.
    """
    step = SAMPLE_RATE_HZ / float(plans[0].rate_hz)
    runs: Sequence[PictureRun] | Sequence[PoseFilm]
    if clip.card.view == "pose":
        runs = pose_films(
            plans, lambda done: on_progress("drawing", done, len(plans), "lives")
        )
    else:
        clip.require_pictures()
        runs = _render(clip, plans, folder, on_progress)
    places, targets, worn = [], [], []
    positions = itertools.cycle(range(len(POSITIONS)))
    first = 0
    for life, row in zip(lives, label_matrix(runs, prompt_set), strict=True):
        for last in range(0, len(row), _EVERY):
            begin = max(0, last - frames + 1)
            felt = life.felt[next(positions)]
            samples = felt[round(begin * step) : round(last * step)]
            if len(samples) < FORM.window_samples:
                continue
            held = np.arange(last - frames + 1, last + 1)
            places.append(np.where(held < 0, -1, first + held))
            targets.append(
                recent_shares(row[begin : last + 1], prompt_set, clip.card.recency)
            )
            worn.append(samples)
        first += len(row)
    kept = keep_frames(
        clip,
        (run.pictures(np.arange(len(run.labels))) for run in runs),
        np.array(places),
        lambda done: on_progress("encoding", done, len(runs), "recordings"),
    )
    return WatchedWindows(
        kept, all_spectrograms(worn, FORM, scale), np.array(targets, np.float32)
    )


def _render(
    clip: ClipEncoder,
    plans: Sequence[RecordingPlan],
    folder: Path,
    on_progress: Progress,
) -> list[PictureRun]:
    done = itertools.count(1)

    def count(plan: RecordingPlan) -> None:
        on_progress("rendering", next(done), len(plans), plan.name)

    return prepare_runs(
        folder,
        plans,
        image_size_px=clip.image_size_px,
        step_ns=round(NS_PER_S / plans[0].rate_hz),
        on_done=count,
    )
