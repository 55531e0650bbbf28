"""Features of clips, computed once for all that is trained or measured on them."""

import numpy as np
from jaxtyping import Float32, UInt8

from models.recognizer import ClipRecognizer
from pipelines.progress import Progress

_BATCH_CLIPS = 16


def encode_clips(
    recognizer: ClipRecognizer,
    frames: UInt8[np.ndarray, "clip frame height width 3"],
    on_progress: Progress,
) -> Float32[np.ndarray, "clip frame dim"]:
    """Encode every frame of at least one clip."""
    parts = []
    for start in range(0, len(frames), _BATCH_CLIPS):
        some = frames[start : start + _BATCH_CLIPS]
        flat = recognizer.encode(some.reshape(-1, *some.shape[2:]))
        parts.append(flat.reshape(*some.shape[:2], -1))
        done = start + len(some)
        on_progress("encoding", done, len(frames), "clips")
    return np.concatenate(parts)
