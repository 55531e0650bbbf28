"""Places of the body where a sensor is worn: how they lean and how hard they move."""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from scipy.spatial.transform import Rotation

from pipelines.lab.simulation.worn.path import tilted

Posture = Literal["standing", "sitting", "bending", "kneeling", "lying"]
Range = tuple[float, float]


@final
@dataclass(frozen=True, slots=True)
class Place:
    """A place of the body.

    Attributes:
        lean_deg: Angle from its upright attitude, least and greatest, by posture.
        step_g: Peak of a walked step, least and greatest.
        sway_g: Amplitude of its swing in walking.
        fidget_g: Acceleration of small movements.
        fidget_deg: Angle of small movements.
        landing: Strength of impacts of the body, relative to the waist.
        is_hand: Whether it moves on its own, as an arm does.
    """

    lean_deg: dict[Posture, Range]
    step_g: Range
    sway_g: Range
    fidget_g: float
    fidget_deg: float
    landing: float
    is_hand: bool = False

    def attitude(self, posture: Posture, rng: np.random.Generator) -> Rotation:
        """Draw an attitude of a posture."""
        if self.is_hand and posture == "lying":
            return _anywhere(rng)
        lean_deg = rng.uniform(*self.lean_deg[posture])
        return tilted(lean_deg, rng.uniform(-np.pi, np.pi))


PLACES = {
    "waist": Place(
        {
            "standing": (0, 15),
            "sitting": (3, 40),
            "bending": (35, 90),
            "kneeling": (0, 30),
            "lying": (65, 110),
        },
        step_g=(0.15, 0.6),
        sway_g=(0.05, 0.2),
        fidget_g=0.015,
        fidget_deg=2.5,
        landing=1.0,
    ),
    "chest": Place(
        {
            "standing": (0, 15),
            "sitting": (0, 35),
            "bending": (40, 100),
            "kneeling": (0, 35),
            "lying": (60, 110),
        },
        step_g=(0.12, 0.5),
        sway_g=(0.05, 0.2),
        fidget_g=0.015,
        fidget_deg=3.0,
        landing=0.85,
    ),
    "pocket": Place(
        {
            "standing": (0, 15),
            "sitting": (65, 100),
            "bending": (0, 50),
            "kneeling": (0, 80),
            "lying": (45, 120),
        },
        step_g=(0.25, 0.9),
        sway_g=(0.15, 0.4),
        fidget_g=0.015,
        fidget_deg=3.0,
        landing=1.1,
    ),
    "ankle": Place(
        {
            "standing": (0, 12),
            "sitting": (0, 40),
            "bending": (0, 25),
            "kneeling": (50, 100),
            "lying": (55, 110),
        },
        step_g=(0.6, 2.2),
        sway_g=(0.3, 0.9),
        fidget_g=0.01,
        fidget_deg=2.0,
        landing=1.35,
    ),
    "wrist": Place(
        {
            "standing": (0, 40),
            "sitting": (40, 120),
            "bending": (0, 70),
            "kneeling": (0, 100),
            "lying": (0, 180),
        },
        step_g=(0.1, 0.4),
        sway_g=(0.1, 0.45),
        fidget_g=0.04,
        fidget_deg=9.0,
        landing=1.5,
        is_hand=True,
    ),
}


def _anywhere(rng: np.random.Generator) -> Rotation:
    """Draw the attitude of an arm that lies somewhere: more often flat than not."""
    lean_deg = float(np.clip(rng.normal(90, 35), 0, 180))
    return tilted(lean_deg, rng.uniform(-np.pi, np.pi))
