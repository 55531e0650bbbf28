"""The kinds of recognition: how pictures become features, and windows cosines.

    kind      feature of a frame                  compared with the texts
    clip      CLIP's vector                       the mean of the frames, or the middle
    one
    csn       CLIP's vector                       each frame under each label's noise
    is-clip   CLIP's vector, or the student's     frames and samples;
                as well                           see ``models.is_clip.scorers``
    sc-clip   tokens about the last block         f' of each frame

Each frame is encoded once, and its feature does not depend on other frames. Scoring
stored features therefore gives the same result as the whole computation.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from models.clip.averaging import average_clip, middle_frame
from models.clip.encoder import ClipEncoder, normalise_pixels
from models.csn.noise import FeatureNoise
from models.sc_clip.model import FrameState, ScClip
from models.window import Modality, Window

Temporal = Literal["clip", "single"]
"""Whether a window is represented by the mean of its frames or its middle frame."""

Scored = tuple[Float32[np.ndarray, "clip label"], tuple[Modality, ...]]
"""Cosines of windows, and the modality of each answer."""

_BATCH = 64


@runtime_checkable  # annotations are checked at run time under test
class Scorer(Protocol):
    """Interface of the kinds of recognition.

    Attributes:
        kind: Name of the kind.
        scale: Factor of a cosine before the softmax.
        needs_frames: Whether windows without frames cannot be scored.
        uses_samples: Whether a wearable's samples change the answers.
    """

    kind: str
    scale: float
    needs_frames: bool
    uses_samples: bool

    def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        """Encode RGB pictures of the model's own size, independently of each other."""
        ...

    def cosines(
        self, windows: Sequence[Window], text_bank: Float32[np.ndarray, "label dim"]
    ) -> Scored:
        """Compare windows, independently of each other, with texts of unit norm."""
        ...


@final
class ClipScorer:
    """Temporal clip averaging, or the middle frame alone.

    ``frames`` is the number of frames in a full window.

    Raises:
        ValueError: If ``frames`` is not positive.
    """

    needs_frames = True
    uses_samples = False

    def __init__(self, clip: ClipEncoder, temporal: Temporal, frames: int) -> None:
        if frames < 1:
            msg = f"a window of {frames} frames, expected at least one"
            raise ValueError(msg)
        self.kind: str = temporal
        self.scale = clip.logit_scale
        self._clip, self._frames = clip, frames

    def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch dim"]:
        """Encode pictures as rows of unit norm."""
        return self._clip.encode_frames(frames)

    def cosines(
        self, windows: Sequence[Window], text_bank: Float32[np.ndarray, "label dim"]
    ) -> Scored:
        """See ``Scorer``."""
        vectors = np.zeros((len(windows), text_bank.shape[1]), np.float32)
        for row, window in zip(vectors, windows, strict=True):
            row[:] = self._vector(window)
        return vectors @ text_bank.T, _video(windows)

    def _vector(self, window: Window) -> Float32[np.ndarray, " dim"]:
        if self.kind == "clip":
            recency = self._clip.card.recency
            return average_clip(window.features, window.slots, recency)
        middle = middle_frame(window.slots, self._frames)
        return average_clip(window.features[middle : middle + 1])


@final
class CsnScorer:
    """Class-specific noise: tries the noise of every label on every frame.

    The literature scores single frames; a window's score is the mean over its frames.
    """

    kind = "csn"
    needs_frames = True
    uses_samples = False

    def __init__(self, clip: ClipEncoder, noise: FeatureNoise) -> None:
        self.scale = clip.logit_scale
        self._clip, self._noise = clip, noise

    def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch dim"]:
        """Encode pictures as CLIP's own rows of unit norm."""
        return self._clip.encode_frames(frames)

    def cosines(
        self, windows: Sequence[Window], text_bank: Float32[np.ndarray, "label dim"]
    ) -> Scored:
        """See ``Scorer``; the texts must be those that the noise was built with."""
        rows = np.zeros((len(windows), len(text_bank)), np.float32)
        for row, window in zip(rows, windows, strict=True):
            require_frames(window)
            row[:] = self._noise.score(window.features, scale=1.0).mean(axis=0)
        return rows, _video(windows)


@final
class ScClipScorer:
    """SC-CLIP: stores the tokens of each frame, and combines them for each window."""

    kind = "sc-clip"
    needs_frames = True
    uses_samples = False

    def __init__(self, clip: ClipEncoder, model: ScClip) -> None:
        self.scale = model.settings.scale
        self._clip, self._model = clip, model

    @torch.inference_mode()
    def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch token kept"]:
        """Return the dense, inner and last values of each token, side by side.

        The first token has no dense values, but zeros in their place.
        """
        parts = [
            _packed(self._model.frame_state(to_pixels(self._clip, frames[part])))
            for part in batches(len(frames))
        ]
        return np.concatenate(parts)

    @torch.inference_mode()
    def cosines(
        self, windows: Sequence[Window], text_bank: Float32[np.ndarray, "label dim"]
    ) -> Scored:
        """See ``Scorer``."""
        device = self._model.clip.device
        text = torch.tensor(text_bank, device=device)
        rows = np.zeros((len(windows), len(text_bank)), np.float32)
        for row, window in zip(rows, windows, strict=True):
            require_frames(window)
            state = self._unpacked(torch.tensor(window.features, device=device))
            heads = self._model.clip_answer(state, auxiliary=False)
            logits = self._model.score(heads, text).logits[0]
            row[:] = (logits / self.scale).numpy(force=True)
        return rows, _video(windows)

    def _unpacked(self, kept: Float32[Tensor, "time token kept"]) -> FrameState:
        hidden = self._clip.model.vision_model.config.hidden_size
        given = kept.to(self._model.clip.dtype)
        dense, inner, last = torch.split(
            given, [self._clip.dim, hidden, hidden], dim=-1
        )
        return FrameState(dense[:, 1:], inner, last)


def _packed(state: FrameState) -> Float32[np.ndarray, "batch token kept"]:
    dense = torch.nn.functional.pad(state.dense, (0, 0, 1, 0))
    kept = torch.cat((dense, state.inner, state.last), dim=-1)
    packed: Float32[np.ndarray, "batch token kept"] = kept.float().numpy(force=True)
    return packed


def batches(count: int) -> list[slice]:
    """Cut pictures into batches that fit into memory; at least one."""
    starts = range(0, max(count, 1), _BATCH)
    return [slice(start, start + _BATCH) for start in starts]


def to_pixels(
    clip: ClipEncoder, frames: UInt8[np.ndarray, "batch height width 3"]
) -> Float32[Tensor, "batch 3 height width"]:
    """Normalise pictures for a checkpoint.

    Raises:
        ValueError: If the pictures are not of its size.
    """
    clip.require_size(frames)
    # torch.tensor copies: frames are read-only, which torch cannot share
    batch = torch.tensor(frames, device=clip.model.device)
    return normalise_pixels(batch, *clip.pixel_scale)


def require_frames(window: Window) -> None:
    """Refuse a window without frames.

    Raises:
        ValueError: If the window has none.
    """
    if not len(window.features):
        msg = "a clip of no frames has no average"
        raise ValueError(msg)


def _video(windows: Sequence[Window]) -> tuple[Modality, ...]:
    return tuple("video" for _ in windows)
