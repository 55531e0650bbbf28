"""Make a recogniser from what a person names: a checkpoint and a prompt set."""

from pathlib import Path

from models.bundled import CHECKPOINT_FOLDER
from models.calibration import CALIBRATION_NAME, read_calibration
from models.checkpoint import find_checkpoint
from models.clip import load_clip
from models.prompt_file import bundled_prompt_set, load_prompt_set
from models.recognizer import ClipRecognizer, Temporal


def build_recognizer(
    checkpoint: str | Path | None = None,
    prompt_set: Path | None = None,
    *,
    temporal: Temporal = "clip",
    frames: int = 8,
    calibration: Path | None = None,
    device: str = "cpu",
) -> ClipRecognizer:
    """Load a checkpoint, read a prompt set, and compute its text bank.

    Args:
        checkpoint: A folder or a hub name; None is the shipped one.
        prompt_set: A YAML file; None is the shipped set ``ward``.
        temporal: The average of a window's frames, or its middle frame alone.
        frames: Places in a whole window.
        calibration: A calibration file; None is the one beside the checkpoint. What it
            does not hold is not calibrated.
        device: As torch names it.

    Raises:
        CheckpointError: If the checkpoint is missing, damaged or no CLIP.
        PromptSetError: If the prompt set is missing or malformed.
        CalibrationError: If the calibration file is damaged.
        ValueError: If ``frames`` is not positive.
    """
    # the prompt set first: a mistake in it shows at once, not after the weights
    prompts = (
        bundled_prompt_set() if prompt_set is None else load_prompt_set(prompt_set)
    )
    checkpoint = CHECKPOINT_FOLDER if checkpoint is None else checkpoint
    clip = load_clip(checkpoint, device=device)
    fitted = read_calibration(
        calibration or calibration_path(checkpoint), clip.hash, prompts.id
    )
    return ClipRecognizer(
        clip, prompts, temporal=temporal, frames=frames, calibration=fitted
    )


def calibration_path(checkpoint: str | Path | None) -> Path:
    """Return where a checkpoint's calibration is kept if no other place is named.

    Raises:
        CheckpointError: If the checkpoint is missing.
    """
    chosen = CHECKPOINT_FOLDER if checkpoint is None else checkpoint
    return find_checkpoint(chosen) / CALIBRATION_NAME
