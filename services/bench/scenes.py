"""Pictures of several cameras for the encoder's benchmark: something moves, or nothing.

They are made from the shipped canary, a simulated fall: eight pictures, or eight poses.
"""

from typing import Literal, get_args

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from models.bundled import CANARY_FILE
from models.clip.card import View
from pipelines.live.windows.assembler import WindowSettings
from pipelines.records import Frame

SceneKind = Literal["moving", "quiet"]
Picture = UInt8[np.ndarray, "height width 3"]
Film = UInt8[np.ndarray, "time height width 3"]
SCENES: tuple[SceneKind, ...] = get_args(SceneKind)

_NOISE_LEVELS = 4
"""Levels of camera noise in a quiet room; a drawn pose has none."""
_SHIFT = 7
"""Pixels by which pictures of neighbouring cameras, and of each round, are shifted."""


def make_frames(
    kind: SceneKind, cameras: int, ticks: int, side_px: int, view: View
) -> list[list[Frame]]:
    """Return one frame of each camera for each tick of the frame grid.

    Args:
        kind: ``moving``: each picture differs from the one before; or ``quiet``: the
            same room with the camera's noise, or the same pose.
        cameras: Number of cameras.
        ticks: Number of ticks.
        side_px: Side of the pictures.
        view: Whether the recogniser looks at poses.
    """
    film = _film(view, side_px)
    levels = 1 if view == "pose" else _NOISE_LEVELS
    return [
        [
            Frame(
                subject_id=f"camera-{camera}",
                timestamp_ns=tick * WindowSettings().step_ns,
                tick=tick,
                pixels=_picture(kind, film, camera, tick, levels),
            )
            for camera in range(cameras)
        ]
        for tick in range(ticks)
    ]


def _picture(
    kind: SceneKind, film: Film, camera: int, tick: int, levels: int
) -> Picture:
    if kind == "moving":
        turn, place = divmod(tick, len(film))
        moved: Picture = np.roll(film[place], _SHIFT * (camera + turn), axis=1)
        return moved
    room = np.roll(film[0], _SHIFT * camera, axis=1)
    rng = np.random.default_rng((camera, tick))
    noise = rng.integers(0, levels, room.shape, np.uint8)
    noisy: Picture = np.minimum(room, 256 - levels) + noise
    return noisy


def _film(view: View, side_px: int) -> Film:
    with np.load(CANARY_FILE) as canary:
        film = canary["poses" if view == "pose" else "pixels"]
    size = (side_px, side_px)
    return np.stack([np.asarray(Image.fromarray(each).resize(size)) for each in film])
