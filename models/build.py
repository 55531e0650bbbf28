"""Make a recogniser from what a person names: a checkpoint and a prompt set."""

from pathlib import Path

from models.bundled import CHECKPOINT_FOLDER
from models.clip import load_clip
from models.prompt_file import bundled_prompt_set, load_prompt_set
from models.recognizer import ClipRecognizer, Temporal


def build_recognizer(
    checkpoint: str | Path | None = None,
    prompt_set: Path | None = None,
    *,
    temporal: Temporal = "clip",
    frames: int = 8,
    temperature: float = 1.0,
    device: str = "cpu",
) -> ClipRecognizer:
    """Load a checkpoint, read a prompt set, and compute its text bank.

    Args:
        checkpoint: A folder or a hub name; None is the shipped one.
        prompt_set: A YAML file; None is the shipped set ``ward``.
        temporal: The average of a window's frames, or its middle frame alone.
        frames: Places in a whole window.
        temperature: Divides the scaled cosines; see ``ClipRecognizer``.
        device: As torch names it.

    Raises:
        CheckpointError: If the checkpoint is missing, damaged or no CLIP.
        PromptSetError: If the prompt set is missing or malformed.
        ValueError: If ``temperature`` or ``frames`` is not positive.
    """
    # the prompt set first: a mistake in it shows at once, not after the weights
    prompts = (
        bundled_prompt_set() if prompt_set is None else load_prompt_set(prompt_set)
    )
    clip = load_clip(
        CHECKPOINT_FOLDER if checkpoint is None else checkpoint, device=device
    )
    return ClipRecognizer(
        clip, prompts, temporal=temporal, frames=frames, temperature=temperature
    )
