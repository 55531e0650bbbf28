"""Who has a walking aid, and how it looks."""

from typing import Literal

import numpy as np

WalkingAidKind = Literal["none", "frame", "rollator"]
Place = tuple[float, float, float]

WHEELCHAIR_SHARE = 0.25
"""Share of rooms whose chair is a wheelchair."""

_KINDS: tuple[WalkingAidKind, ...] = ("none", "frame", "rollator")
_KIND_SHARES = (0.75, 0.125, 0.125)
_HANDLES_RATIO = 0.48  # of the body height: about the wrist of a hanging arm
_RUBBER = 'rgba="0.09 0.09 0.1 1"'


def side_stream(rng: np.random.Generator) -> np.random.Generator:
    """Return a generator of its own; ``rng`` draws afterwards what it would have."""
    # A child of the child: films of pairs draw their sensor from the child itself.
    return rng.spawn(1)[0].spawn(1)[0]


def draw_walking_aid(rng: np.random.Generator) -> WalkingAidKind:
    """Draw a person's walking aid; a quarter have one."""
    return _KINDS[rng.choice(len(_KINDS), p=_KIND_SHARES)]


def metal(rng: np.random.Generator, low: float, high: float) -> str:
    """Return the colour of a metal: a grey of 0 to 1, slightly tinted."""
    red, green, blue = np.clip(
        rng.uniform(low, high) + rng.uniform(-0.04, 0.04, 3), 0, 1
    )
    return f'rgba="{red:.3f} {green:.3f} {blue:.3f} 1"'


def bar(name: str, start: Place, end: Place, thickness_m: float, look: str) -> str:
    """Write a straight bar that nothing collides with, by its two ends."""
    # A box: it has a hundredth of a capsule's triangles, and looks the same.
    ends = " ".join(f"{value:.4f}" for value in (*start, *end))
    return (
        f'<geom name="{name}" class="ghost" type="box" fromto="{ends}" '
        f'size="{thickness_m / 2:.4f}" {look}/>'
    )


def disc(name: str, centre: Place, radius_m: float, width_m: float, look: str) -> str:
    """Write a wheel that nothing collides with, which rolls along x."""
    x, y, z = centre
    return (
        f'<geom name="{name}" class="ghost" type="cylinder" {look} '
        f'fromto="{x:.4f} {y - width_m / 2:.4f} {z:.4f} '
        f'{x:.4f} {y + width_m / 2:.4f} {z:.4f}" size="{radius_m:.4f}"/>'
    )


def walking_aid_mjcf(
    kind: WalkingAidKind, height_m: float, rng: np.random.Generator
) -> str:
    """Write the walking aid of a person as an MJCF body named ``walking_aid``.

    Its origin is on the floor in its middle, and x points away from the person.

    Args:
        kind: The walking aid.
        height_m: Height of the person, whose hands it reaches.
        rng: Source of the metal's colour.
    """
    if kind == "none":
        return ""
    top, look = _HANDLES_RATIO * height_m, metal(rng, 0.6, 0.85)
    parts = _frame(top, look) if kind == "frame" else _rollator(top, look)
    return f'<body name="walking_aid" mocap="true">{"".join(parts)}</body>'


def _frame(top: float, look: str) -> list[str]:
    """Two sides of two legs and a handle each, and two bars in front."""
    parts = [
        bar(f"aid_bar_{z}", (0.13, -0.27, z * top), (0.13, 0.27, z * top), 0.024, look)
        for z in (0.5, 0.88)
    ]
    for y in (-0.26, 0.26):
        out = y * 1.15
        parts += [
            bar(f"aid_back_leg_{y}", (-0.22, out, 0), (-0.15, y, top), 0.026, look),
            bar(f"aid_front_leg_{y}", (0.2, out, 0), (0.12, y, top), 0.026, look),
            bar(f"aid_side_{y}", (-0.17, y, top), (0.14, y, top), 0.026, look),
            bar(f"aid_brace_{y}", (-0.18, y, top / 2), (0.15, y, top / 2), 0.02, look),
            bar(f"aid_grip_{y}", (-0.19, y, top), (-0.05, y, top), 0.038, _RUBBER),
            bar(f"aid_tip_b_{y}", (-0.22, out, 0), (-0.215, out, 0.05), 0.036, _RUBBER),
            bar(f"aid_tip_f_{y}", (0.2, out, 0), (0.195, out, 0.05), 0.036, _RUBBER),
        ]
    return parts


def _rollator(top: float, look: str) -> list[str]:
    """Four wheels on crossed legs, a seat, and handles on posts."""
    seat = 0.62 * top
    parts = [
        bar("aid_rest", (0.05, -0.24, 0.9 * top), (0.05, 0.24, 0.9 * top), 0.03, look),
        '<geom name="aid_seat" class="ghost" type="box" '
        f'pos="0.03 0 {seat:.4f}" size="0.13 0.23 0.015" {_RUBBER}/>',
        '<geom name="aid_basket" class="ghost" type="box" '
        f'pos="0.12 0 {0.6 * seat:.4f}" size="0.09 0.17 0.08" {_RUBBER}/>',
    ]
    for y in (-0.26, 0.26):
        parts += [
            bar(f"aid_back_leg_{y}", (-0.22, y, 0.09), (0.06, y, seat), 0.028, look),
            bar(f"aid_front_leg_{y}", (0.24, y, 0.09), (0.02, y, seat), 0.028, look),
            bar(f"aid_post_{y}", (0.06, y, seat), (-0.04, y, top), 0.028, look),
            bar(
                f"aid_stay_{y}", (0.05, y, 0.9 * top), (-0.02, y, 0.9 * top), 0.02, look
            ),
            bar(f"aid_grip_{y}", (0.0, y, top), (-0.2, y, top), 0.038, _RUBBER),
            disc(f"aid_back_wheel_{y}", (-0.22, y, 0.09), 0.09, 0.03, _RUBBER),
            disc(f"aid_front_wheel_{y}", (0.24, y, 0.09), 0.09, 0.03, _RUBBER),
        ]
    return parts
