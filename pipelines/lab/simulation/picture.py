"""Pictures of a world from its camera.

Shadows are off, because they are slow to render.
"""

from dataclasses import dataclass
from typing import final

import mujoco
import numpy as np
from jaxtyping import Float64, UInt8

from pipelines.lab.simulation.aids.walking_aid import WalkingAid
from pipelines.lab.simulation.world import HIDDEN_M, PARTS, World

WIDTH_PX, HEIGHT_PX = 320, 240


@dataclass(frozen=True, slots=True)
class Sensor:
    """Properties of the camera's sensor.

    Attributes:
        exposure: Mean level, 0 to 255, that the first picture is exposed to.
        tint: Factor of each channel, red, green, blue.
        gamma: Exponent of the tone curve.
        noise: Standard deviation of a pixel's noise, in levels of 255.
        night: Whether the camera uses infra-red light, and its picture is grey.
    """

    exposure: float
    tint: tuple[float, float, float]
    gamma: float
    noise: float
    night: bool


def random_sensor(rng: np.random.Generator) -> Sensor:
    """Draw a random exposure, tint, tone and noise, and whether it is night."""
    red, green, blue = 1 + rng.uniform(-0.12, 0.12, 3)
    return Sensor(
        exposure=float(rng.uniform(85, 155)),
        tint=(float(red), float(green), float(blue)),
        gamma=float(rng.uniform(0.75, 1.3)),
        noise=float(rng.uniform(0, 6)),
        night=bool(rng.random() < 0.2),
    )


@final
class Photographer:
    """Renders a world's camera; a context manager that owns the GL context.

    Args:
        world: The person, the room and the camera.
        sensor: The camera's sensor.
        rng: Source of the noise.
        beside: The same room's world of another person, who is shown as posed last;
            None for nobody.
    """

    def __init__(
        self,
        world: World,
        sensor: Sensor,
        rng: np.random.Generator,
        beside: World | None = None,
    ) -> None:
        self._world, self._sensor, self._rng = world, sensor, rng
        self._beside = beside
        self._model = world.model if beside is None else world.with_another(beside.body)
        self._model.cam_quat[:] = world.model.cam_quat  # it may have been turned
        self._data = mujoco.MjData(self._model)
        self._aid = WalkingAid(world.body, world.room)
        self._tone: list[np.ndarray] | None = None

    def __enter__(self) -> "Photographer":
        self._renderer = mujoco.Renderer(self._model, HEIGHT_PX, WIDTH_PX)
        return self

    def __exit__(self, *_: object) -> None:
        self._renderer.close()

    def park_walking_aid(self, life: Float64[np.ndarray, "sample coordinate"]) -> None:
        """Put the walking aid where the person will first need it.

        Otherwise a picture shows it once its person first stands.

        Args:
            life: Coordinates of the person, of which pictures follow.
        """
        self._aid.park(life)

    def render(
        self, qpos: Float64[np.ndarray, " coordinate"], *, covered: bool
    ) -> UInt8[np.ndarray, "height width 3"]:
        """Take a picture of the person at these coordinates."""
        self._set_scene(qpos, covered=covered)
        return self._exposed(self._renderer.render())

    def segment(
        self, qpos: Float64[np.ndarray, " coordinate"], *, covered: bool
    ) -> UInt8[np.ndarray, "height width"]:
        """Return the index into ``PARTS`` of what each pixel shows."""
        self._set_scene(qpos, covered=covered)
        self._renderer.enable_segmentation_rendering()
        try:
            things, kinds = np.moveaxis(self._renderer.render(), -1, 0)
        finally:
            self._renderer.disable_segmentation_rendering()
        is_geom = kinds == mujoco.mjtObj.mjOBJ_GEOM
        shown = np.where(is_geom, self._world.part_of_geom()[things], 0)
        shown[kinds == mujoco.mjtObj.mjOBJ_SKIN] = PARTS.index("person")
        return shown.astype(np.uint8)

    def _set_scene(
        self, qpos: Float64[np.ndarray, " coordinate"], *, covered: bool
    ) -> None:
        self._place("blanket", self._world.blanket_m(covered=covered))
        if self._world.body.walking_aid != "none":
            self._place_walking_aid(self._aid.follow(qpos))
        self._data.qpos[: self._world.nq] = qpos
        if self._beside is not None:
            self._data.qpos[self._world.nq :] = self._beside.data.qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        self._renderer.update_scene(self._data, camera="ward")
        self._renderer.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0

    def _place_walking_aid(self, place: tuple[float, float, float] | None) -> None:
        x, y, heading_rad = (0.0, 0.0, 0.0) if place is None else place
        z = -HIDDEN_M if place is None else 0.0
        self._place("walking_aid", (x, y, z), heading_rad)

    def _place(
        self, body: str, at_m: tuple[float, float, float], heading_rad: float = 0.0
    ) -> None:
        """Put a body without physics at a place, turned about the vertical."""
        moved = self._model.body(body).mocapid[0]
        self._data.mocap_pos[moved] = at_m
        half_rad = heading_rad / 2
        self._data.mocap_quat[moved] = np.cos(half_rad), 0, 0, np.sin(half_rad)

    def _exposed(
        self, light: UInt8[np.ndarray, "height width 3"]
    ) -> UInt8[np.ndarray, "height width 3"]:
        if self._sensor.night:
            light = np.repeat(
                light.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2
            )
        if self._tone is None:
            self._tone = _tone_curves(self._sensor, float(light.mean()))
        tone = self._tone
        toned = np.stack([tone[c][light[..., c]] for c in range(3)], axis=2)
        if self._sensor.noise > 0:
            toned += (
                self._rng.standard_normal(toned.shape, dtype=np.float32)
                * self._sensor.noise
            )
        exposed: UInt8[np.ndarray, "height width 3"] = np.clip(toned, 0, 255).astype(
            np.uint8
        )
        return exposed


def _tone_curves(sensor: Sensor, mean_level: float) -> list[np.ndarray]:
    """Return a tone curve of 256 levels for each channel, exposed for a mean level."""
    gain = min(6.0, sensor.exposure / max(mean_level, 1.0))
    levels = np.arange(256) / 255
    return [
        (255 * np.clip(levels * gain * tint, 0, 1) ** sensor.gamma).astype(np.float32)
        for tint in sensor.tint
    ]
