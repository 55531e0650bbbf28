"""Falls: a limp body under physics, starting from the motion before the fall.

At the onset the person keeps pose and velocity and receives a push. Muscle tone holds
the pose for a moment and then fades, and gravity does the rest. Nothing is animated.
"""

from dataclasses import dataclass
from typing import final

import mujoco
import numpy as np
from jaxtyping import Float64

from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ, Motion, Qpos
from pipelines.lab.simulation.world import PHYSICS_STEP_S

_SUBSTEPS = round(1 / SAMPLE_RATE_HZ / PHYSICS_STEP_S)
_LONGEST_S = 5.0
_SHORTEST_S = 0.5
_REST_SPEED_MPS = 0.25
_ATTEMPTS = 8
_MUSCLE_NM_PER_RAD = 60.0


@dataclass(frozen=True, slots=True)
class FallCause:
    """The cause of a fall.

    Attributes:
        push_mps: Velocity added to the trunk, in the person's own axes (forwards, left,
            up).
        spin_radps: Turn rate added, about the same axes.
        tone_s: Time constant of the loss of muscle tone: 0.1 s is a faint, 1.0 s a
            slide.
    """

    push_mps: tuple[float, float, float]
    spin_radps: tuple[float, float, float]
    tone_s: float


def draw_cause(rng: np.random.Generator, start: str) -> FallCause:
    """Draw a random cause of a fall from ``standing``, ``chair`` or ``bed``.

    In bed the person lies on the back with the open side to the left or right; the roll
    over the edge gives the push (``towards`` of ``fall``).
    """
    if start == "bed":
        return FallCause(
            (0.0, 0.0, rng.uniform(0, 0.3)), (0.0, 0.0, 0.0), rng.uniform(0.1, 0.4)
        )
    angle = rng.uniform(0, 2 * np.pi)
    if start == "chair":  # the back rest blocks a fall backwards
        angle = rng.uniform(-np.pi * 0.6, np.pi * 0.6)
    speed = rng.uniform(0.5, 1.4) if start == "standing" else rng.uniform(1.0, 2.0)
    forwards, left = speed * np.cos(angle), speed * np.sin(angle)
    tip = rng.uniform(0.6, 1.6)
    spin = (-left * tip, forwards * tip, rng.uniform(-0.8, 0.8))
    return FallCause((forwards, left, 0.0), spin, float(rng.uniform(0.12, 0.7)))


def fall(
    motion: Motion,
    cause: FallCause,
    towards: Float64[np.ndarray, " axis"] | None = None,
) -> bool:
    """Let the person fall from the current state, and record it as *falling*.

    ``towards`` is an additional horizontal velocity in the room's axes, metres per
    second.

    Returns:
        Whether the person ended on the floor in view of the camera; otherwise nothing
        was recorded.
    """
    for attempt in range(_ATTEMPTS):
        samples = _Limp(motion, cause, towards, strength=1 + 0.2 * attempt).run()
        if samples is not None and motion.world.sees_trunk(samples[-1]):
            for qpos in samples:
                motion.record("falling", qpos)
            return True
    return False


@final
class _Limp:
    """One run of the physics from the motion's current state."""

    def __init__(
        self,
        motion: Motion,
        cause: FallCause,
        towards: Float64[np.ndarray, " axis"] | None,
        strength: float,
    ) -> None:
        self.world = motion.world
        self.model, self.data = self.world.model, mujoco.MjData(self.world.model)
        self.tone_s = cause.tone_s
        self.hold: Qpos = motion.now.copy()
        self.data.qpos[:] = self.hold
        self.data.qvel[:] = motion.velocity()
        mujoco.mj_forward(self.model, self.data)
        heading = motion.heading_rad
        along = np.array(
            [[np.cos(heading), -np.sin(heading)], [np.sin(heading), np.cos(heading)]]
        )
        self.data.qvel[:2] += along @ np.array(cause.push_mps[:2]) * strength
        self.data.qvel[2] += cause.push_mps[2]
        if towards is not None:
            self.data.qvel[:2] += towards * strength
        self.data.qvel[3:6] += np.array(cause.spin_radps) * strength

    def run(self) -> list[Qpos] | None:
        """Simulate until the body rests, or for at most 5 s.

        Returns:
            The samples, or None if the trunk is not on the floor at the end.
        """
        samples: list[Qpos] = []
        for i in range(round(_LONGEST_S * SAMPLE_RATE_HZ)):
            self._step(i / SAMPLE_RATE_HZ)
            samples.append(self.data.qpos.copy())
            if (
                not np.isfinite(self.data.qpos).all()
                or np.abs(self.data.qpos[:3]).max() > 20
            ):
                return None
            if i > _SHORTEST_S * SAMPLE_RATE_HZ and self._rests():
                break
        pelvis_m, chest_m = self._trunk_heights_m()
        is_down = pelvis_m < 0.33 and chest_m < 0.45
        return samples if is_down else None

    def _step(self, since_onset_s: float) -> None:
        tone = np.exp(-since_onset_s / self.tone_s)
        error = self.hold[7:] - self.data.qpos[7:]
        self.data.qfrc_applied[6:] = tone * (
            _MUSCLE_NM_PER_RAD * error - 2.0 * self.data.qvel[6:]
        )
        for _ in range(_SUBSTEPS):
            mujoco.mj_step(self.model, self.data)

    def _trunk_heights_m(self) -> tuple[float, float]:
        return (
            float(self.data.geom("pelvis").xpos[2]),
            float(self.data.geom("chest").xpos[2]),
        )

    def _rests(self) -> bool:
        pelvis_m, chest_m = self._trunk_heights_m()
        speed = np.linalg.norm(self.data.qvel[:3]) + 0.2 * np.linalg.norm(
            self.data.qvel[3:6]
        )
        return bool(pelvis_m < 0.33 and chest_m < 0.45 and speed < _REST_SPEED_MPS)
