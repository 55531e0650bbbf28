"""Where a person's walking aid is from picture to picture."""

from typing import final

import numpy as np
from jaxtyping import Float64

from pipelines.lab.simulation.body import Body
from pipelines.lab.simulation.motion import heading_rad
from pipelines.lab.simulation.room import BED_LENGTH_M, Room

AHEAD_M = 0.4
"""From the pelvis to the middle of a walking aid in use."""

REACH_M = 0.9
"""From further away, people walk without it."""

_STANDING_RATIO = 0.43  # height of the pelvis as a share of the body's; 0.53 is upright
_UPRIGHT = 0.9  # vertical part of the pelvis's own upward direction: within 26 degrees
_ABSENT_M = -1.0
_ROOM_M = 0.28  # half of the aid's width, which stays clear of walls and furniture
_CHAIR_M = 0.55  # from the middle of the seat


@final
class WalkingAid:
    """The place of a walking aid, which moves with its person's poses.

    A person on their feet within ``REACH_M`` of it has it in front of them, where walls
    and furniture leave room. Otherwise it stays where it was left. Who leaves the room
    with it returns with it. It is nowhere before the person first stands, or ``park``.

    Args:
        body: The person.
        room: The room, whose walls, bed and chair it does not enter.
    """

    def __init__(self, body: Body, room: Room) -> None:
        self._standing_m = _STANDING_RATIO * body.height_m
        self._room = room
        self._held = False
        self._place: tuple[float, float, float] | None = None

    def park(self, life: Float64[np.ndarray, "sample coordinate"]) -> None:
        """Put the aid where it is within reach once the person first stands.

        A person who enters the room brings it.

        Args:
            life: Coordinates of the person from the beginning.
        """
        for qpos in life:
            if self._is_absent(qpos) or self.follow(qpos) is not None:
                break
        self._held = False

    def follow(
        self, qpos: Float64[np.ndarray, " coordinate"]
    ) -> tuple[float, float, float] | None:
        """Move the aid to where it is once the person has a pose.

        Args:
            qpos: Coordinates of the person.

        Returns:
            Its x and y in metres and its heading in radians, or None while it is not in
            the room.
        """
        if self._is_absent(qpos):
            if self._held:
                self._place = None
            return self._place
        self._held = self._is_upright(qpos) and self._is_in_reach(qpos)
        if self._held:
            heading = heading_rad(qpos)
            x = float(qpos[0] + AHEAD_M * np.cos(heading))
            y = float(qpos[1] + AHEAD_M * np.sin(heading))
            if self._has_space(x, y):
                self._place = x, y, heading
        return self._place

    @staticmethod
    def _is_absent(qpos: Float64[np.ndarray, " coordinate"]) -> bool:
        return bool(qpos[2] < _ABSENT_M)

    def _is_upright(self, qpos: Float64[np.ndarray, " coordinate"]) -> bool:
        _, x, y, _ = qpos[3:7]
        up = 1 - 2 * (x * x + y * y)
        return bool(qpos[2] > self._standing_m and up > _UPRIGHT)

    def _is_in_reach(self, qpos: Float64[np.ndarray, " coordinate"]) -> bool:
        if self._place is None:
            return True
        x, y, _ = self._place
        return bool(np.hypot(qpos[0] - x, qpos[1] - y) < REACH_M)

    def _has_space(self, x: float, y: float) -> bool:
        room = self._room
        in_room = (
            abs(x) < room.width_m / 2 - _ROOM_M and abs(y) < room.depth_m / 2 - _ROOM_M
        )
        beside_bed = abs(x - room.bed_x_m) > BED_LENGTH_M / 2 + _ROOM_M
        before_bed = y < room.bed_edge_y_m - _ROOM_M
        from_chair_m = np.hypot(x - room.chair_xy[0], y - room.chair_xy[1])
        return bool(in_room and (beside_bed or before_bed) and from_chair_m > _CHAIR_M)
