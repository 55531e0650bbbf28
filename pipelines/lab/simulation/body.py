"""The humanoid: a body of capsules with human joints, as MJCF.

The body faces +x, left is +y, z is up. Lengths are fractions of body height after
Winter, Biomechanics and Motor Control of Human Movement (4th ed., figure 4.1).
"""

from dataclasses import dataclass

import numpy as np

from pipelines.lab.simulation.aids.looks import (
    WalkingAidKind,
    draw_walking_aid,
    side_stream,
)

Colour = tuple[float, float, float]

# Joint name, axis, range in degrees. Positive flexes: hips and shoulders forward,
# knees back, elbows forward, the trunk forwards.
_TRUNK = (
    ("lumbar_bend", "0 1 0", (-25, 75)),
    ("lumbar_side", "1 0 0", (-30, 30)),
    ("lumbar_twist", "0 0 1", (-35, 35)),
)
_NECK = (("neck_nod", "0 1 0", (-40, 50)), ("neck_turn", "0 0 1", (-70, 70)))
_SHOULDER = (
    ("shoulder_flex", "0 -1 0", (-50, 170)),
    ("shoulder_abduct", "{side} 0 0", (-10, 120)),
    ("shoulder_twist", "0 0 1", (-70, 70)),
)
_HIP = (
    ("hip_flex", "0 -1 0", (-25, 120)),
    ("hip_abduct", "{side} 0 0", (-20, 45)),
    ("hip_twist", "0 0 1", (-40, 40)),
)
JOINTS = (
    *(name for name, _, _ in _TRUNK + _NECK),
    *(
        f"{name}_{side}"
        for side in ("left", "right")
        for name in (
            "shoulder_flex",
            "shoulder_abduct",
            "shoulder_twist",
            "elbow",
            "hip_flex",
            "hip_abduct",
            "hip_twist",
            "knee",
            "ankle",
        )
    ),
)
"""Every hinge of the body, in the order of a pose vector."""

THIGH_RATIO = 0.245
SHIN_RATIO = 0.246
_FOOT_HEIGHT_RATIO = 0.039


SHAPES = 48
"""How many shapes of people there are, from slim to stout: see ``skin.shapes``."""

_SLIM, _STOUT = 0.85, 1.35


@dataclass(frozen=True, slots=True)
class Body:
    """A person's size and clothing.

    Attributes:
        height_m: Body height, 1.45 to 1.95.
        girth: Thickness of trunk and limbs relative to the average, 0.8 to 1.35.
        shirt: Colour of trunk and upper arms; the other colours likewise.
        sleeves: Whether the forearms have the shirt's colour.
        skirt: Whether a gown in the shirt's colour covers the thighs.
        walking_aid: What the person walks with, for looks alone.
    """

    height_m: float
    girth: float
    shirt: Colour
    trousers: Colour
    shoes: Colour
    skin: Colour
    hair: Colour
    sleeves: bool
    skirt: bool
    walking_aid: WalkingAidKind = "none"

    @property
    def shape(self) -> int:
        """Which of ``skin.shapes`` has this girth."""
        share = (self.girth - _SLIM) / (_STOUT - _SLIM)
        return min(max(int(share * SHAPES), 0), SHAPES - 1)

    @property
    def pelvis_radius_m(self) -> float:
        """Half the thickness of the pelvis, which rests on a seat."""
        return 0.062 * self.height_m * self.girth


def random_body(rng: np.random.Generator) -> Body:
    """Draw a random person: size, girth, skin, hair, clothes and walking aid."""
    skin = np.array([0.93, 0.76, 0.64]) * rng.uniform(0.28, 1.05)
    hair = rng.choice(
        np.array([[0.1, 0.08, 0.07], [0.35, 0.22, 0.12], [0.8, 0.8, 0.8]])
    ) * rng.uniform(0.6, 1.2)
    shirt, trousers, shoes = (_cloth(rng) for _ in range(3))
    return Body(
        height_m=float(rng.uniform(1.48, 1.92)),
        girth=float(rng.uniform(_SLIM, _STOUT)),
        shirt=shirt,
        trousers=trousers,
        shoes=shoes,
        skin=_colour(skin),
        hair=_colour(hair),
        sleeves=bool(rng.random() < 0.5),
        skirt=bool(rng.random() < 0.25),
        walking_aid=draw_walking_aid(side_stream(rng)),
    )


def body_mjcf(body: Body) -> str:
    """Write the person as an MJCF ``<body>`` with a free root named ``pelvis``."""
    return _Writer(body).pelvis()


def _cloth(rng: np.random.Generator) -> Colour:
    grey = rng.uniform(0.05, 0.95)
    return _colour(
        np.clip(grey + rng.uniform(-0.35, 0.35, 3) * rng.random(), 0.03, 0.97)
    )


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = np.clip(values, 0.0, 1.0)
    return float(red), float(green), float(blue)


class _Writer:
    """Writes the body's tree; lengths are fractions of its height ``h`` in metres."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.h = body.height_m
        self.g = body.girth

    def pelvis(self) -> str:
        h, b = self.h, self.body
        half_width = 0.052 * h
        trunk = (
            _geom("pelvis", (0, -half_width, 0), (0, half_width, 0))
            .sized(b.pelvis_radius_m)
            .coloured(b.trousers)
        )
        limbs = "".join(self.leg(side) for side in ("left", "right"))
        return (
            f'<body name="pelvis" pos="0 0 {0.53 * h:.4f}"><freejoint name="root"/>'
            f'{trunk}<site name="waist" pos="{b.pelvis_radius_m:.4f} 0 0.02"/>'
            f"{self.torso()}{limbs}</body>"
        )

    def torso(self) -> str:
        h, b = self.h, self.body
        belly = (
            _geom("belly", (0, -0.03 * h, 0.02 * h), (0, 0.03 * h, 0.02 * h))
            .sized(0.064 * h * self.g)
            .coloured(b.shirt)
        )
        chest = (
            _geom("chest", (0, -0.055 * h, 0.13 * h), (0, 0.055 * h, 0.13 * h))
            .sized(0.068 * h * (0.5 + 0.5 * self.g))
            .coloured(b.shirt)
        )
        neck = (
            _geom("neck", (0, 0, 0.19 * h), (0, 0, 0.24 * h))
            .sized(0.03 * h)
            .coloured(b.skin)
        )
        arms = "".join(self.arm(side) for side in ("left", "right"))
        return (
            f'<body name="torso" pos="0 0 {0.06 * h:.4f}">{_joints(_TRUNK)}'
            f"{belly}{chest}{neck}{self.head()}{arms}</body>"
        )

    def head(self) -> str:
        h, b = self.h, self.body
        face = (
            _geom("head", (0, 0, 0.045 * h), (0, 0, 0.065 * h))
            .sized(0.055 * h)
            .coloured(b.skin)
        )
        hair = (
            _geom("hair", (-0.014 * h, 0, 0.065 * h), (-0.012 * h, 0, 0.08 * h))
            .sized(0.056 * h)
            .coloured(b.hair)
        )
        return (
            f'<body name="head" pos="0 0 {0.245 * h:.4f}">{_joints(_NECK)}'
            f"{face}{hair}</body>"
        )

    def arm(self, side: str) -> str:
        h, b = self.h, self.body
        sign = 1 if side == "left" else -1
        upper, fore = 0.186 * h, 0.146 * h
        sleeve = b.shirt if b.sleeves else b.skin
        thickness = 0.5 + 0.5 * self.g
        upper_geom = (
            _geom(f"upper_arm_{side}", (0, 0, 0), (0, 0, -upper))
            .sized(0.026 * h * thickness)
            .coloured(b.shirt)
        )
        fore_geom = (
            _geom(f"forearm_{side}", (0, 0, 0), (0, 0, -fore))
            .sized(0.021 * h * thickness)
            .coloured(sleeve)
        )
        hand = (
            _geom(f"hand_{side}", (0, 0, -fore - 0.02 * h), (0, 0, -fore - 0.06 * h))
            .sized(0.021 * h)
            .coloured(b.skin)
        )
        wrist = f'<site name="wrist_{side}" pos="0 0 {-fore:.4f}"/>'
        shoulder = f"0 {sign * 0.119 * h:.4f} {0.165 * h:.4f}"
        return (
            f'<body name="upper_arm_{side}" pos="{shoulder}">'
            f"{_joints(_SHOULDER, side)}{upper_geom}"
            f'<body name="forearm_{side}" pos="0 0 {-upper:.4f}">'
            f"{_hinge(f'elbow_{side}', '0 -1 0', (0, 145))}{fore_geom}{hand}{wrist}"
            f"</body></body>"
        )

    def leg(self, side: str) -> str:
        h, b = self.h, self.body
        sign = 1 if side == "left" else -1
        thigh, shin = THIGH_RATIO * h, SHIN_RATIO * h
        thickness = 0.4 + 0.6 * self.g
        thigh_geom = (
            _geom(f"thigh_{side}", (0, 0, 0), (0, 0, -thigh))
            .sized((0.06 if b.skirt else 0.046) * h * thickness)
            .coloured(b.shirt if b.skirt else b.trousers)
        )
        shin_geom = (
            _geom(f"shin_{side}", (0, 0, 0), (0, 0, -shin))
            .sized(0.031 * h * thickness)
            .coloured(b.skin if b.skirt else b.trousers)
        )
        sole = -_FOOT_HEIGHT_RATIO * h / 2
        foot = (
            _geom(f"foot_{side}", (-0.03 * h, 0, sole), (0.1 * h, 0, sole))
            .sized(0.024 * h)
            .coloured(b.shoes)
        )
        return (
            f'<body name="thigh_{side}" pos="0 {sign * 0.052 * h:.4f} {-0.02 * h:.4f}">'
            f"{_joints(_HIP, side)}{thigh_geom}"
            f'<body name="shin_{side}" pos="0 0 {-thigh:.4f}">'
            f"{_hinge(f'knee_{side}', '0 1 0', (-2, 150))}{shin_geom}"
            f'<body name="foot_{side}" pos="0 0 {-shin:.4f}">'
            f"{_hinge(f'ankle_{side}', '0 -1 0', (-50, 35))}{foot}"
            f"</body></body></body>"
        )


@dataclass(frozen=True, slots=True)
class _Capsule:
    name: str
    ends: str
    radius_m: float = 0.05
    colour: Colour = (0.5, 0.5, 0.5)

    def sized(self, radius_m: float) -> "_Capsule":
        return _Capsule(self.name, self.ends, radius_m, self.colour)

    def coloured(self, colour: Colour) -> "_Capsule":
        return _Capsule(self.name, self.ends, self.radius_m, colour)

    def __str__(self) -> str:
        red, green, blue = self.colour
        return (
            f'<geom name="{self.name}" class="person" fromto="{self.ends}" '
            f'size="{self.radius_m:.4f}" rgba="{red:.3f} {green:.3f} {blue:.3f} 1"/>'
        )


def _geom(
    name: str, start: tuple[float, float, float], end: tuple[float, float, float]
) -> _Capsule:
    return _Capsule(name, " ".join(f"{value:.4f}" for value in (*start, *end)))


def _hinge(name: str, axis: str, range_deg: tuple[int, int]) -> str:
    low, high = range_deg
    return f'<joint name="{name}" class="person" axis="{axis}" range="{low} {high}"/>'


def _joints(
    joints: tuple[tuple[str, str, tuple[int, int]], ...], side: str | None = None
) -> str:
    # Abduction turns about +x on the left and -x on the right, so that a positive angle
    # spreads either limb.
    sign = "1" if side == "left" else "-1"
    suffix = "" if side is None else f"_{side}"
    return "".join(
        _hinge(name + suffix, axis.format(side=sign), range_deg)
        for name, axis, range_deg in joints
    )
