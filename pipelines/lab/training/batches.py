"""Batches for training: windows of pictures, drawn by label and randomly changed.

    runs ─▶ draw windows by label ─▶ zoom, turn, shift, mirror ─▶ blocks ─▶ disturb

All pictures of a window get the same view, because they come from one camera.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from pipelines.lab.training.augment import (
    disturb,
    draw_views,
    move_landmarks,
    view_blocks,
)
from pipelines.lab.training.blocks import draw_blocks
from pipelines.lab.training.pictures import PictureRun


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Windows side by side: picture index = window index · drawn + index in it.

    Attributes:
        pixels: Normalised blocks of pictures.
        patches: Numbers of the block's patches in its picture, row by row.
        frame_labels: Index of each picture's label.
        landmarks: Fractions of the picture, height in metres, and 1 if visible.
    """

    pixels: Float32[Tensor, "picture 3 height width"]
    patches: Int64[Tensor, "picture token"]
    frame_labels: Int64[Tensor, " picture"]
    landmarks: Float32[Tensor, "picture landmark 4"]


@final
class WindowSampler:
    """Draws windows so that rare labels occur often enough.

    The weight of a window is 1 / sqrt(number of windows with its most common label),
    which lies between natural and equal frequencies. Only some pictures of a window are
    drawn, because neighbours are similar and other windows add more.

    Args:
        runs: The recordings.
        labels: Index of each picture's label, for each recording; windows with a label
            of -1 are never drawn.
        frames: Pictures in a window.
        drawn: Number of them that are drawn.
        side: Patches along a side of a picture.
    """

    def __init__(
        self,
        runs: Sequence[PictureRun],
        labels: Sequence[np.ndarray[Any, np.dtype[np.int64]]],
        *,
        frames: int,
        drawn: int,
        side: int,
    ) -> None:
        self._runs, self._labels = runs, labels
        self._frames, self._drawn, self._side = frames, drawn, side
        self._places = np.array(
            [
                (run, start)
                for run, row in enumerate(labels)
                for start in range(len(row) - frames + 1)
                if row[start : start + frames].min() >= 0
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

    def draw(self, windows: int, block: int, rng: np.random.Generator) -> Batch:
        """Draw a batch; equal generators draw equal batches.

        ``block`` is the side of the shown block in patches.
        """
        chosen = rng.choice(len(self._places), windows, p=self._weights)
        pixels, labels, landmarks = [], [], []
        for run, start in self._places[chosen]:
            places = start + rng.choice(self._frames, self._drawn, replace=False)
            pixels.append(self._runs[run].pictures(places))
            labels.append(self._labels[run][places])
            landmarks.append(self._runs[run].landmarks[places])
        pictures = torch.from_numpy(np.concatenate(pixels)).permute(0, 3, 1, 2) / 255.0
        views = draw_views(windows, rng).repeat_interleave(self._drawn, dim=0)
        moved = move_landmarks(torch.from_numpy(np.concatenate(landmarks)), views)
        patches = draw_blocks(moved, self._side, block, rng)
        shown = view_blocks(pictures, views, patches[:, 0], self._side, block)
        return Batch(
            disturb(shown, rng),
            patches,
            torch.from_numpy(np.concatenate(labels)),
            moved,
        )
