"""Train an adaptation of a checkpoint for use, and write it to a file.

    clips ─▶ features, or frozen trunk: once ─▶ csn or sc-clip ─┐
    lives, stories ─▶ windows of samples ─▶ is-clip ────────────┴─▶ adaptation

All labels are trained, unlike in the studies, which hold labels back.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8

from models.csn.file import save_csn
from models.csn.training import NoiseSettings, train_feature_noise
from models.is_clip.file import TrainedIsClip, save_is_clip
from models.is_clip.model import IsClip, IsClipSettings
from models.recognizer import ClipRecognizer
from models.sc_clip.file import save_sc_clip
from models.sc_clip.model import ScClip
from models.sc_clip.settings import ScSettings
from pipelines.errors import TrainingError
from pipelines.lab.simulation.footage import RecordingPlan
from pipelines.lab.training.features import encode_clips
from pipelines.lab.training.felt_windows import (
    FORM,
    fit_felt_scale,
    require_labels,
    simulate_windows,
    train_on_windows,
)
from pipelines.lab.training.sc_clip import (
    ScTraining,
    encode_trunk,
    train_sc_clip,
)
from pipelines.progress import Progress

# The paper's fusion is for its study. Late fusion needs neither its parts nor pictures,
# and learns nothing of how far to trust a simulated sensor.
_SETTINGS = IsClipSettings(sirm=False, sgam=False, ordered=True)
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
    path: Path,
    on_progress: Progress,
    *,
    stories: int,
    steps: int,
    seed: int,
    frames: int,
    late_weight: float,
) -> None:
    """Train IS-CLIP's part for wearables on lives and stories, for late fusion.

    Args:
        recognizer: The checkpoint and the prompt set.
        plans: The lives.
        path: File to write.
        on_progress: Called after each life, some stories, and each step.
        stories: Number of stories of single sensors.
        steps: Training steps.
        seed: Seed of stories, weights and windows.
        frames: Frames in a full window.
        late_weight: Weight of the wearable's answer relative to the camera's.

    Raises:
        CheckpointError: If the file cannot be written.
        PipelineError: If this machine cannot render.
        TrainingError: If the loss is not finite, or the prompt set lacks the labels.
    """
    clip, prompt_set = recognizer.clip, recognizer.prompt_set
    settings = _SETTINGS.for_space(clip.dim)
    model = IsClip(clip.model, settings, frames=frames, seed=seed)
    step_s = 1 / float(plans[0].rate_hz)
    samples = round((frames - 1) * step_s * FORM.rate_hz)
    require_labels(prompt_set)
    form = fit_felt_scale(samples, seed, prompt_set)
    windows = simulate_windows(plans, stories, seed, prompt_set, form, on_progress)
    train_on_windows(
        model,
        windows,
        torch.tensor(recognizer.text_bank),
        lambda done, total: on_progress("training", done, total, "steps"),
        steps=steps,
        seed=seed,
    )
    trained = TrainedIsClip(model, form.scale, step_s, late_weight)
    save_is_clip(path, trained, clip)


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
