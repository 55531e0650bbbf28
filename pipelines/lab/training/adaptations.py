"""Train an adaptation of a checkpoint for use, and write it to a file.

    clips ─▶ features, or frozen trunk: once ─▶ csn or sc-clip ─┐
    lives ─▶ samples, then windows of both ─▶ is-clip ──────────┴─▶ adaptation

All labels are trained, unlike in the studies, which hold labels back.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8

from models.csn.file import save_csn
from models.csn.training import NoiseSettings, train_feature_noise
from models.is_clip.file import TrainedIsClip, save_is_clip
from models.is_clip.model import IsClip, IsClipSettings
from models.is_clip.spectrogram import SpectrogramScale, fit_scale
from models.recognizer import ClipRecognizer
from models.sc_clip.file import save_sc_clip
from models.sc_clip.model import ScClip
from models.sc_clip.settings import ScSettings
from pipelines.errors import TrainingError
from pipelines.lab.simulation.footage import RecordingPlan
from pipelines.lab.training.features import encode_clips
from pipelines.lab.training.is_clip import SMALL_TOWER, train_is_clip
from pipelines.lab.training.lives import FORM, Life, simulate_lives, train_on_lives
from pipelines.lab.training.sc_clip import (
    ScTraining,
    encode_trunk,
    train_sc_clip,
)
from pipelines.lab.training.watched_lives import watched_windows
from pipelines.progress import Progress

# In the paper's modes the samples only choose among the frames. Our wearables show more
# than the small tower sees, so their features are added as well. A silent wearable
# counts as much as a missing camera.
_SETTINGS = IsClipSettings(mode="residual", video_weight=0.5, imu_weight=0.5)
# Neighbouring windows are similar, so a step uses twice as many as for the small tower
# alone, and rates that end at zero remove the noise of the last steps.
_TRAINING = replace(SMALL_TOWER, batch=32, frames=3, decays=True)
_DELTA = 0.85  # finds 2 to 8 clusters in a clip of the ward


Frames = UInt8[np.ndarray, "clip frame height width 3"]
Labels = Int64[np.ndarray, " clip"]


def adapt_csn(
    recognizer: ClipRecognizer,
    frames: Frames,
    labels: Labels,
    path: Path,
    on_progress: Progress,
    *,
    seed: int,
    epochs: int,
) -> None:
    """Train class-specific noise on every frame, in feature space.

    Raises:
        CheckpointError: If the file cannot be written.
        TrainingError: If all clips have the same label.
    """
    clip = recognizer.clip
    features = encode_clips(recognizer, frames, on_progress)
    try:
        noise = train_feature_noise(
            features.reshape(-1, features.shape[-1]),
            np.repeat(labels, features.shape[1]),
            recognizer.text_bank,
            NoiseSettings(scale=clip.logit_scale, epochs=epochs),
            seed=seed,
            on_epoch=lambda epoch, loss: on_progress(
                "training", epoch, epochs, f"loss {loss:.3f}"
            ),
        )
    except ValueError as err:
        where = "class-specific noise"
        raise TrainingError(where, str(err)) from err
    save_csn(path, noise, clip, recognizer.prompt_set.labels)


def adapt_is_clip(
    recognizer: ClipRecognizer,
    plans: Sequence[RecordingPlan],
    folder: Path,
    path: Path,
    on_progress: Progress,
    *,
    recordings: int,
    seed: int,
    steps: tuple[int, int],
    frames: int,
) -> None:
    """Train IS-CLIP on all lives' samples, then on some lives' pictures and samples.

    The first ``recordings`` lives have pictures. ``steps`` are those on samples alone,
    and on both.

    Raises:
        CheckpointError: If the file cannot be written.
        FolderError: If the folder cannot be written to.
        PipelineError: If this machine cannot render.
        TrainingError: If the loss is not finite, or the prompt set lacks the labels.
    """
    clip, prompt_set = recognizer.clip, recognizer.prompt_set
    settings = _SETTINGS.for_space(clip.dim)
    model = IsClip(clip.model, settings, frames=frames, seed=seed)
    step_s = 1 / float(plans[0].rate_hz)
    samples = round((frames - 1) * step_s * FORM.rate_hz)
    lives, scale = _train_on_samples(
        model,
        recognizer,
        plans,
        on_progress,
        samples=samples,
        steps=steps[0],
        seed=seed,
    )
    seen = plans[:recordings], lives[:recordings]
    windows = watched_windows(
        clip, prompt_set, *seen, scale, folder, on_progress, frames=frames
    )
    train_is_clip(
        model,
        windows.kept,
        windows.felt,
        torch.tensor(recognizer.text_bank),
        windows.targets,
        replace(_TRAINING, steps=steps[1], seed=seed),
        lambda done, total: on_progress("training", done, total, "steps"),
    )
    save_is_clip(path, TrainedIsClip(model, scale, step_s), clip)


def _train_on_samples(
    model: IsClip,
    recognizer: ClipRecognizer,
    plans: Sequence[RecordingPlan],
    on_progress: Progress,
    *,
    samples: int,
    steps: int,
    seed: int,
) -> tuple[list[Life], SpectrogramScale]:
    """Simulate lives and train the wearable's encoder on them."""
    lives = simulate_lives(
        plans,
        recognizer.prompt_set,
        lambda done: on_progress("living", done, len(plans), "lives"),
    )
    # The scale need not be exact, so whole lives stand for their windows.
    scale = fit_scale((felt for life in lives for felt in life.felt), FORM, levels=True)
    train_on_lives(
        model,
        lives,
        scale,
        torch.tensor(recognizer.text_bank),
        recognizer.prompt_set,
        lambda done, total: on_progress("samples", done, total, "steps"),
        samples=samples,
        steps=steps,
        seed=seed,
    )
    return lives, scale


def adapt_sc_clip(
    recognizer: ClipRecognizer,
    frames: Frames,
    labels: Labels,
    path: Path,
    on_progress: Progress,
    *,
    seed: int,
    epochs: float,
) -> None:
    """Train SC-CLIP.

    Raises:
        CheckpointError: If the file cannot be written.
        TrainingError: If a loss is not finite.
    """
    clip = recognizer.clip
    settings = ScSettings(delta=_DELTA, scale=clip.logit_scale, seed=seed)
    model = ScClip(clip.model, settings)
    train_sc_clip(
        model,
        encode_trunk(model, clip, frames, on_progress),
        torch.tensor(labels),
        torch.tensor(recognizer.text_bank),
        ScTraining(epochs=epochs, warmup_epochs=min(1.0, epochs / 6)),
        seed=seed,
        on_progress=on_progress,
    )
    save_sc_clip(path, model, clip)
