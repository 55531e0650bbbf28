"""Adapt a checkpoint, and keep what was trained as a file.

    clips ─▶ features, or frozen trunk: once ─▶ csn or sc-clip ─┐
    lives ─▶ samples, then windows of both ─▶ is-clip ──────────┴─▶ adaptation

All labels are trained: these are for use, where the studies hold labels back.
"""

from collections.abc import Sequence
from dataclasses import replace
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
from models.spectrogram import fit_scale
from pipelines.errors import TrainingError
from pipelines.progress import Progress
from pipelines.simulation.footage import RecordingPlan
from pipelines.studies.clip_set import ClipSet
from pipelines.studies.models.laboratory import Laboratory
from pipelines.training.is_clip import SMALL_TOWER, train_is_clip
from pipelines.training.lives import FORM, live_all, train_on_lives
from pipelines.training.sc_clip import (
    ScTraining,
    encode_trunk,
    train_sc_clip,
)
from pipelines.training.watched_lives import watched_windows

# The paper's samples say only which frames are listened to: those of our wearables know
# more than the small tower sees, and must be heard themselves. A silent wearable counts
# as much as a missing camera.
_MADE_OF = IsClipSettings(mode="residual", video_weight=0.5, imu_weight=0.5)
# Windows of neighbouring places are alike, so a step takes twice as many as the small
# tower's, and rates that end at zero leave none of the last steps' noise.
_TRAINED = replace(SMALL_TOWER, batch=32, frames=3, decays=True)
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
    """Train IS-CLIP on windows as they come live, the first and shorter ones as well.

    First on samples alone, of all lives, then on some lives' pictures and samples.

    Args:
        recognizer: Plain CLIP.
        plans: Lives, with one picture for each step of the grid.
        folder: Keeps their pictures.
        path: The adaptation; overwritten.
        on_progress: Told of every stage.
        recordings: How many lives are watched as well; the first ones.
        seed: Of first values and batches.
        steps: On samples alone, and on both.
        frames: Pictures in a whole window.

    Raises:
        CheckpointError: If the file cannot be written.
        FolderError: If the folder cannot be written to.
        PipelineError: If this machine renders no pictures.
        TrainingError: If the loss is not finite, or the prompt set has too few of the
            lives' labels.
    """
    clip, prompt_set = recognizer.clip, recognizer.prompt_set
    settings = _MADE_OF.for_space(clip.dim)
    model = IsClip(clip.model, settings, frames=frames, seed=seed)
    texts = torch.tensor(recognizer.text_bank)
    step_s = 1 / float(plans[0].rate_hz)
    lives = live_all(
        plans,
        prompt_set,
        lambda done: on_progress("living", done, len(plans), "lives"),
    )
    # Whole lives stand for their windows: the scale need not be exact.
    scale = fit_scale((felt for life in lives for felt in life.felt), FORM, levels=True)
    train_on_lives(
        model,
        lives,
        scale,
        texts,
        prompt_set,
        lambda done, total: on_progress("samples", done, total, "steps"),
        samples=round((frames - 1) * step_s * FORM.rate_hz),
        steps=steps[0],
        seed=seed,
    )
    windows = watched_windows(
        clip,
        prompt_set,
        plans[:recordings],
        lives[:recordings],
        scale,
        folder,
        on_progress,
        frames=frames,
    )
    train_is_clip(
        model,
        windows.kept,
        windows.felt,
        texts,
        windows.targets,
        replace(_TRAINED, steps=steps[1], seed=seed),
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
