"""Static poses by name: joint angles, and the lean of the pelvis.

Angles are degrees here and radians in a ``Pose``. Each pose is drawn with random
variation, so that no two are the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from pipelines.lab.simulation.body import JOINTS, SHIN_RATIO, THIGH_RATIO, Body

_SIDES = ("left", "right")


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """Joint angles in radians, and the pelvis relative to upright.

    Attributes:
        joints_rad: Angles in the order of ``body.JOINTS``.
        pitch_rad: Lean of the pelvis, forwards positive; -pi/2 lies on the back.
        spin_rad: Turn about the body's long axis: 0 on the back, ±pi/2 on a side.
    """

    joints_rad: Float64[np.ndarray, " joint"]
    pitch_rad: float = 0.0
    spin_rad: float = 0.0

    def with_angles(self, angles_deg: Mapping[str, float]) -> "Pose":
        """Return the pose with other angles of some joints, in degrees by full name."""
        joints = self.joints_rad.copy()
        for name, angle in angles_deg.items():
            joints[JOINTS.index(name)] = np.radians(angle)
        return Pose(joints, self.pitch_rad, self.spin_rad)

    def tilted(self, pitch_deg: float, spin_deg: float) -> "Pose":
        """Return the pose with another lean and turn of the pelvis, in degrees."""
        return Pose(self.joints_rad, np.radians(pitch_deg), np.radians(spin_deg))

    def scattered(self, rng: np.random.Generator, scatter_deg: float) -> "Pose":
        """Return the pose with small random changes of arms, neck and trunk."""
        noise = rng.normal(0, np.radians(scatter_deg), len(self.joints_rad))
        return Pose(self.joints_rad + noise * _LOOSE, self.pitch_rad, self.spin_rad)


# Relative movement of each joint while a person keeps still: arms most, legs least.
_LOOSE = np.array(
    [
        1.0
        if "shoulder" in name or "elbow" in name
        else 0.8
        if "neck" in name
        else 0.15
        for name in JOINTS
    ]
)


def _pose(
    angles_deg: Mapping[str, float], *, pitch_deg: float = 0.0, spin_deg: float = 0.0
) -> Pose:
    """Build a pose; a name without a side sets both sides."""
    joints = np.zeros(len(JOINTS))
    for name, angle in angles_deg.items():
        names = [name] if name in JOINTS else [f"{name}_{side}" for side in _SIDES]
        for each in names:
            joints[JOINTS.index(each)] = np.radians(angle)
    return Pose(joints, np.radians(pitch_deg), np.radians(spin_deg))


def standing(rng: np.random.Generator) -> Pose:
    """Stand, with a random stoop."""
    stoop = rng.uniform(0, 22)
    bent = rng.uniform(0, 14)
    return _pose(
        {
            "lumbar_bend": stoop,
            "neck_nod": -stoop / 2,
            "shoulder_abduct": rng.uniform(3, 12),
            "elbow": rng.uniform(5, 35),
            "hip_flex": bent,
            "hip_abduct": rng.uniform(1, 8),
            "knee": 2 * bent,
            "ankle": bent,
        }
    ).scattered(rng, 6)


def sitting(rng: np.random.Generator, body: Body, seat_height_m: float) -> Pose:
    """Sit with the feet on the floor on a seat of a given height."""
    shin_m = (SHIN_RATIO + 0.045) * body.height_m
    rise_m = seat_height_m + body.pelvis_radius_m - shin_m
    thigh = np.degrees(
        np.arccos(np.clip(rise_m / (THIGH_RATIO * body.height_m), -0.3, 0.9))
    )
    lean = rng.uniform(-18, 12)
    return _pose(
        {
            "lumbar_bend": rng.uniform(0, 18),
            "neck_nod": rng.uniform(-5, 25),
            "shoulder_flex": rng.uniform(5, 45),
            "shoulder_abduct": rng.uniform(2, 18),
            "elbow": rng.uniform(30, 95),
            "hip_flex": thigh + lean,
            "hip_abduct": rng.uniform(2, 15),
            "knee": thigh + rng.uniform(-8, 12),
        },
        pitch_deg=lean,
    ).scattered(rng, 7)


def rising(sat: Pose) -> Pose:
    """Lean forwards over the feet, between sitting and standing."""
    return _pose(
        {
            "lumbar_bend": 25,
            "hip_flex": 90,
            "knee": 75,
            "ankle": 15,
            "elbow": 40,
            "shoulder_flex": 40,
            "shoulder_abduct": 8,
        },
        pitch_deg=35 + np.degrees(sat.pitch_rad) / 2,
    )


def bending(rng: np.random.Generator) -> Pose:
    """Bend at the waist or crouch, a hand reaching down."""
    if rng.random() < 0.35:
        depth = rng.uniform(85, 120)
        return _pose(
            {
                "lumbar_bend": rng.uniform(10, 40),
                "hip_flex": depth,
                "knee": depth * 1.1,
                "ankle": 25,
                "shoulder_flex": rng.uniform(30, 80),
                "elbow": rng.uniform(5, 50),
            },
            pitch_deg=rng.uniform(5, 30),
        ).scattered(rng, 8)
    pitch = rng.uniform(25, 65)
    knee = rng.uniform(0, 35)
    return _pose(
        {
            "lumbar_bend": rng.uniform(25, 60),
            "neck_nod": rng.uniform(-25, 20),
            "shoulder_flex": rng.uniform(45, 110),
            "elbow": rng.uniform(0, 40),
            "hip_flex": pitch + knee / 2,
            "knee": knee,
            "ankle": knee / 2,
            "hip_abduct": rng.uniform(2, 10),
        },
        pitch_deg=pitch,
    ).scattered(rng, 8)


def kneeling(rng: np.random.Generator) -> Pose:
    """Kneel on both knees, upright or on the heels."""
    heels = rng.uniform(0, 60)
    return _pose(
        {
            "lumbar_bend": rng.uniform(5, 35),
            "hip_flex": heels * 0.9,
            "knee": 85 + heels,
            "ankle": -40,
            "shoulder_flex": rng.uniform(10, 70),
            "elbow": rng.uniform(10, 70),
            "hip_abduct": 6,
        },
        pitch_deg=rng.uniform(-5, 20),
    ).scattered(rng, 8)


def on_all_fours(rng: np.random.Generator) -> Pose:
    """Rest on hands and knees."""
    return _pose(
        {
            "hip_flex": rng.uniform(75, 95),
            "knee": rng.uniform(80, 95),
            "ankle": -40,
            "shoulder_flex": rng.uniform(75, 95),
            "elbow": rng.uniform(0, 15),
            "neck_nod": rng.uniform(-35, 10),
        },
        pitch_deg=rng.uniform(70, 85),
    ).scattered(rng, 5)


def sitting_on_floor(rng: np.random.Generator) -> Pose:
    """Sit on the floor with the legs stretched out or drawn up."""
    drawn = rng.uniform(0, 90)
    return _pose(
        {
            "lumbar_bend": rng.uniform(5, 40),
            "hip_flex": 82 + drawn * 0.35,
            "knee": drawn,
            "hip_abduct": rng.uniform(2, 25),
            "shoulder_flex": rng.uniform(-30, 60),
            "elbow": rng.uniform(0, 60),
            "shoulder_abduct": rng.uniform(5, 25),
        },
        pitch_deg=rng.uniform(-12, 5),
    ).scattered(rng, 8)


def lying(rng: np.random.Generator, spin_deg: float | None = None) -> Pose:
    """Lie on the back or, at random, on a side with the knees drawn up."""
    spin = float(rng.choice([0, 0, 0, -75, 75])) if spin_deg is None else spin_deg
    drawn = rng.uniform(0, 25) if spin == 0 else rng.uniform(15, 80)
    return _pose(
        {
            "lumbar_bend": rng.uniform(0, 10),
            "hip_flex": drawn,
            "knee": drawn * 1.4,
            "hip_abduct": rng.uniform(0, 12),
            "shoulder_abduct": rng.uniform(3, 35),
            "shoulder_flex": rng.uniform(0, 40),
            "elbow": rng.uniform(5, 90),
            "neck_nod": rng.uniform(0, 20),
        },
        pitch_deg=-90,
        spin_deg=spin + rng.uniform(-12, 12),
    ).scattered(rng, 8)


def squatting(rng: np.random.Generator) -> Pose:
    """Squat deeply, both heels down."""
    depth = rng.uniform(95, 120)
    return _pose(
        {
            "lumbar_bend": rng.uniform(0, 35),
            "hip_flex": depth,
            "knee": depth * rng.uniform(1.0, 1.2),
            "ankle": 25,
            "hip_abduct": rng.uniform(0, 25),
            "shoulder_flex": rng.uniform(0, 90),
            "elbow": rng.uniform(5, 100),
        },
        pitch_deg=rng.uniform(0, 35),
    ).scattered(rng, 8)


def half_squatting(rng: np.random.Generator) -> Pose:
    """Bend the knees, as before a jump."""
    return _pose(
        {"hip_flex": 45, "knee": 70, "ankle": 25, "lumbar_bend": 15}, pitch_deg=15
    ).scattered(rng, 6)


def cross_legged(rng: np.random.Generator) -> Pose:
    """Sit on the floor with crossed legs."""
    return _pose(
        {
            "lumbar_bend": rng.uniform(5, 35),
            "hip_flex": rng.uniform(80, 105),
            "knee": rng.uniform(90, 135),
            "hip_abduct": rng.uniform(25, 45),
            "hip_twist": rng.uniform(10, 40),
            "shoulder_flex": rng.uniform(0, 60),
            "elbow": rng.uniform(10, 90),
        },
        pitch_deg=rng.uniform(-10, 10),
    ).scattered(rng, 8)


def reclined(rng: np.random.Generator) -> Pose:
    """Lean far back on a seat."""
    return _pose(
        {
            "lumbar_bend": rng.uniform(5, 25),
            "neck_nod": rng.uniform(0, 30),
            "hip_flex": rng.uniform(40, 80),
            "knee": rng.uniform(10, 95),
            "hip_abduct": rng.uniform(0, 15),
            "shoulder_flex": rng.uniform(0, 50),
            "elbow": rng.uniform(10, 100),
        },
        pitch_deg=rng.uniform(-55, -25),
    ).scattered(rng, 8)


def half_up(rng: np.random.Generator) -> Pose:
    """Lie half up, on an arm or a hip."""
    return _pose(
        {
            "lumbar_bend": rng.uniform(0, 40),
            "lumbar_side": rng.uniform(-30, 30),
            "hip_flex": rng.uniform(40, 100),
            "knee": rng.uniform(10, 110),
            "hip_abduct": rng.uniform(0, 30),
            "shoulder_flex": rng.uniform(-40, 60),
            "shoulder_abduct": rng.uniform(5, 60),
            "elbow": rng.uniform(0, 70),
        },
        pitch_deg=rng.uniform(-60, -15),
        spin_deg=rng.uniform(-60, 60),
    ).scattered(rng, 12)


def sprawled(rng: np.random.Generator) -> Pose:
    """Lie in any way: on the front, the back or a side, limbs anywhere."""
    if rng.random() < 0.25:
        angles = {
            f"{joint}_{side}": rng.uniform(low, high)
            for joint, low, high in (("hip_flex", -5, 40), ("shoulder_flex", -20, 160))
            for side in _SIDES
        }
        pose = lying(rng, 0.0).with_angles(angles)
        return pose.tilted(90 + rng.uniform(-5, 5), rng.uniform(-20, 20))
    pose = lying(rng, float(rng.choice([0, -75, 75, -40, 40])))
    angles = {}
    for side in _SIDES:
        if rng.random() < 0.5:
            drawn = rng.uniform(0, 100)
            angles[f"hip_flex_{side}"] = drawn
            angles[f"knee_{side}"] = drawn * rng.uniform(0.6, 1.4)
        if rng.random() < 0.5:
            angles[f"shoulder_flex_{side}"] = rng.uniform(-20, 160)
            angles[f"shoulder_abduct_{side}"] = rng.uniform(0, 90)
    return pose.with_angles(angles)


def with_raised_arms(pose: Pose, rng: np.random.Generator) -> Pose:
    """Return a pose with one arm or both reaching up or forwards."""
    sides = (("left",), ("right",), _SIDES)[int(rng.integers(3))]
    angles = {}
    for side in sides:
        angles[f"shoulder_flex_{side}"] = rng.uniform(60, 170)
        angles[f"shoulder_abduct_{side}"] = rng.uniform(0, 70)
        angles[f"elbow_{side}"] = rng.uniform(0, 90)
    return pose.with_angles(angles)
