"""Cameras that look at joints: the ward's own, and any that somebody may mount.

Picture coordinates are those of the square that holds the picture: x to the right and
y down from its upper left corner, both in lengths of its side.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64

from models.person.pose_picture import HIPS
from pipelines.lab.simulation.world import CameraView, camera_axes

_NEAREST_M = 0.2
_TRIES = 30
_LEAST_INSIDE = 0.85
_ASPECTS = (4 / 3, 16 / 9, 3 / 4, 1.0)
_ASPECT_SHARES = (0.45, 0.4, 0.1, 0.05)


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A camera.

    Attributes:
        position_m: Its place.
        axes: Its directions right, up and forwards, as rows.
        fovy_deg: Vertical field of view.
        aspect: Width of the picture relative to its height.
        distortion: Radial distortion; negative ones bulge, as wide lenses do.
    """

    position_m: Float64[np.ndarray, " 3"]
    axes: Float64[np.ndarray, "3 3"]
    fovy_deg: float
    aspect: float = 4 / 3
    distortion: float = 0.0

    def project(
        self, places: Float32[np.ndarray, "time joint 3"]
    ) -> tuple[Float32[np.ndarray, "time joint 2"], Bool[np.ndarray, "time joint"]]:
        """Return the places in the picture's square, and which are in the picture."""
        turned = (places - self.position_m) @ self.axes.T
        depth = turned[..., 2]
        half = np.tan(np.radians(self.fovy_deg) / 2)
        flat = turned[..., :2] / (2 * half * np.maximum(depth, _NEAREST_M))[..., None]
        bulge = 1 + self.distortion * (flat**2).sum(axis=-1, keepdims=True)
        flat = flat * bulge * [1, -1]  # from the middle, in picture heights, y down
        inside = (np.abs(flat) < [self.aspect / 2, 0.5]).all(axis=-1)
        square = (flat / max(1.0, self.aspect) + 0.5).astype(np.float32)
        return square, inside & (depth > _NEAREST_M)


def ward_camera(view: CameraView) -> Camera:
    """Return the camera of a simulated ward."""
    axes = np.array(camera_axes(view))
    return Camera(np.array(view.position_m), axes, view.fovy_deg)


def free_camera(
    rng: np.random.Generator, places: Float32[np.ndarray, "time joint 3"]
) -> Camera | None:
    """Draw a camera anywhere from which a person is well in view most of the time.

    Args:
        rng: Source of the choices.
        places: The person's joints, of times when present.

    Returns:
        None if none of several cameras has the person in view.
    """
    centre = np.median(places[:, HIPS].mean(axis=1), axis=0)
    for _ in range(_TRIES):
        camera = _any_camera(rng, centre)
        _, inside = camera.project(places[::6])
        if inside.mean() > _LEAST_INSIDE:
            return camera
    return None


def _any_camera(rng: np.random.Generator, centre: Float32[np.ndarray, " 3"]) -> Camera:
    away_m, around = rng.uniform(1.4, 6.5), rng.uniform(-np.pi, np.pi)
    is_low = rng.random() < 0.25
    height_m = rng.uniform(0.5, 1.2) if is_low else rng.uniform(1.0, 3.0)
    position = np.array(
        [
            centre[0] + away_m * np.cos(around),
            centre[1] + away_m * np.sin(around),
            height_m,
        ]
    )
    aim = centre + np.array([*rng.normal(0, 0.5, 2), rng.uniform(0, 0.8)])
    flat = camera_axes(CameraView(_tuple(position), _tuple(aim), 0.0))
    roll = np.radians(rng.normal(0, 2.5))
    cos, sin = np.cos(roll), np.sin(roll)
    turned = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) @ np.array(flat)
    return Camera(
        position,
        turned,
        fovy_deg=float(rng.uniform(35, 95)),
        aspect=float(rng.choice(_ASPECTS, p=_ASPECT_SHARES)),
        distortion=float(rng.uniform(-0.25, 0.05)) if rng.random() < 0.5 else 0.0,
    )


def _tuple(point: Float64[np.ndarray, " 3"]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in point)
    return x, y, z
