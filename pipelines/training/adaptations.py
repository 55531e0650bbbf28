"""Adapt a checkpoint to labelled clips, and keep what was trained as a file.

    clips ─▶ features, or frozen trunk: once ─▶ csn, is-clip or sc-clip ─▶ adaptation

All labels are trained: these are for use, where the studies hold labels back.
"""

from dataclasses import replace
from math import gcd
from pathlib import Path

import numpy as np
import torch

from models.csn_file import save_csn
from models.csn_training import NoiseSettings, train_feature_noise
from models.is_clip import IsClip, IsClipSettings
from models.is_clip_file import TrainedIsClip, save_is_clip
from models.recognizer import ClipRecognizer
from models.sc_clip import ScClip
from models.sc_clip_file import save_sc_clip
from models.sc_clip_settings import ScSettings
from models.spectrogram import ImuFormat, fit_scale
from pipelines.errors import TrainingError
from pipelines.studies.clip_set import ClipSet
from pipelines.studies.models.laboratory import Laboratory
from pipelines.training.is_clip import (
    SMALL_TOWER,
    feel,
    keep_frames,
    train_is_clip,
)
from pipelines.training.sc_clip import (
    Progress,
    ScTraining,
    encode_trunk,
    train_sc_clip,
)

_FRAMES_A_STEP = 4
_DELTA = 0.85  # it finds 2 to 8 clusters in a clip of the ward


def adapt_csn(
    recognizer: ClipRecognizer,
    clips: ClipSet,
    path: Path,
    on_progress: Progress,
    *,
    seed: int,
    epochs: int,
) -> None:
    """Train class-specific noise on every frame, in feature space.

    Args:
        recognizer: Plain CLIP, with the labels that the clips have.
        clips: To train on.
        path: The adaptation; overwritten.
        on_progress: Told of encoding and of epochs.
        seed: Of first values and batches.
        epochs: How often as many frames are drawn as there are.

    Raises:
        CheckpointError: If the file cannot be written.
        TrainingError: If the clips are of one label.
    """
    lab = Laboratory(recognizer, clips, "", on_progress)
    features = lab.features
    settings = NoiseSettings(scale=lab.scale, epochs=epochs)
    try:
        noise = train_feature_noise(
            features.reshape(-1, features.shape[-1]),
            np.repeat(clips.labels, features.shape[1]),
            lab.text_bank,
            settings,
            seed=seed,
            on_epoch=lambda epoch, loss: on_progress(
                "training", epoch, epochs, f"loss {loss:.3f}"
            ),
        )
    except ValueError as err:
        where = "class-specific noise"
        raise TrainingError(where, str(err)) from err
    save_csn(path, noise, recognizer.clip, lab.names)


def adapt_is_clip(
    recognizer: ClipRecognizer,
    clips: ClipSet,
    path: Path,
    on_progress: Progress,
    *,
    seed: int,
    steps: int,
    window_s: float,
) -> None:
    """Train IS-CLIP, on the samples from the first frame of a window to the last.

    So live windows have them.

    Args:
        recognizer: Plain CLIP, with the labels that the clips have.
        clips: To train on, with a wearable's samples of the whole window.
        path: The adaptation; overwritten.
        on_progress: Told of encoding and of steps.
        seed: Of first values and batches.
        steps: Of both optimisers.
        window_s: Length of the clips in seconds.

    Raises:
        CheckpointError: If the file cannot be written.
        TrainingError: If the clips come without samples, or the loss is not finite.
    """
    if clips.imu is None:
        where, problem = "IS-CLIP", "the clips come without samples of a wearable"
        raise TrainingError(where, problem)
    clip = recognizer.clip
    frames = clips.frames.shape[1]
    step_s = window_s / frames
    first = round(step_s * clips.imu_rate_hz) - 1
    count = round((window_s - step_s) * clips.imu_rate_hz)
    imu = clips.imu[:, first : first + count]
    form = ImuFormat(clips.imu_rate_hz, "mps2", "radps")
    scale = fit_scale(imu, form)
    kept = keep_frames(
        clip,
        clips.frames,
        lambda done, total: on_progress("encoding", done, total, "clips"),
    )
    settings = IsClipSettings(
        heads=gcd(8, clip.dim), imu_width=max(64, clip.dim // 64 * 64)
    )
    model = IsClip(clip.model, settings, frames=frames, seed=seed)
    train_is_clip(
        model,
        kept,
        feel(imu, form, scale),
        torch.tensor(recognizer.text_bank),
        clips.labels,
        replace(SMALL_TOWER, steps=steps, frames=_FRAMES_A_STEP, seed=seed),
        lambda done, total: on_progress("training", done, total, "steps"),
    )
    save_is_clip(path, TrainedIsClip(model, scale, step_s), clip)


def adapt_sc_clip(
    recognizer: ClipRecognizer,
    clips: ClipSet,
    path: Path,
    on_progress: Progress,
    *,
    seed: int,
    epochs: float,
) -> None:
    """Train SC-CLIP.

    Args:
        recognizer: Plain CLIP, with the labels that the clips have.
        clips: To train on.
        path: The adaptation; overwritten.
        on_progress: Told of encoding and of steps.
        seed: Of first values, batches and frames drawn.
        epochs: Times that every clip is seen.

    Raises:
        CheckpointError: If the file cannot be written.
        TrainingError: If a loss is not finite.
    """
    clip = recognizer.clip
    settings = ScSettings(delta=_DELTA, scale=clip.logit_scale, seed=seed)
    model = ScClip(clip.model, settings)
    train_sc_clip(
        model,
        encode_trunk(model, clip, clips.frames, on_progress),
        torch.tensor(clips.labels),
        torch.tensor(recognizer.text_bank),
        ScTraining(epochs=epochs, warmup_epochs=min(1.0, epochs / 6)),
        seed=seed,
        on_progress=on_progress,
    )
    save_sc_clip(path, model, clip)
