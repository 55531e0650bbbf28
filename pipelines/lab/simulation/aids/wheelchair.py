"""The looks that make the chair of a room a wheelchair.

Seat, backrest and armrests stay the chair's own; wheels and frame are drawn about them.
"""

import numpy as np

from pipelines.lab.simulation.aids.looks import bar, disc, metal

WHEEL_RADIUS_M = 0.3

_WHEEL_Y_M = 0.31  # from the middle of the seat: outside the armrests
_RIM_SIDES, _SPOKES = 18, 3
_TYRE = 'rgba="0.09 0.09 0.1 1"'


def wheelchair_mjcf(
    seat_xy: tuple[float, float],
    seat_height_m: float,
    back_side: int,
    rng: np.random.Generator,
    *,
    armrests: bool,
) -> str:
    """Write wheels, frame, handles and foot rests about a chair, without collisions.

    Args:
        seat_xy: Middle of the seat in the room.
        seat_height_m: Height of the seat's upper side.
        back_side: -1 or +1: where the backrest is along x.
        rng: Source of the metal's colour.
        armrests: Whether to draw armrests, because the chair has none.
    """
    look = metal(rng, 0.2, 0.75)
    chair = _Wheelchair(seat_xy, seat_height_m, back_side, look)
    parts = [*chair.cross(), *chair.rear_wheel(-1), *chair.rear_wheel(1)]
    for sign in (-1, 1):
        parts += chair.side(sign)
        if armrests:
            parts += chair.armrest(sign)
    return "".join(parts)


class _Wheelchair:
    """Writes parts by places relative to the seat: forwards, to a side, above floor."""

    def __init__(
        self, xy: tuple[float, float], top: float, back_side: int, look: str
    ) -> None:
        self.xy, self.top, self.back_side, self.look = xy, top, back_side, look

    def at(self, ahead: float, aside: float, up: float) -> tuple[float, float, float]:
        return self.xy[0] - self.back_side * ahead, self.xy[1] + aside, up

    def tube(
        self,
        name: str,
        start: tuple[float, float, float],
        end: tuple[float, float, float],
        look: str | None = None,
        thickness_m: float = 0.024,
    ) -> str:
        ends = self.at(*start), self.at(*end)
        return bar(f"chair_{name}", *ends, thickness_m, look or self.look)

    def rear_wheel(self, sign: int) -> list[str]:
        """A tyre of short bars, spokes across it, and a hub: one can see through it."""
        y, r, middle = sign * _WHEEL_Y_M, WHEEL_RADIUS_M - 0.012, -0.08
        turns = np.linspace(0, 2 * np.pi, _RIM_SIDES + 1)
        rim = [
            (middle + r * np.cos(t), y, r * np.sin(t) + WHEEL_RADIUS_M) for t in turns
        ]
        parts = [
            self.tube(f"rim_{sign}_{i}", rim[i], rim[i + 1], _TYRE, 0.026)
            for i in range(_RIM_SIDES)
        ]
        half = _RIM_SIDES // 2
        parts += [
            self.tube(f"spoke_{sign}_{i}", rim[i], rim[i + half], thickness_m=0.008)
            for i in range(0, half, half // _SPOKES)
        ]
        hub = self.at(middle, y, WHEEL_RADIUS_M)
        return [*parts, disc(f"chair_hub_{sign}", hub, 0.035, 0.05, self.look)]

    def side(self, sign: int) -> list[str]:
        """Posts, lower tube, push handle, castor and foot rest of one side."""
        y, top = sign * 0.25, self.top
        castor = self.at(0.17, y, 0.08)
        return [
            self.tube(f"back_post_{sign}", (-0.2, y, 0.15), (-0.27, y, top + 0.5)),
            self.tube(f"front_post_{sign}", (0.17, y, 0.1), (0.19, y, top)),
            self.tube(f"low_tube_{sign}", (-0.2, y, 0.2), (0.17, y, 0.2)),
            self.tube(f"axle_{sign}", (-0.08, y, 0.3), (-0.08, sign * 0.31, 0.3)),
            self.tube(f"handle_{sign}", (-0.25, y, top + 0.5), (-0.38, y, top + 0.5)),
            disc(f"chair_castor_{sign}", castor, 0.08, 0.03, _TYRE),
            self.tube(
                f"leg_rest_{sign}", (0.2, y, top - 0.06), (0.31, sign * 0.2, 0.09)
            ),
            self.tube(
                f"foot_rest_{sign}",
                (0.34, sign * 0.21, 0.07),
                (0.34, sign * 0.05, 0.07),
                _TYRE,
                0.03,
            ),
        ]

    def armrest(self, sign: int) -> list[str]:
        y, up = sign * 0.27, self.top + 0.2
        return [
            self.tube(f"arm_{sign}", (-0.23, y, up), (0.17, y, up), _TYRE, 0.05),
            self.tube(f"arm_post_{sign}", (0.14, y, self.top - 0.04), (0.14, y, up)),
        ]

    def cross(self) -> list[str]:
        """The two bars below the seat by which it folds."""
        high = self.top - 0.08
        return [
            self.tube(
                f"fold_{sign}", (0.05, sign * 0.24, 0.2), (0.05, -sign * 0.2, high)
            )
            for sign in (-1, 1)
        ]
