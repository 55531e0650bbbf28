"""Build a recogniser from a checkpoint, a prompt set and an adaptation."""

import math
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from models.adaptation import Adaptation, read_adaptation
from models.bundled import (
    ADAPTATION_FILE,
    CHECKPOINT_FOLDER,
    NO_ADAPTATION,
    PROMPT_SET_FILE,
)
from models.calibration import CALIBRATION_NAME, read_calibrations
from models.clip.backend import choose_tower
from models.clip.card import View
from models.clip.checkpoint import find_checkpoint
from models.clip.encoder import ClipEncoder, load_clip
from models.clip.picture_tower import Backend
from models.clip.text_bank import build_text_bank
from models.csn.file import csn_of
from models.errors import CheckpointError
from models.is_clip.file import TrainedIsClip, is_clip_of
from models.is_clip.scorers import IsClipScorer, LateIsClipScorer
from models.prompts.prompt_file import load_prompt_set
from models.prompts.prompt_set import PromptSet
from models.recognizer import ClipRecognizer, weights_hash
from models.sc_clip.file import sc_clip_of
from models.scorers import (
    ClipScorer,
    CsnScorer,
    ScClipScorer,
    Scorer,
    Temporal,
)

_FRAMES, _SECONDS = 8, 3.0
_NEEDS_TORCH = (ScClipScorer, IsClipScorer)
"""Scorers that read tokens from within the picture tower."""

_SHIPPED = (None, None, "clip", _FRAMES, _SECONDS)
"""Checkpoint, prompts, averaging and windows of the shipped adaptation."""


def build_recognizer(
    checkpoint: str | Path | None = None,
    prompt_set: Path | None = None,
    *,
    temporal: Temporal = "clip",
    frames: int = _FRAMES,
    seconds: float = _SECONDS,
    adaptation: Path | None = None,
    calibration: Path | None = None,
    device: str = "cpu",
    view: View | None = None,
    backend: Backend = "torch",
) -> ClipRecognizer:
    """Load a checkpoint, read a prompt set, and compute its text bank.

    Args:
        checkpoint: A folder or a hub name; None is the bundled checkpoint.
        prompt_set: A YAML file; None is the bundled set ``ward``.
        temporal: Whether a window is represented by the mean of its frames or by its
            middle frame. Ignored with an adaptation.
        frames: Number of frames in a full window.
        seconds: Length of a full window in seconds.
        adaptation: File of an adaptation, which also holds its kind. ``NO_ADAPTATION``
            uses none. None uses the bundled one where all of the above are the
            defaults, and else none.
        calibration: File of calibrations; None is the one beside the checkpoint.
            Without a matching entry the confidence is not calibrated.
        device: Name of a torch device.
        view: What the checkpoint looks at; None is what its card says.
        backend: What computes the picture tower, see ``models.clip.backend``.

    Raises:
        CheckpointError: If the checkpoint is missing, damaged, not CLIP or of another
            view; if the adaptation is missing, damaged, or trained for another
            checkpoint, other labels or other windows; if the backend cannot be used.
        PromptSetError: If the prompt set is missing or malformed.
        CalibrationError: If the calibration file is damaged.
        ValueError: If ``frames`` is not positive.
    """
    # read the prompt set first, so that a mistake in it is reported at once
    prompts = load_prompt_set(prompt_set or PROMPT_SET_FILE)
    if adaptation is None:
        chosen = checkpoint, prompt_set, temporal, frames, seconds
        adaptation = ADAPTATION_FILE if chosen == _SHIPPED else NO_ADAPTATION
    checkpoint = CHECKPOINT_FOLDER if checkpoint is None else checkpoint
    clip = load_clip(checkpoint, device=device, view=view)
    text_bank = build_text_bank(clip, prompts)
    scorer: Scorer = ClipScorer(clip, temporal, frames)
    digits = ""
    if adaptation != NO_ADAPTATION:
        kept = read_adaptation(adaptation, clip)
        scorer = _adapted(kept, clip, prompts, text_bank, frames, seconds)
        digits = kept.hash
    if isinstance(scorer, _NEEDS_TORCH):
        if backend not in ("auto", "torch"):
            problem = f"{scorer.kind} uses tokens, which only torch gives"
            raise CheckpointError(str(adaptation), f"{problem}; choose torch")
    else:
        clip.tower = choose_tower(clip, find_checkpoint(checkpoint), backend)
    path = calibration or calibration_path(checkpoint)
    return ClipRecognizer(
        clip,
        prompts,
        text_bank=text_bank,
        scorer=scorer,
        adaptation=digits,
        calibrations=read_calibrations(path, weights_hash(clip, digits), prompts.id),
    )


def _adapted(
    kept: Adaptation,
    clip: ClipEncoder,
    prompts: PromptSet,
    text_bank: Float32[np.ndarray, "label dim"],
    frames: int,
    seconds: float,
) -> Scorer:
    """Build the scorer for an adaptation."""
    match kept.kind:
        case "csn":
            return CsnScorer(clip, csn_of(kept, prompts.labels, text_bank))
        case "sc-clip":
            return ScClipScorer(clip, sc_clip_of(kept, clip))
        case "is-clip":
            trained = is_clip_of(kept, clip)
            _check_windows(kept, trained, frames, seconds)
            is_late = trained.late_weight is not None
            return (LateIsClipScorer if is_late else IsClipScorer)(clip, trained)


def _check_windows(
    kept: Adaptation, trained: TrainedIsClip, frames: int, seconds: float
) -> None:
    wanted = trained.model.frames, trained.step_s * trained.model.frames
    if wanted[0] != frames or not math.isclose(wanted[1], seconds, rel_tol=0.01):
        problem = (
            f"weighs windows of {wanted[0]} frames in {wanted[1]:g} s,"
            f" not {frames} in {seconds:g} s"
        )
        raise CheckpointError(str(kept.path), problem)


def calibration_path(checkpoint: str | Path | None) -> Path:
    """Return the default path of a checkpoint's calibration file.

    Raises:
        CheckpointError: If the checkpoint is missing.
    """
    chosen = CHECKPOINT_FOLDER if checkpoint is None else checkpoint
    return find_checkpoint(chosen) / CALIBRATION_NAME
