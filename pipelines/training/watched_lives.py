"""Windows of simulated lives, as somebody with a camera and a wearable is watched.

    plans ─┬─▶ pictures (rendered once, kept) ─▶ trunk, teacher: each picture once ─┐
           └─▶ samples of both wearables ─▶ spectrograms ───────────────────────────┴─▶
           windows at every second place of the grid, from the first that is felt

One window is of the wearable at the waist and the next of that at the wrist: whoever
watches is not told which it is.

A window's targets are the shares of its pictures that show each label.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float32

from models.clip import ClipEncoder
from models.prompt_set import PromptSet
from models.spectrogram import SpectrogramScale
from pipelines.clock import NS_PER_S
from pipelines.progress import Progress
from pipelines.simulation.footage import RecordingPlan
from pipelines.simulation.motion import SAMPLE_RATE_HZ
from pipelines.simulation.wearable import POSITIONS
from pipelines.training.is_clip import Felt, KeptFrames, all_spectrograms, keep_frames
from pipelines.training.lives import FORM, Life, shares
from pipelines.training.pictures import label_matrix, prepare_runs

_EVERY = 2


@final
@dataclass(frozen=True, slots=True, eq=False)
class WatchedWindows:
    """Windows to train on.

    Attributes:
        kept: What the frozen parts made of their frames.
        felt: Their spectrograms.
        targets: Each label's share of each window; rows sum to 1.
    """

    kept: KeptFrames
    felt: Felt
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
    """Gather the windows of recordings; each has one picture for each grid step.

    Args:
        clip: The checkpoint.
        prompt_set: Its labels are the targets'.
        plans: The recordings.
        lives: What is worn in each of them.
        scale: Of the spectrograms.
        folder: Keeps pictures, so that a run that was cut off goes on.
        on_progress: Told of rendering and of encoding.
        frames: Pictures in a whole window.

    Raises:
        FolderError: If the folder cannot be written to.
        PipelineError: If pictures are missing and this machine renders none.
    """
    done = itertools.count(1)
    step = SAMPLE_RATE_HZ / float(plans[0].rate_hz)
    runs = prepare_runs(
        folder,
        plans,
        image_size_px=clip.image_size_px,
        step_ns=round(NS_PER_S / plans[0].rate_hz),
        on_done=lambda plan: on_progress(
            "rendering", next(done), len(plans), plan.name
        ),
    )
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
            targets.append(shares(row[begin : last + 1], prompt_set))
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
