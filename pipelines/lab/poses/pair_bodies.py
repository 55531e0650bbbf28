"""Where the bodies of two simulated people are in a picture, and whose a pose is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float32, Float64

from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.pair import Actor
from pipelines.lab.simulation.world import LANDMARKS

_TRUNK = (LANDMARKS.index("chest"), LANDMARKS.index("pelvis"))
_SHOULDERS, _HIPS = (11, 12), (23, 24)
_NEAR = 0.35  # share of the body's extent in the picture


@final
@dataclass(frozen=True, slots=True, eq=False)
class ShownBody:
    """A body in the picture's square, and how far away it is.

    Attributes:
        places: Its ``LANDMARKS``, in fractions of the square's side.
        inside: Share of them inside the picture.
        away_m: Distance from the camera.
    """

    places: Float64[np.ndarray, "landmark 2"]
    inside: float
    away_m: float

    def distance(self, landmarks: Float32[np.ndarray, "33 3"]) -> float:
        """Return how far a pose's trunk is away, in extents of the body."""
        found = [landmarks[list(pair), :2].mean(axis=0) for pair in (_SHOULDERS, _HIPS)]
        ways = np.linalg.norm(np.array(found) - self.places[list(_TRUNK)], axis=1)
        extent = float(np.linalg.norm(np.ptp(self.places, axis=0)))
        return float(ways.mean()) / max(extent, 1e-6)

    def is_before(self, other: "ShownBody") -> bool:
        """Return whether the body covers the middle of another's trunk."""
        middle = other.places[list(_TRUNK)].mean(axis=0)
        low, high = self.places.min(axis=0), self.places.max(axis=0)
        covers = bool(((low <= middle) & (middle <= high)).all())
        return covers and self.away_m < other.away_m


def shown_body(actor: Actor, time_s: float) -> ShownBody | None:
    """Project a body into the picture; None while the person is absent."""
    qpos = actor.track.qpos
    now = qpos[min(int(time_s * SAMPLE_RATE_HZ), len(qpos) - 1)]
    across, down, _, inside = actor.world.landmarks(now).T
    if actor.is_absent(now):
        return None
    # The picture has 3 rows for 4 columns, in the middle of its square.
    places = np.stack((across, 0.5 + (down - 0.5) * 3 / 4), axis=1)
    away = actor.world.data.geom("pelvis").xpos - np.array(actor.world.view.position_m)
    return ShownBody(places, float(inside.mean()), float(np.linalg.norm(away)))


def poses_of(
    bodies: Sequence[ShownBody | None],
    poses: Sequence[Float32[np.ndarray, "33 3"]],
) -> list[int | None]:
    """Return the index of the pose that was found of each body, or None.

    Args:
        bodies: The bodies in a picture.
        poses: The landmarks of everybody found in it.
    """
    ways = sorted(
        (body.distance(pose), which, index)
        for which, body in enumerate(bodies)
        if body is not None
        for index, pose in enumerate(poses)
    )
    chosen: dict[int, int] = {}
    for way, which, index in ways:
        if way <= _NEAR and which not in chosen and index not in chosen.values():
            chosen[which] = index
    return [chosen.get(which) for which in range(len(bodies))]
