"""The activities of a person in the ward, one after another.

``live`` draws activities that are possible at the person's current place
(``Whereabouts``) until the time is over. Falls and hard negatives are far more frequent
than in life, so that an hour of footage contains enough of them.
"""

from collections.abc import Callable
from typing import Literal, final

import numpy as np

from pipelines.lab.simulation import poses
from pipelines.lab.simulation.falls import draw_cause, fall
from pipelines.lab.simulation.motion import Motion, Point, Qpos, Track, heading_rad
from pipelines.lab.simulation.resting_places import (
    bed_seat,
    chair_seat,
    in_bed,
    lying_heading,
)
from pipelines.lab.simulation.world import World

Whereabouts = Literal["absent", "standing", "chair", "bed edge", "bed", "floor"]
Choice = tuple[float, Callable[[], None]]
"""An activity and how often it is chosen, relative to the others."""

MoreActivities = Callable[["Life"], list[Choice]]
_FIRST_FALL_S = 4.0  # time before the first fall
_LAST_FALL_S = 12.0  # time before the end, so that a fall is not cut off


def live(
    world: World,
    rng: np.random.Generator,
    duration_s: float,
    more: MoreActivities | None = None,
) -> Track:
    """Simulate a person's life in a world.

    ``more`` are further activities that are possible in a life's current state.

    Returns:
        The motion with its labels. Falls are physics; everything else is kinematic.
    """
    life = Life(world, rng, duration_s, more)
    while life.motion.duration_s < duration_s:
        life.next_activity()
    return life.motion.track(duration_s)


@final
class Life:
    """A life in progress: where the person is, and what can happen next there."""

    def __init__(
        self,
        world: World,
        rng: np.random.Generator,
        duration_s: float,
        more: MoreActivities | None = None,
    ) -> None:
        self.world, self.room, self.rng = world, world.room, rng
        self.duration_s = duration_s
        self._more = more
        self.motion = Motion(world, rng)
        self.whereabouts: Whereabouts = "absent"
        self._begin()

    @property
    def may_fall(self) -> bool:
        """Whether a fall now is neither cut off by the beginning nor by the end."""
        now_s = self.motion.duration_s
        return _FIRST_FALL_S < now_s < self.duration_s - _LAST_FALL_S

    def next_activity(self) -> None:
        """Perform one activity that is possible here."""
        choices = self._choices()
        if self._more is not None:
            choices += self._more(self)
        weights = np.array([weight for weight, _ in choices])
        _, activity = choices[self.rng.choice(len(choices), p=weights / weights.sum())]
        activity()

    def _choices(self) -> list[Choice]:
        falls = 1.0 if self.may_fall else 0.0
        match self.whereabouts:
            case "absent":
                return [(1, self.enter)]
            case "standing":
                return [
                    (2.2, self.wander),
                    (2.0, self.stand),
                    (1.6, self.bend),
                    (0.7, self.kneel),
                    (0.7, self.go_to_floor),
                    (1.2, self.sit_on_chair),
                    (0.7, self.drop_into_chair),
                    (1.5, self.sit_on_bed),
                    (0.5, self.leave),
                    (falls * 1.3, self.fall_standing),
                    (falls * 0.7, self.fall_walking),
                ]
            case "chair":
                return [
                    (2, self.sit),
                    (2, self.stand_up),
                    (falls * 1.0, self.fall_from_chair),
                ]
            case "bed edge":
                return [
                    (1, self.sit),
                    (1, self.stand_up),
                    (1.8, self.lie_down),
                    (0.8, self.flop_down),
                ]
            case "bed":
                return [
                    (2, self.lie),
                    (1.6, self.sit_up),
                    (falls * 1.0, self.fall_from_bed),
                ]
            case "floor":
                return [(1.0, self.lie_fallen), (1.4, self.get_up)]

    def _begin(self) -> None:
        """Start in the room, in bed, on the chair, or with the room empty."""
        start = self.rng.choice(
            ["absent", "standing", "chair", "bed"], p=[0.15, 0.35, 0.2, 0.3]
        )
        if start == "absent":
            self.motion.vanish(self.rng.uniform(2, 6))
        elif start == "standing":
            xy = np.array(self.room.free_point(self.rng))
            heading = self.rng.uniform(-np.pi, np.pi)
            self.motion.now = self.motion.on_feet(poses.standing(self.rng), heading, xy)
            self.whereabouts = "standing"
        elif start == "chair":
            self.motion.now = chair_seat(self.motion)
            self.whereabouts = "chair"
            self.sit()
        else:
            self.motion.now = in_bed(self.motion)
            self.motion.covered = bool(self.rng.random() < 0.5)
            self.whereabouts = "bed"
            self.lie()

    # Standing.

    def stand(self) -> None:
        """Stand still for a while."""
        target = self.upright(self.motion.xy)
        self.motion.move("standing", target, self.rng.uniform(0.4, 0.8), "feet")
        self.motion.hold("standing", self.rng.uniform(1.5, 5), "feet", 7)

    def wander(self) -> None:
        """Walk about."""
        for _ in range(int(self.rng.integers(1, 3))):
            to = np.array(self.room.free_point(self.rng))
            self.motion.walk("walking", to, self.rng.uniform(0.35, 1.2))

    def bend(self) -> None:
        """Bend or crouch; half of the time quickly, as if to pick something up."""
        quick = self.rng.random() < 0.5
        self.motion.note = "hard negative: picking something up" if quick else ""
        down_s = self.rng.uniform(0.4, 0.8) if quick else self.rng.uniform(0.8, 1.8)
        self.crouch(
            "bending", poses.bending(self.rng), down_s, self.rng.uniform(1.5, 4)
        )
        self.rise("bending", down_s * self.rng.uniform(1, 1.5))
        self.motion.note = ""

    def kneel(self) -> None:
        """Kneel down and rise; a hard negative."""
        self.motion.note = "hard negative: kneeling"
        self.crouch(
            "kneeling",
            poses.kneeling(self.rng),
            self.rng.uniform(0.7, 2),
            self.rng.uniform(2, 5),
        )
        self.rise("standing up", self.rng.uniform(1.0, 2.5))
        self.motion.note = ""

    def go_to_floor(self) -> None:
        """Get down to the floor on purpose, via the knees, and sit or stay there."""
        self.motion.note = "hard negative: getting down to the floor"
        knees = self.motion.on_feet(
            poses.kneeling(self.rng), self.motion.heading_rad, self.motion.xy
        )
        self.motion.move("kneeling", knees, self.rng.uniform(0.7, 1.6), "floor")
        if self.rng.random() < 0.7:
            pose, label = poses.sitting_on_floor(self.rng), "sitting on floor"
        else:
            pose, label = poses.on_all_fours(self.rng), "kneeling"
        down = self.motion.laid(pose, self.motion.heading_rad, self.motion.xy, 0.0)
        self.motion.move("kneeling", down, self.rng.uniform(0.8, 2), "floor")
        self.motion.hold(label, self.rng.uniform(2, 6), "floor", 6)
        knees = self.motion.laid(
            poses.kneeling(self.rng), self.motion.heading_rad, self.motion.xy, 0.0
        )
        self.motion.move("kneeling", knees, self.rng.uniform(0.8, 1.8), "floor")
        self.rise("standing up", self.rng.uniform(1.2, 2.5))
        self.motion.note = ""

    def enter(self) -> None:
        """Enter by the door."""
        door = np.array([self.room.door_x_m, -self.room.depth_m / 2 + 0.25])
        self.motion.now = self.motion.on_feet(poses.standing(self.rng), np.pi / 2, door)
        self.whereabouts = "standing"
        self.wander()

    def leave(self) -> None:
        """Leave by the door and stay away for a while."""
        door = np.array([self.room.door_x_m, -self.room.depth_m / 2 + 0.25])
        self.motion.walk("walking", door, self.rng.uniform(0.5, 1.2))
        self.motion.vanish(self.rng.uniform(3, 7))
        self.whereabouts = "absent"

    # Chair and bed.

    def sit_on_chair(self) -> None:
        """Walk to the chair and sit down."""
        self._sit_down(chair_seat(self.motion), self.rng.uniform(1.2, 2.5))
        self.whereabouts = "chair"
        self.sit()

    def drop_into_chair(self) -> None:
        """Drop into the chair; a hard negative."""
        self._sit_down(
            chair_seat(self.motion),
            self.rng.uniform(0.4, 0.7),
            "hard negative: dropping into the chair",
        )
        self.whereabouts = "chair"
        self.sit()

    def sit_on_bed(self) -> None:
        """Sit down on the edge of the bed."""
        self._sit_down(bed_seat(self.motion), self.rng.uniform(1.2, 2.5))
        self.whereabouts = "bed edge"
        self.motion.hold("sitting", self.rng.uniform(1, 4), "feet", 7)

    def sit(self) -> None:
        """Keep sitting."""
        self.motion.hold("sitting", self.rng.uniform(2.5, 6), "feet", 9)

    def stand_up(self) -> None:
        """Get up from a seat."""
        self.lean("standing up", self.rng.uniform(0.5, 1.0))
        self.rise("standing up", self.rng.uniform(0.6, 1.4))

    def lie_down(self) -> None:
        """Lie down in bed."""
        self._lie_down(self.rng.uniform(1.8, 3.5))

    def flop_down(self) -> None:
        """Drop onto the bed; a hard negative."""
        self._lie_down(
            self.rng.uniform(0.8, 1.2), "hard negative: dropping onto the bed"
        )

    def lie(self) -> None:
        """Lie in bed and sometimes turn over."""
        if self.rng.random() < 0.4:
            self.motion.move(
                "lying in bed", in_bed(self.motion), self.rng.uniform(1, 2.5), "free"
            )
        self.motion.hold("lying in bed", self.rng.uniform(2.5, 6), "free", 4)

    def sit_up(self) -> None:
        """Sit up on the edge of the bed."""
        self.motion.covered = False
        self.motion.move(
            "standing up", bed_seat(self.motion), self.rng.uniform(1.5, 3), "free"
        )
        self.whereabouts = "bed edge"
        self.sit()

    # Falls.

    def fall_standing(self) -> None:
        """Fall from standing."""
        if fall(self.motion, draw_cause(self.rng, "standing")):
            self._lie_after_fall()

    def fall_walking(self) -> None:
        """Fall in the middle of a walk."""
        way = np.array(self.room.free_point(self.rng)) - self.motion.xy
        self.motion.walk(
            "walking",
            self.motion.xy + way * self.rng.uniform(0.4, 0.8),
            self.rng.uniform(0.5, 1.2),
        )
        self.fall_standing()

    def fall_from_chair(self) -> None:
        """Fall off the chair."""
        if fall(self.motion, draw_cause(self.rng, "chair")):
            self._lie_after_fall()

    def fall_from_bed(self) -> None:
        """Roll over the open edge of the bed."""
        self.motion.covered = False
        here_x_m = self.motion.now[0]
        side = 90 if self.room.head_side > 0 else -90
        pose = poses.lying(self.rng, spin_deg=side * self.rng.uniform(0.5, 1.1))
        edge = self.motion.laid(
            pose,
            lying_heading(self.room),
            np.array([here_x_m, self.room.bed_edge_y_m + self.rng.uniform(0.02, 0.1)]),
            self.room.bed_height_m,
        )
        self.motion.move("lying in bed", edge, self.rng.uniform(0.8, 2.0), "free")
        towards = np.array([0.0, -self.rng.uniform(0.7, 1.2)])
        if fall(self.motion, draw_cause(self.rng, "bed"), towards):
            self._lie_after_fall()

    def lie_fallen(self) -> None:
        """Keep lying on the floor."""
        self.motion.hold("fallen", self.rng.uniform(3, 8), "floor", 5)

    def get_up(self) -> None:
        """Get up from the floor via hands and knees."""
        heading, xy = self.motion.heading_rad, self.motion.xy
        fours = self.motion.laid(poses.on_all_fours(self.rng), heading, xy, 0.0)
        self.motion.move("standing up", fours, self.rng.uniform(2, 3.5), "floor")
        knees = self.motion.laid(poses.kneeling(self.rng), heading, xy, 0.0)
        self.motion.move("standing up", knees, self.rng.uniform(0.8, 1.5), "floor")
        self.rise("standing up", self.rng.uniform(1.2, 2.5))

    def _lie_after_fall(self) -> None:
        self.whereabouts = "floor"
        self.motion.hold("fallen", self.rng.uniform(4, 9), "floor", 3)

    # Parts of activities.

    def crouch(
        self, label: str, pose: poses.Pose, down_s: float, stay_s: float
    ) -> None:
        """Go down on the feet, stay, and keep the feet in place."""
        feet = self.feet_now()
        self.motion.move(
            label,
            self.motion.on_feet(pose, self.motion.heading_rad, feet),
            down_s,
            "feet",
        )
        self.motion.hold(label, stay_s, "feet", 6)

    def rise(self, label: str, duration_s: float) -> None:
        """Stand upright."""
        self.motion.move(label, self.upright(self.feet_now()), duration_s, "feet")
        self.whereabouts = "standing"

    def lean(self, label: str, duration_s: float) -> None:
        """Lean forwards over the feet, as before sitting down or standing up."""
        pose = poses.rising(poses.standing(self.rng))
        target = self.motion.on_feet(pose, self.motion.heading_rad, self.feet_now())
        self.motion.move(label, target, duration_s, "feet")

    def _sit_down(self, seat: Qpos, duration_s: float, note: str = "") -> None:
        """Walk to the seat, turn the back to it and sit down."""
        self.world.pose(seat)
        feet = self.world.feet_xy()
        self.motion.walk("walking", feet, self.rng.uniform(0.5, 1.1))
        self.motion.turn("walking", heading_rad(seat))
        self.motion.note = note
        self.lean("sitting down", duration_s * 0.45)
        self.motion.move("sitting down", seat, duration_s * 0.55, "feet")
        self.motion.note = ""

    def _lie_down(self, duration_s: float, note: str = "") -> None:
        self.motion.note = note
        self.motion.move("lying down", in_bed(self.motion), duration_s, "free")
        self.motion.note = ""
        self.whereabouts = "bed"
        self.motion.covered = bool(self.rng.random() < 0.5)
        self.lie()

    def upright(self, feet_xy: Point) -> Qpos:
        """Return coordinates of standing at a place."""
        return self.motion.on_feet(
            poses.standing(self.rng), self.motion.heading_rad, feet_xy
        )

    def feet_now(self) -> Point:
        """Return the place of the feet."""
        self.world.pose(self.motion.now)
        return self.world.feet_xy()
