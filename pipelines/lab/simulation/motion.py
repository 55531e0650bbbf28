"""The motion of one person, recorded as kinematic moves sampled at 50 Hz.

Every move starts at the end of the last one. Poses are joined by minimum-jerk blends,
with the feet or the lowest point on the floor.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

import mujoco
import numpy as np
from jaxtyping import Float64

from pipelines.lab.simulation.body import JOINTS
from pipelines.lab.simulation.poses import Pose, standing
from pipelines.lab.simulation.world import World

SAMPLE_RATE_HZ = 50
Anchor = Literal["feet", "floor", "free"]
Qpos = Float64[np.ndarray, " coordinate"]
Point = Float64[np.ndarray, " axis"]
Quaternion = Float64[np.ndarray, " wxyz"]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A finished motion, one row per sample of 1/50 s.

    Attributes:
        qpos: Coordinates of the person.
        labels: Activity of each sample.
        notes: Remark on each sample, such as ``hard negative: …``.
        covered: Whether the blanket covers the person.
    """

    qpos: Float64[np.ndarray, "sample coordinate"]
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    covered: tuple[bool, ...]


@final
class Motion:
    """Moves a person about a world and records every sample."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self.world, self.rng = world, rng
        self.covered = False
        self.note = ""
        self._addresses = [world.model.joint(name).qposadr[0] for name in JOINTS]
        self._qpos: list[Qpos] = []
        self._labels: list[str] = []
        self._notes: list[str] = []
        self._covered: list[bool] = []
        self.now: Qpos = self.absent()

    @property
    def duration_s(self) -> float:
        """Length of the record so far."""
        return len(self._qpos) / SAMPLE_RATE_HZ

    @property
    def heading_rad(self) -> float:
        """Direction in which the person faces now."""
        return heading_rad(self.now)

    @property
    def xy(self) -> Point:
        """Current position of the pelvis."""
        return self.now[:2].copy()

    def velocity(self) -> Float64[np.ndarray, " freedom"]:
        """Return the velocity between the last two samples, or zero."""
        speed = np.zeros(self.world.model.nv)
        if len(self._qpos) > 1:
            before, now = self._qpos[-2:]
            mujoco.mj_differentiatePos(
                self.world.model, speed, 1 / SAMPLE_RATE_HZ, before, now
            )
        return speed

    def track(self, duration_s: float) -> Track:
        """Return the first ``duration_s`` seconds of the record."""
        end = round(duration_s * SAMPLE_RATE_HZ)
        return Track(
            np.array(self._qpos[:end]),
            tuple(self._labels[:end]),
            tuple(self._notes[:end]),
            tuple(self._covered[:end]),
        )

    def record(self, label: str, qpos: Qpos) -> None:
        """Append one sample, which becomes the current state."""
        self.now = qpos.copy()
        self._qpos.append(self.now)
        self._labels.append(label)
        self._notes.append(self.note)
        self._covered.append(self.covered)

    # Targets: coordinates of a pose at a place.

    def absent(self) -> Qpos:
        """Return the coordinates of an absent person: far below the floor."""
        qpos = np.zeros(self.world.nq)
        qpos[2], qpos[3] = -40.0, 1.0
        return qpos

    def joined(self, pose: Pose, heading_rad: float, root: Point | None = None) -> Qpos:
        """Return the coordinates of a pose with its root at a point."""
        qpos = np.zeros(self.world.nq)
        qpos[:3] = 0.0 if root is None else root
        qpos[3:7] = _product(
            _turn(2, heading_rad), _turn(1, pose.pitch_rad), _turn(2, pose.spin_rad)
        )
        limits = self.world.joint_limits_rad
        qpos[self._addresses] = np.clip(pose.joints_rad, limits[:, 0], limits[:, 1])
        return qpos

    def on_feet(self, pose: Pose, heading_rad: float, feet_xy: Point) -> Qpos:
        """Return the coordinates of a pose with its feet at a place on the floor."""
        return self._planted(self.joined(pose, heading_rad), feet_xy)

    def on_seat(self, pose: Pose, heading_rad: float, seat_xy: Point) -> Qpos:
        """Return the coordinates of a pose, feet on the floor, pelvis over the seat."""
        qpos = self._planted(self.joined(pose, heading_rad), np.zeros(2))
        qpos[:2] = seat_xy
        return qpos

    def laid(
        self, pose: Pose, heading_rad: float, root_xy: Point, surface_m: float
    ) -> Qpos:
        """Return the coordinates of a pose whose lowest point rests on a surface."""
        qpos = self.joined(pose, heading_rad, np.array([*root_xy, 0.0]))
        return self._lowered(qpos, surface_m)

    def with_joints(self, pose: Pose) -> Qpos:
        """Return the current coordinates with the joints of a pose."""
        qpos, limits = self.now.copy(), self.world.joint_limits_rad
        qpos[self._addresses] = np.clip(pose.joints_rad, limits[:, 0], limits[:, 1])
        return qpos

    def joints(self) -> Pose:
        """Return the current joint angles."""
        return Pose(self.now[self._addresses])

    # Moves.

    def drop(self, label: str, target: Qpos, duration_s: float, power: float) -> None:
        """Move to the target ever faster, never through the floor.

        The share of the way done grows with time to the ``power``; a free fall has 2.
        """
        start = self.now.copy()
        count = max(2, round(duration_s * SAMPLE_RATE_HZ))
        for i in range(1, count + 1):
            u = (i / count) ** power
            qpos = start + u * (target - start)
            qpos[3:7] = _slerp(start[3:7], target[3:7], u)
            self.world.pose(qpos)
            qpos[2] -= min(0.0, self.world.lowest_m())
            self.record(label, qpos)

    def move(self, label: str, target: Qpos, duration_s: float, anchor: Anchor) -> None:
        """Blend from the current state to the target along a minimum-jerk path."""
        start = self.now.copy()
        feet_start, feet_end = self._feet(start), self._feet(target)
        for share in np.arange(1, round(duration_s * SAMPLE_RATE_HZ) + 1):
            u = _minimum_jerk(share / (duration_s * SAMPLE_RATE_HZ))
            qpos = start + u * (target - start)
            qpos[3:7] = _slerp(start[3:7], target[3:7], u)
            if anchor == "feet":
                qpos = self._planted(qpos, feet_start + u * (feet_end - feet_start))
            elif anchor == "floor":
                qpos = self._lowered(qpos, 0.0)
            self.record(label, qpos)

    def hold(
        self, label: str, duration_s: float, anchor: Anchor, scatter_deg: float
    ) -> None:
        """Stay in place, with the small movements of a person who is awake."""
        rest = self.now.copy()
        end_s = self.duration_s + duration_s
        while self.duration_s < end_s - 0.1:
            step_s = min(float(self.rng.uniform(0.8, 2.5)), end_s - self.duration_s)
            target = rest.copy()
            loose = Pose(rest[self._addresses]).scattered(self.rng, scatter_deg)
            limits = self.world.joint_limits_rad
            target[self._addresses] = np.clip(
                loose.joints_rad, limits[:, 0], limits[:, 1]
            )
            self.move(label, target, step_s, anchor)

    def rest(self, label: str, duration_s: float) -> None:
        """Stay without any movement, as asleep."""
        here = self.now
        for _ in range(round(duration_s * SAMPLE_RATE_HZ)):
            self.record(label, here)

    def vanish(self, duration_s: float) -> None:
        """Leave the room empty."""
        nobody = self.absent()
        for _ in range(round(duration_s * SAMPLE_RATE_HZ)):
            self.record("empty room", nobody)

    def turn(self, label: str, heading_rad: float) -> None:
        """Turn on the spot with small steps, at about 120 degrees a second."""
        delta = _wrapped(heading_rad - self.heading_rad)
        if abs(delta) < 0.1:
            return
        start = self.heading_rad
        feet = self._feet(self.now)
        pose = standing(self.rng)
        gait = _Gait(self.rng, speed_mps=0.5, height_m=self.world.body.height_m)
        count = max(10, round(abs(delta) / np.radians(120) * SAMPLE_RATE_HZ))
        blend = self._from_here()
        for i in range(1, count + 1):
            u = _minimum_jerk(i / count)
            stepped = gait.apply(pose, distance_m=0.5 * i / SAMPLE_RATE_HZ)
            qpos = self.joined(stepped, start + u * delta)
            self.record(label, self._planted(blend(qpos, i), feet))

    def walk(self, label: str, to_xy: Point, speed_mps: float) -> None:
        """Walk straight to a place, facing it; the root leads, the feet follow."""
        self.turn(label, float(np.arctan2(*(np.asarray(to_xy) - self.xy)[::-1])))
        start, heading = self.xy, self.heading_rad
        way = np.asarray(to_xy) - start
        length_m = float(np.linalg.norm(way))
        if length_m < 0.05:
            return
        pose = standing(self.rng)
        gait = _Gait(self.rng, speed_mps, self.world.body.height_m)
        count = max(5, round(length_m / speed_mps * SAMPLE_RATE_HZ))
        blend = self._from_here()
        for i in range(1, count + 1):
            done = i / count
            qpos = self.joined(gait.apply(pose, done * length_m), heading)
            qpos[:2] = start + done * way
            self.record(label, self._lowered(blend(qpos, i), 0.0))

    # Helpers.

    def _from_here(self) -> Callable[[Qpos, int], Qpos]:
        """Return a function that blends in a new motion's joints over 0.4 s."""
        start = self.now.copy()
        ease_samples = 0.4 * SAMPLE_RATE_HZ

        def blend(qpos: Qpos, sample: int) -> Qpos:
            u = min(1.0, sample / ease_samples)
            eased = qpos.copy()
            eased[7:] = start[7:] + u * (qpos[7:] - start[7:])
            return eased

        return blend

    def _feet(self, qpos: Qpos) -> Point:
        self.world.pose(qpos)
        return self.world.feet_xy()

    def _planted(self, qpos: Qpos, feet_xy: Point) -> Qpos:
        """Shift the root so that the feet are at a place and touch the floor."""
        self.world.pose(qpos)
        planted = qpos.copy()
        planted[:2] += feet_xy - self.world.feet_xy()
        planted[2] -= self.world.lowest_m()
        return planted

    def _lowered(self, qpos: Qpos, surface_m: float) -> Qpos:
        self.world.pose(qpos)
        lowered = qpos.copy()
        lowered[2] += surface_m - self.world.lowest_m()
        return lowered


@final
class _Gait:
    """Swings legs and arms in proportion to the distance walked."""

    def __init__(
        self, rng: np.random.Generator, speed_mps: float, height_m: float
    ) -> None:
        self._stride_m = 2 * (0.25 + 0.18 * speed_mps) * height_m / 1.7
        self._phase_rad = rng.uniform(0, 2 * np.pi)
        self._hip_rad = np.radians(10 + 14 * min(speed_mps, 1.3))
        self._arm_rad = np.radians(rng.uniform(3, 20))

    def apply(self, pose: Pose, distance_m: float) -> Pose:
        """Return the pose with the limbs swung for a distance."""
        phase = self._phase_rad + 2 * np.pi * distance_m / self._stride_m
        joints = pose.joints_rad.copy()
        for sign, side in ((1, "left"), (-1, "right")):
            swing = sign * np.sin(phase)
            lift = max(0.0, sign * np.cos(phase))
            joints[JOINTS.index(f"hip_flex_{side}")] += self._hip_rad * swing
            joints[JOINTS.index(f"knee_{side}")] += np.radians(50) * lift
            joints[JOINTS.index(f"shoulder_flex_{side}")] -= self._arm_rad * swing
        return Pose(joints, pose.pitch_rad, pose.spin_rad)


def heading_rad(qpos: Qpos) -> float:
    """Return the direction in which a person faces, from +x towards +y."""
    w, x, y, z = qpos[3:7]
    return float(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))


def _minimum_jerk(u: float) -> float:
    return float(u**3 * (10 - 15 * u + 6 * u * u))


def _wrapped(angle_rad: float) -> float:
    return float((angle_rad + np.pi) % (2 * np.pi) - np.pi)


def _turn(axis: int, angle_rad: float) -> Quaternion:
    quaternion = np.zeros(4)
    quaternion[0], quaternion[1 + axis] = np.cos(angle_rad / 2), np.sin(angle_rad / 2)
    return quaternion


def _product(*quaternions: Quaternion) -> Quaternion:
    total = np.array([1.0, 0, 0, 0])
    for each in quaternions:
        result = np.zeros(4)
        mujoco.mju_mulQuat(result, total, each)
        total = result
    return total


def _slerp(start: Quaternion, end: Quaternion, u: float) -> Quaternion:
    nearest = end if start @ end >= 0 else -end
    angle = np.arccos(np.clip(start @ nearest, -1, 1))
    if angle < 1e-4:
        mixed = start + u * (nearest - start)
    else:
        mixed = (
            np.sin((1 - u) * angle) * start + np.sin(u * angle) * nearest
        ) / np.sin(angle)
    result: Quaternion = mixed / np.linalg.norm(mixed)
    return result
