"""Batches for training: windows of pictures, drawn fairly and seen differently.

    runs ─▶ draw windows by label ─▶ zoom, turn, shift, mirror, light ─▶ batch

Every picture of a window is changed alike, as one camera would see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from models.clip import CLIP_DEVIATION, CLIP_MEAN
from pipelines.training.pictures import PictureRun


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Windows side by side: picture index = window index · drawn + place in it.

    Attributes:
        pixels: Normalised pictures.
        frame_labels: Index of each picture's label.
        landmarks: Fractions of the picture, height in metres, and 1 where seen.
    """

    pixels: Float32[Tensor, "picture 3 height width"]
    frame_labels: Int64[Tensor, " picture"]
    landmarks: Float32[Tensor, "picture landmark 4"]


@final
class WindowSampler:
    """Draws windows so that rare labels are seen often enough.

    A window is drawn in proportion to 1 / sqrt(how many windows share its commonest
    label): between as often as it occurs and as often as every other label. Of its
    pictures some are drawn: neighbours look alike, and other windows teach more.

    Args:
        runs: The recordings.
        labels: Index of each picture's label, for each recording.
        frames: Pictures in a window.
        drawn: How many of them are drawn.
    """

    def __init__(
        self,
        runs: Sequence[PictureRun],
        labels: Sequence[np.ndarray[Any, np.dtype[np.int64]]],
        frames: int,
        drawn: int,
    ) -> None:
        self._runs, self._labels = runs, labels
        self._frames, self._drawn = frames, drawn
        self._places = np.array(
            [
                (run, start)
                for run, row in enumerate(labels)
                for start in range(len(row) - frames + 1)
            ]
        )
        common = np.array(
            [
                np.bincount(labels[run][start : start + frames]).argmax()
                for run, start in self._places
            ]
        )
        weights = 1 / np.sqrt(np.bincount(common)[common])
        self._weights = weights / weights.sum()

    def draw(self, windows: int, rng: np.random.Generator) -> Batch:
        """Draw a batch; equal generators draw equal batches."""
        chosen = rng.choice(len(self._places), windows, p=self._weights)
        pixels, labels, landmarks = [], [], []
        for run, start in self._places[chosen]:
            places = start + rng.choice(self._frames, self._drawn, replace=False)
            pixels.append(self._runs[run].pictures(places))
            labels.append(self._labels[run][places])
            landmarks.append(self._runs[run].landmarks[places])
        light = torch.from_numpy(np.concatenate(pixels)).permute(0, 3, 1, 2) / 255.0
        marks = torch.from_numpy(np.concatenate(landmarks))
        light, marks = _move(light, marks, self._drawn, rng)
        return Batch(
            _light(light, self._drawn, rng),
            torch.from_numpy(np.concatenate(labels)),
            marks,
        )


def _move(
    pictures: Float32[Tensor, "picture 3 height width"],
    landmarks: Float32[Tensor, "picture landmark 4"],
    frames: int,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Zoom, turn, shift and mirror each window, and its landmarks with it."""
    windows = len(pictures) // frames
    zoom = np.exp(rng.uniform(np.log(0.9), np.log(1.25), windows))
    turn = np.radians(rng.uniform(-3, 3, windows))
    mirror = rng.choice([-1.0, 1.0], windows)
    # Where the picture is read for each place of the result, from -1 to 1.
    reading = np.zeros((windows, 2, 3))
    reading[:, 0, 0] = mirror * np.cos(turn) / zoom
    reading[:, 0, 1] = -np.sin(turn) / zoom
    reading[:, 1, 0] = mirror * np.sin(turn) / zoom
    reading[:, 1, 1] = np.cos(turn) / zoom
    reading[:, :, 2] = rng.uniform(-0.1, 0.1, (windows, 2))
    theta = torch.from_numpy(np.repeat(reading, frames, axis=0)).float()
    grid = affine_grid(theta, list(pictures.shape), align_corners=False)
    moved = grid_sample(pictures, grid, align_corners=False)
    centred = landmarks[..., :2] * 2 - 1 - theta[:, None, :, 2]
    places = torch.einsum("pij,plj->pli", torch.linalg.inv(theta[:, :, :2]), centred)
    inside = (places.abs() < 1).all(dim=-1) & (landmarks[..., 3] > 0)
    marks = torch.cat(
        ((places + 1) / 2, landmarks[..., 2:3], inside[..., None].float()), dim=-1
    )
    return moved, marks


def _light(
    pictures: Float32[Tensor, "picture 3 height width"],
    frames: int,
    rng: np.random.Generator,
) -> Float32[Tensor, "picture 3 height width"]:
    """Change each window's brightness, contrast, tint and noise; normalise."""
    windows = len(pictures) // frames

    def spread(values: np.ndarray) -> Tensor:
        repeated = np.repeat(values.reshape(windows, -1), frames, axis=0)
        return torch.from_numpy(repeated).float()[..., None, None]

    grey = spread(rng.random(windows) < 0.1)
    pictures = pictures + grey * (pictures.mean(dim=1, keepdim=True) - pictures)
    contrast = spread(rng.uniform(0.85, 1.15, windows))
    brightness = spread(rng.uniform(-0.06, 0.06, windows))
    tint = spread(rng.uniform(0.92, 1.08, (windows, 3)))
    pictures = ((pictures - 0.45) * contrast + 0.45 + brightness) * tint
    mean = torch.tensor(CLIP_MEAN)[:, None, None]
    deviation = torch.tensor(CLIP_DEVIATION)[:, None, None]
    return (pictures.clamp(0, 1) - mean) / deviation
