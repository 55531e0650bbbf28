"""An hour of an ordinary day: quiet for most of the time, and at most one fall.

``life.live`` and ``wide_life`` crowd a minute with activities and falls, to train on.
This module has them as often as a day has them, to count false alarms. In the night, 22
to 6 o'clock, the person sleeps, turns over every few minutes and sometimes leaves the
room for a while. At other times the person does one thing after the other:

    on the feet    3 to 15 minutes of the activities of ``_ON_FEET``
    in the chair   5 to 40 minutes, mostly still, sometimes a movement of ``_IN_CHAIR``
    away           5 to 30 minutes in an empty room
    in bed         10 to 30 minutes, as in the night
    on a sofa      5 to 20 minutes, lying or half sitting
    on the bed     1 to 4 minutes, sitting on its edge
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from pipelines.lab.simulation import poses, wide_falls, wide_life
from pipelines.lab.simulation.life import Life
from pipelines.lab.simulation.motion import Track
from pipelines.lab.simulation.world import World

HOUR_S = 3600.0
HOURS_A_DAY = 24
_WAKING_HOURS = range(6, 22)
_NIGHT_TRIP_SHARE = 0.04
_FALL_TRIES = 20

Weighted = tuple[float, Callable[[Life], None]]
"""A number of times, and the activity."""

_ON_FEET: tuple[Weighted, ...] = (
    (500, Life.wander),
    (150, wide_life.reach),
    (120, wide_life.turn),
    (100, Life.bend),
    (20, wide_life.squat),
    (10, Life.kneel),
    (6, Life.drop_into_chair),
    (5, wide_life.sit_low),
    (4, Life.go_to_floor),
    (4, wide_life.jog),
    (3, wide_life.exercise),
    (2, wide_life.sit_cross_legged),
    (2, wide_life.crawl),
    (2, wide_life.jump),
)
"""Activities beside standing, and about how often a day has them."""

_STANDING = 450  # times a day that the person stands for a while
_IN_CHAIR: tuple[Weighted, ...] = (
    (6, Life.sit),
    (2, wide_life.raise_arms),
    (1, wide_life.lean_back),
    (0.3, wide_life.tie_shoes),
)
_IN_BED: tuple[Weighted, ...] = (
    (3, wide_life.turn_over),
    (2, Life.lie),
    (0.1, wide_life.sit_up_in_bed),
)
_FALLS: dict[str, tuple[Weighted, ...]] = {
    "standing": (
        (1.3, Life.fall_standing),
        (0.7, Life.fall_walking),
        (1.8, wide_falls.fall_reacting),
        (0.7, wide_falls.topple),
        (0.5, wide_falls.collapse),
        (0.4, wide_falls.fall_on_knees),
        (1.2, wide_falls.crumple),
    ),
    "chair": ((1.0, Life.fall_from_chair), (0.9, wide_falls.slide_off)),
    "bed": ((1.0, Life.fall_from_bed),),
}
"""The falls that begin in a place, as often as in the lives to train on."""


@final
@dataclass(frozen=True, slots=True)
class Activities:
    """What a person did, one after the other.

    Attributes:
        begins_s: Time at which each activity began.
        names: Name of each activity.
    """

    begins_s: tuple[float, ...]
    names: tuple[str, ...]

    def at(self, time_s: float) -> str:
        """Return the name of the activity at a time."""
        return self.names[max(0, bisect_right(self.begins_s, time_s) - 1)]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Hour:
    """A finished hour: the motion with its labels, and the activities."""

    track: Track
    activities: Activities


def live_hour(
    world: World,
    rng: np.random.Generator,
    hour_of_day: int,
    fall_at_s: float | None = None,
    *,
    duration_s: float = HOUR_S,
) -> Hour:
    """Simulate an hour of a person's day.

    Args:
        world: Person, room and camera.
        rng: Source of every random choice.
        hour_of_day: 0 to 23.
        fall_at_s: Time about which the person falls; None for no fall.
        duration_s: Length in seconds.
    """
    day = _Day(world, rng, duration_s, fall_at_s)
    while day.left_s > 0:
        if hour_of_day in _WAKING_HOURS:
            day.be_awake()
        else:
            day.sleep()
    return day.finish()


@final
class _Day:
    """An hour in progress."""

    def __init__(
        self,
        world: World,
        rng: np.random.Generator,
        duration_s: float,
        fall_at_s: float | None,
    ) -> None:
        self._duration_s = duration_s
        self._begins_s, self._names = [0.0], ["begin"]
        self._life = Life(world, rng, duration_s)
        self._motion, self._rng = self._life.motion, rng
        self._fall_at_s = duration_s if fall_at_s is None else fall_at_s
        self._will_fall = fall_at_s is not None

    @property
    def left_s(self) -> float:
        """Time until the end."""
        return self._duration_s - self._motion.duration_s

    def finish(self) -> Hour:
        """Return the hour."""
        track = self._motion.track(self._duration_s)
        return Hour(track, Activities(tuple(self._begins_s), tuple(self._names)))

    def be_awake(self) -> None:
        """Do one of the things of a waking hour, or fall."""
        whats = self._on_feet, self._in_chair, self._away, self._nap
        more = self._on_sofa, self._on_bed_edge
        shares = [0.42, 0.30, 0.15, 0.04, 0.03, 0.06]
        (*whats, *more)[self._rng.choice(len(shares), p=shares)]()
        if self._fall_is_due:
            self._fall()

    def sleep(self) -> None:
        """Sleep for a while, and then turn over, leave the room or fall."""
        self._go_to_bed()
        self._doze()
        if self._fall_is_due:
            if self._rng.random() < 0.6:
                self._get_on_feet()
            self._fall()
        elif self._rng.random() < _NIGHT_TRIP_SHARE:
            self._away()

    # Falls.

    @property
    def _until_fall_s(self) -> float:
        """Time that an activity may still last."""
        until_s = self._fall_at_s if self._will_fall else self._duration_s
        return max(0.0, until_s - self._motion.duration_s)

    @property
    def _fall_is_due(self) -> bool:
        return self._will_fall and self._motion.duration_s >= self._fall_at_s

    def _fall(self) -> None:
        """Fall, lie there, and get up; some falls end out of view and are repeated."""
        self._will_fall = False
        if self._life.whereabouts not in _FALLS:
            self._get_on_feet()
        for _ in range(_FALL_TRIES):
            self._do_one(_FALLS[self._life.whereabouts])
            if self._life.whereabouts == "floor":
                break
            self._do(Life.wander)
        else:
            return
        until_s = self._motion.duration_s + np.exp(
            self._rng.uniform(np.log(20), np.log(480))
        )
        while self._motion.duration_s < until_s and self.left_s > 0:
            self._rest("fallen", self._rng.exponential(15))
            self._do(wide_falls.move_on_floor)
        self._get_on_feet()

    # The things of a day.

    def _on_feet(self) -> None:
        self._get_on_feet()
        until_s = self._until(self._rng.uniform(180, 900))
        while self._motion.duration_s < until_s:
            others = sum(times for times, _ in _ON_FEET)
            if self._rng.random() < _STANDING / (others + _STANDING):
                self._begin("stand")
                duration_s = min(40, 3 + self._rng.exponential(12))
                self._motion.hold("standing", duration_s, "feet", 7)
            else:
                self._do_one(_ON_FEET)
            self._get_on_feet()

    def _in_chair(self) -> None:
        if self._life.whereabouts != "chair":
            self._get_on_feet()
            self._do(Life.sit_on_chair)
        until_s = self._until(self._rng.uniform(300, 2400))
        while self._motion.duration_s < until_s:
            self._rest("sitting", min(300, self._rng.exponential(40)))
            self._do_one(_IN_CHAIR)

    def _away(self) -> None:
        self._get_on_feet()
        self._do(Life.leave)
        self._begin("away")
        low_s, high_s = (300, 1800) if self._rng.random() < 0.7 else (60, 300)
        duration_s = min(self._rng.uniform(low_s, high_s), self._until_fall_s)
        self._motion.vanish(duration_s)
        self._do(Life.enter)

    def _nap(self) -> None:
        self._go_to_bed()
        until_s = self._until(self._rng.uniform(600, 1800))
        while self._motion.duration_s < until_s:
            self._doze()

    def _doze(self) -> None:
        self._rest("lying in bed", min(1500, 20 + self._rng.exponential(480)))
        self._do_one(_IN_BED)

    def _on_bed_edge(self) -> None:
        self._get_on_feet()
        self._do(Life.sit_on_bed)
        until_s = self._until(self._rng.uniform(60, 240))
        while self._motion.duration_s < until_s:
            self._rest("sitting", self._rng.exponential(20))
            self._do(Life.sit)

    def _on_sofa(self) -> None:
        """Lie or half sit on a sofa, which is low, and may be anywhere."""
        self._get_on_feet()
        self._begin("sofa")
        motion, rng = self._motion, self._rng
        height_m, heading = rng.uniform(0.32, 0.5), motion.heading_rad
        sat = poses.sitting(rng, self._life.world.body, height_m)
        seat = motion.on_seat(sat, heading, motion.xy)
        self._life.lean("sitting down", rng.uniform(0.4, 0.9))
        motion.move("sitting down", seat, rng.uniform(0.5, 1.2), "free")
        lies = rng.random() < 0.5
        pose = poses.lying(rng) if lies else poses.reclined(rng)
        along = heading + (rng.choice([-1, 1]) * np.pi / 2 if lies else 0.0)
        rested = motion.laid(pose, along, motion.xy, height_m - 0.05)
        going, label = (
            ("lying down", "lying in bed") if lies else ("sitting", "sitting")
        )
        motion.move(going, rested, rng.uniform(1.5, 3), "free")
        until_s = self._until(rng.uniform(300, 1200))
        while motion.duration_s < until_s:
            self._rest(label, min(300, rng.exponential(60)), "sofa")
            motion.hold(label, rng.uniform(2, 6), "free", 5)
        motion.move("standing up", seat, rng.uniform(1.5, 3), "free")
        self._life.rise("standing up", rng.uniform(0.8, 1.6))

    # Parts.

    def _get_on_feet(self) -> None:
        """Stand, from wherever the person is."""
        match self._life.whereabouts:
            case "absent":
                self._do(Life.enter)
            case "chair" | "bed edge":
                self._do(Life.stand_up)
            case "bed":
                self._do(Life.sit_up)
                self._do(Life.stand_up)
            case "floor":
                self._do(Life.get_up)
            case "standing":
                pass

    def _go_to_bed(self) -> None:
        if self._life.whereabouts == "bed":
            return
        if self._life.whereabouts != "bed edge":
            self._get_on_feet()
            self._do(Life.sit_on_bed)
        self._do(Life.lie_down if self._rng.random() < 0.8 else Life.flop_down)

    def _until(self, duration_s: float) -> float:
        """Return the end of a time that a fall or the hour's end may cut short."""
        return self._motion.duration_s + min(duration_s, self._until_fall_s)

    def _rest(self, label: str, duration_s: float, name: str = "") -> None:
        self._begin(name or f"{label}, still")
        end_s = self.left_s if label == "fallen" else self._until_fall_s
        self._motion.rest(label, min(duration_s, end_s))

    def _do_one(self, choices: Sequence[Weighted]) -> None:
        weights = np.array([weight for weight, _ in choices])
        self._do(choices[self._rng.choice(len(choices), p=weights / weights.sum())][1])

    def _do(self, activity: Callable[[Life], None]) -> None:
        self._begin(activity.__name__.replace("_", " "))
        activity(self._life)

    def _begin(self, name: str) -> None:
        self._begins_s.append(self._motion.duration_s)
        self._names.append(name)
