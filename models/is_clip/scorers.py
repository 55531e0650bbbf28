"""Recognition by IS-CLIP: frames and samples, fused late or as in the paper.

The paper's fusion learns how far to trust a sensor, which is a simulated one. So
``wardwatch train is-clip`` makes adaptations that fuse late. The paper's fusion stays
for its study, and for adaptations without a ``late_weight``.
"""

import math
from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn.functional import normalize

from models.clip.averaging import average_clip
from models.clip.encoder import ClipEncoder
from models.is_clip.file import TrainedIsClip
from models.is_clip.spectrogram import ImuFormat, spectrograms
from models.is_clip.stillness import has_moved
from models.is_clip.tower import teacher_features, trunk_tokens
from models.scorers import Scored, batches, require_frames, to_pixels
from models.window import Modality, Window

_RATE_TOLERANCE = 0.02
_CALM_SHARE = 0.5
"""Factor of the camera's cosines beside a calm wearable. The temperature of both is
about half of the camera's own, so that the camera is as sure as it is alone."""


def _has_moved(window: Window) -> bool:
    """Return whether a window's samples, with the time before it, show movement."""
    if window.imu is None or window.imu_rate_hz is None:
        return False
    return has_moved(window.imu, window.imu_rate_hz)


@final
class _Wearable:
    """Samples of windows as f_IMU, of an IS-CLIP."""

    def __init__(self, trained: TrainedIsClip) -> None:
        self._model, self._scale = trained.model, trained.scale
        self._form = ImuFormat(trained.scale.rate_hz, "mps2", "radps")
        length_s = (trained.model.frames - 1) * trained.step_s
        self._longest = round(length_s * trained.scale.rate_hz)

    def has_samples(self, window: Window) -> bool:
        """Return whether a window has samples of the right rate, and enough of them."""
        if window.imu is None or window.imu_rate_hz is None:
            return False
        rate_hz = self._form.rate_hz
        known = math.isclose(window.imu_rate_hz, rate_hz, rel_tol=_RATE_TOLERANCE)
        return known and len(window.imu) >= self._form.window_samples

    def encode(self, windows: Sequence[Window]) -> Float32[Tensor, "clip dim"]:
        """Encode the samples of windows that have some."""
        pairs = [
            spectrograms(self._own(window.imu), self._form, self._scale)
            for window in windows
            if window.imu is not None
        ]
        device = self._model.projection.weight.device
        acc, gyro = (torch.stack(each).to(device) for each in zip(*pairs, strict=True))
        return self._model.encode_imu(acc, gyro)

    def _own(
        self, samples: Float32[np.ndarray, "sample 6"]
    ) -> Float32[np.ndarray, "own 6"]:
        """Leave out the time before the window where the form does not use it."""
        return samples if self._scale.upright_s else samples[-self._longest :]


@final
class LateIsClipScorer:
    """IS-CLIP with late fusion: the mean of the camera's and the wearable's cosines.

    Each answers alone where the other is silent. A window's samples are used if their
    rate is that of the training and they are long enough for a spectrogram. Beside a
    camera, samples in which nothing moved have no say: a person who falls moves what
    they wear, so such a device may be on a table, and must not deny a fall.

    Raises:
        ValueError: If the adaptation has no ``late_weight``.
    """

    kind = "is-clip"
    needs_frames = False
    uses_samples = True

    def __init__(self, clip: ClipEncoder, trained: TrainedIsClip) -> None:
        if trained.late_weight is None:
            msg = "an IS-CLIP without a late_weight fuses as in the paper"
            raise ValueError(msg)
        self.scale = clip.logit_scale
        self._clip, self._wearable = clip, _Wearable(trained)
        self._weight = trained.late_weight

    def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch dim"]:
        """Encode pictures as rows of unit norm."""
        return self._clip.encode_frames(frames)

    @torch.inference_mode()
    def cosines(
        self, windows: Sequence[Window], text_bank: Float32[np.ndarray, "label dim"]
    ) -> Scored:
        """See ``Scorer``.

        Raises:
            ValueError: If a window has neither frames nor usable samples.
        """
        seen = np.array([len(window.features) > 0 for window in windows], bool)
        worn = np.array([self._wearable.has_samples(each) for each in windows], bool)
        rows = np.zeros((len(windows), len(text_bank)), np.float32)
        for row, window, is_worn in zip(rows, windows, worn, strict=True):
            if not is_worn:
                require_frames(window)
            if len(window.features):
                row[:] = text_bank @ _camera_vector(self._clip, window)
        if worn.any():
            felt_by = [
                window for window, is_worn in zip(windows, worn, strict=True) if is_worn
            ]
            imu = self._wearable.encode(felt_by)
            felt = normalize(imu, dim=-1).numpy(force=True) @ text_bank.T
            moved = np.array([_has_moved(window) for window in felt_by], bool)
            both, alone = seen[worn] & moved, ~seen[worn]
            share = np.select([both, alone], [self._weight / (1 + self._weight), 1], 0)
            kept = np.select([both, alone], [1 / (1 + self._weight), 0], _CALM_SHARE)
            rows[worn] = kept[:, None] * rows[worn] + share[:, None] * felt
        return rows, tuple(map(_modality, seen.tolist(), worn.tolist()))


@final
class IsClipScorer:
    """IS-CLIP on frames and samples, or on whichever is available.

    A window's samples are used if their rate is that of the training and they are long
    enough for a spectrogram; otherwise its modality is video. A window of frames alone
    is scored by the checkpoint's own vectors, because the student has learnt to share
    its work with the samples.
    """

    kind = "is-clip"
    needs_frames = False
    uses_samples = True

    def __init__(self, clip: ClipEncoder, trained: TrainedIsClip) -> None:
        self.scale = clip.logit_scale
        self._clip, self._model = clip, trained.model
        self._wearable = _Wearable(trained)

    @torch.inference_mode()
    def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch both"]:
        """Encode pictures as CLIP's and the student's rows of unit norm, side by side.

        Both share the trunk, which runs once.
        """
        features = np.empty((len(frames), 2 * self._clip.dim), np.float32)
        for part in batches(len(frames)):
            pixels = to_pixels(self._clip, frames[part])
            tokens = trunk_tokens(self._clip.model, pixels)
            both = (
                teacher_features(self._clip.model, tokens),
                self._model.student_features(tokens),
            )
            features[part] = torch.cat(both, dim=1).numpy(force=True)
        return features

    @torch.inference_mode()
    def cosines(
        self, windows: Sequence[Window], text_bank: Float32[np.ndarray, "label dim"]
    ) -> Scored:
        """See ``Scorer``.

        Raises:
            ValueError: If a window has neither frames nor usable samples.
        """
        modalities = tuple(
            _modality(len(window.features) > 0, self._wearable.has_samples(window))
            for window in windows
        )
        rows = np.zeros((len(windows), len(text_bank)), np.float32)
        for modality in ("fused", "video", "imu"):
            places = [i for i, found in enumerate(modalities) if found == modality]
            if places:
                chosen = [windows[place] for place in places]
                vectors = self._vectors(chosen, modality)
                rows[places] = vectors.numpy(force=True) @ text_bank.T
        return rows, modalities

    def _vectors(
        self, windows: Sequence[Window], modality: Modality
    ) -> Float32[Tensor, "clip dim"]:
        if modality == "video":
            for window in windows:
                require_frames(window)
            rows = [_camera_vector(self._clip, window) for window in windows]
            return torch.from_numpy(np.stack(rows))
        imu = self._wearable.encode(windows)
        if modality == "imu":
            return normalize(imu, dim=-1)
        most = max(len(window.features) for window in windows)
        features = torch.zeros((len(windows), most, self._clip.dim))
        slots = torch.full((len(windows), most), -1)
        for row, window in enumerate(windows):
            count = len(window.features)
            features[row, :count] = torch.tensor(window.features[:, self._clip.dim :])
            slots[row, :count] = torch.tensor(list(window.slots))
        device = self._model.projection.weight.device
        return self._model.fuse(features.to(device), imu, slots.to(device))


def _camera_vector(clip: ClipEncoder, window: Window) -> Float32[np.ndarray, " dim"]:
    """Return the mean of a window's frames, of CLIP's own part of their features."""
    features = window.features[:, : clip.dim]
    return average_clip(features, window.slots, clip.card.recency)


def _modality(is_seen: bool, is_worn: bool) -> Modality:
    if is_worn:
        return "fused" if is_seen else "imu"
    return "video"
