"""Make a recogniser from what a person names: a checkpoint, prompts, an adaptation."""

import math
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from models.adaptation import Adaptation, read_adaptation
from models.bundled import ADAPTATION_FILE, CHECKPOINT_FOLDER, NO_ADAPTATION
from models.calibration import CALIBRATION_NAME, read_calibrations
from models.checkpoint import find_checkpoint
from models.clip import ClipEncoder, load_clip
from models.csn_file import csn_of
from models.errors import CheckpointError
from models.is_clip_file import TrainedIsClip, is_clip_of
from models.prompt_file import bundled_prompt_set, load_prompt_set
from models.prompt_set import PromptSet
from models.recognizer import ClipRecognizer, weights_hash
from models.sc_clip_file import sc_clip_of
from models.scorers import (
    ClipScorer,
    CsnScorer,
    IsClipScorer,
    ScClipScorer,
    Scorer,
    Temporal,
)
from models.text_bank import build_text_bank

_FRAMES, _SECONDS = 8, 3.0


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
) -> ClipRecognizer:
    """Load a checkpoint, read a prompt set, and compute its text bank.

    Args:
        checkpoint: A folder or a hub name; None is the shipped one.
        prompt_set: A YAML file; None is the shipped set ``ward``.
        temporal: The average of a window's frames, or its middle frame alone; of no
            effect with an adaptation.
        frames: Places in a whole window.
        seconds: Length of a whole window.
        adaptation: What was trained on top of the checkpoint; its kind is in the file.
            ``NO_ADAPTATION`` is none; None is the shipped one where all of the above is
            as shipped, else none.
        calibration: A calibration file; None is the one beside the checkpoint. What it
            does not hold is not calibrated.
        device: As torch names it.

    Raises:
        CheckpointError: If the checkpoint is missing, damaged or no CLIP; if the
            adaptation is, or is of another checkpoint, other labels or other windows.
        PromptSetError: If the prompt set is missing or malformed.
        CalibrationError: If the calibration file is damaged.
        ValueError: If ``frames`` is not positive.
    """
    # the prompt set first: a mistake in it shows at once, not after the weights
    prompts = (
        bundled_prompt_set() if prompt_set is None else load_prompt_set(prompt_set)
    )
    if adaptation is None:
        shipped = checkpoint is None and prompt_set is None and temporal == "clip"
        fits = shipped and (frames, seconds) == (_FRAMES, _SECONDS)
        adaptation = ADAPTATION_FILE if fits else NO_ADAPTATION
    checkpoint = CHECKPOINT_FOLDER if checkpoint is None else checkpoint
    clip = load_clip(checkpoint, device=device)
    plain = adaptation == NO_ADAPTATION
    kept = None if plain else read_adaptation(adaptation, clip)
    text_bank = build_text_bank(clip, prompts)
    scorer: Scorer = ClipScorer(clip, temporal, frames)
    if kept is not None:
        scorer = _adapted(kept, clip, prompts, text_bank, frames, seconds)
    digits = "" if kept is None else kept.hash
    return ClipRecognizer(
        clip,
        prompts,
        text_bank=text_bank,
        scorer=scorer,
        adaptation=digits,
        calibrations=read_calibrations(
            calibration or calibration_path(checkpoint),
            weights_hash(clip, digits),
            prompts.id,
        ),
    )


def _adapted(
    kept: Adaptation,
    clip: ClipEncoder,
    prompts: PromptSet,
    text_bank: Float32[np.ndarray, "label dim"],
    frames: int,
    seconds: float,
) -> Scorer:
    """Make the kind of recognition that a file holds."""
    match kept.kind:
        case "csn":
            return CsnScorer(clip, csn_of(kept, prompts.labels, text_bank))
        case "sc-clip":
            return ScClipScorer(clip, sc_clip_of(kept, clip))
        case "is-clip":
            trained = is_clip_of(kept, clip)
            _check_windows(kept, trained, frames, seconds)
            return IsClipScorer(clip, trained)


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
    """Return where a checkpoint's calibration is kept if no other place is named.

    Raises:
        CheckpointError: If the checkpoint is missing.
    """
    chosen = CHECKPOINT_FOLDER if checkpoint is None else checkpoint
    return find_checkpoint(chosen) / CALIBRATION_NAME
