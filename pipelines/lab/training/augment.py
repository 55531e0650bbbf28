"""Random changes of training pictures, so that the result holds for other rooms.

A small tower can memorise a thousand rooms. It cannot memorise pictures that are never
the same twice: with other light, other noise, and pieces of other rooms.
"""

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor
from torch.nn.functional import grid_sample

from models.clip.encoder import CLIP_DEVIATION, CLIP_MEAN

_PASTED_SHARE = 0.5
_PASTED_SIDE = (0.125, 0.45)
_MOST_NOISE = 0.035


def draw_views(windows: int, rng: np.random.Generator) -> Float32[Tensor, "window 2 3"]:
    """Draw random views: zoom, rotation, shift and mirroring.

    Coordinates go from -1 to 1, as in ``torch.nn.functional.affine_grid``.
    """
    zoom = np.exp(rng.uniform(np.log(0.85), np.log(1.3), windows))
    turn = np.radians(rng.uniform(-5, 5, windows))
    mirror = rng.choice([-1.0, 1.0], windows)
    views = np.zeros((windows, 2, 3))
    views[:, 0, 0] = mirror * np.cos(turn) / zoom
    views[:, 0, 1] = -np.sin(turn) / zoom
    views[:, 1, 0] = mirror * np.sin(turn) / zoom
    views[:, 1, 1] = np.cos(turn) / zoom
    views[:, :, 2] = rng.uniform(-0.1, 0.1, (windows, 2))
    return torch.from_numpy(views).float()


def move_landmarks(
    landmarks: Float32[Tensor, "picture landmark 4"],
    views: Float32[Tensor, "picture 2 3"],
) -> Float32[Tensor, "picture landmark 4"]:
    """Return the landmarks in the views; those outside are not visible."""
    centred = landmarks[..., :2] * 2 - 1 - views[:, None, :, 2]
    places = torch.einsum("pij,plj->pli", torch.linalg.inv(views[:, :, :2]), centred)
    inside = (places.abs() < 1).all(dim=-1) & (landmarks[..., 3] > 0)
    return torch.cat(
        ((places + 1) / 2, landmarks[..., 2:3], inside[..., None].float()), dim=-1
    )


def view_blocks(
    pictures: Float32[Tensor, "picture 3 height width"],
    views: Float32[Tensor, "picture 2 3"],
    first: Int64[Tensor, " picture"],
    side: int,
    block: int,
) -> Float32[Tensor, "picture 3 rows columns"]:
    """Sample a block of each picture's view, without computing the rest.

    ``views`` is the output of ``draw_views``. Lengths count patches.
    """
    size = pictures.shape[-1]
    steps = torch.arange(size // side * block)
    corner = torch.stack((first % side, first // side), dim=1) * (size // side)
    pixels = corner[:, :, None] + steps  # picture, axis, step
    places = (2 * pixels + 1) / size - 1
    shape = (-1, len(steps), len(steps))
    across = places[:, 0, None, :].expand(shape)
    down = places[:, 1, :, None].expand(shape)
    at = torch.stack((across, down, torch.ones_like(across)), dim=-1)
    return grid_sample(
        pictures, torch.einsum("pij,phwj->phwi", views, at), align_corners=False
    )


def disturb(
    pictures: Float32[Tensor, "picture 3 height width"], rng: np.random.Generator
) -> Float32[Tensor, "picture 3 height width"]:
    """Change each picture's light and noise, paste pieces of others, and normalise."""
    count = len(pictures)

    def spread(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.reshape(count, -1)).float()[..., None, None]

    grey = spread(rng.random(count) < 0.15)
    pictures = pictures + grey * (pictures.mean(dim=1, keepdim=True) - pictures)
    level = pictures.mean(dim=(2, 3), keepdim=True)
    contrast = spread(rng.uniform(0.55, 1.6, count))
    light = spread(rng.uniform(-0.06, 0.06, count))
    tint = spread(rng.uniform(-0.13, 0.13, (count, 3)))
    pictures = (pictures - level) * contrast + level + light + tint
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    noise = torch.randn(pictures.shape, generator=generator)
    pictures = pictures + noise * spread(rng.uniform(0, _MOST_NOISE, count))
    pictures = _paste(pictures.clamp(0, 1), rng)
    mean = torch.tensor(CLIP_MEAN)[:, None, None]
    deviation = torch.tensor(CLIP_DEVIATION)[:, None, None]
    return (pictures - mean) / deviation


def _paste(
    pictures: Float32[Tensor, "picture 3 height width"], rng: np.random.Generator
) -> Float32[Tensor, "picture 3 height width"]:
    """Copy a rectangle of another picture into some pictures, at the same place."""
    size = pictures.shape[-1]
    low, high = (max(1, round(share * size)) for share in _PASTED_SIDE)
    pasted = pictures.clone()
    for picture in np.flatnonzero(rng.random(len(pictures)) < _PASTED_SHARE):
        height, width = rng.integers(low, high + 1, 2)
        top, left = (rng.integers(0, size - length + 1) for length in (height, width))
        area = (slice(None), slice(top, top + height), slice(left, left + width))
        pasted[picture][area] = pictures[rng.integers(len(pictures))][area]
    return pasted
