"""Two people in one room: one falls beside somebody, or a carer kneels by somebody.

Each has a world of their own with the same room and camera, so each lives as if alone.
Lives are drawn again in which the two come too near to one another, a trunk is out of
the picture when the fall or the kneeling begins, or the body ends inside furniture.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

import mujoco
import numpy as np
from jaxtyping import Float64

from pipelines.errors import PipelineError
from pipelines.lab.simulation import poses, wide_falls, wide_life
from pipelines.lab.simulation.body import random_body
from pipelines.lab.simulation.footage import Stream
from pipelines.lab.simulation.life import Life, Whereabouts
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ, Point, Track
from pipelines.lab.simulation.world import LANDMARKS, World, random_world

PairKind = Literal["fall", "carer"]
KINDS: tuple[PairKind, ...] = ("fall", "carer")

WAYS: dict[str, tuple[Whereabouts, Callable[[Life], None]]] = {
    "from standing": ("standing", Life.fall_standing),
    "while walking": ("standing", Life.fall_walking),
    "reacting": ("standing", wide_falls.fall_reacting),
    "stiff": ("standing", wide_falls.topple),
    "slow collapse": ("standing", wide_falls.collapse),
    "on the knees": ("standing", wide_falls.fall_on_knees),
    "off the chair": ("chair", Life.fall_from_chair),
    "sliding off the chair": ("chair", wide_falls.slide_off),
    "out of bed": ("bed", Life.fall_from_bed),
}
"""The ways to fall, each with the place where it begins."""

BESIDE = ("bed", "chair", "bed", "chair", "nobody")
"""Who is beside the carer: somebody in bed, on the chair, or nobody."""

FALL_APART_M, CARE_APART_M = 0.5, 0.25
"""Least distance of the two bodies' parts: beside a fall, and in care."""

_SHORTEST_S, _LONGEST_S = 25.0, 30.0
_FIRST_FALL_S, _LAST_FALL_S = 8.0, 11.0  # from the beginning, and before the end
_CLEAR_M = 0.8  # between the middle of who walks and the parts of the other
_DEEPEST_M = 0.1  # a kinematic fall heeds no furniture
_ABSENT_M = -1.0
_EVERY = 5  # samples between two comparisons of places
_WORLDS, _LIVES, _COMPANIONS = 60, 4, 6  # tries

Places = Float64[np.ndarray, "time part 3"]


@final
@dataclass(frozen=True, slots=True)
class PairPlan:
    """Everything that determines a case; equal plans give equal pairs."""

    kind: PairKind
    seed: int
    number: int
    stream: Stream = Stream.PAIRS

    @property
    def name(self) -> str:
        """Name of the case."""
        return f"{self.kind}-{self.seed}-{self.number:03d}"

    @property
    def way(self) -> str:
        """The way to fall, or who is beside the carer."""
        ways = tuple(WAYS) if self.kind == "fall" else BESIDE
        return ways[self.number % len(ways)]

    def generator(self) -> np.random.Generator:
        """Return the random generator of the case."""
        key = (int(self.stream), KINDS.index(self.kind), self.number)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """A person, in a world of their own, with their motion."""

    world: World
    track: Track

    def places(self) -> Places:
        """Return the places of the body's ``LANDMARKS`` in metres, ten times a second.

        They are not a number while the person is absent.
        """
        return _places(self.world, self.track.qpos[::_EVERY])

    def first(self, *labels: str) -> int:
        """Return the first sample with one of some labels."""
        return next(i for i, label in enumerate(self.track.labels) if label in labels)

    def is_seen_at(self, sample: int) -> bool:
        """Return whether the trunk is well within the picture at a sample."""
        return self.world.sees_trunk(self.track.qpos[sample])

    def deepest_m(self, sample: int) -> float:
        """Return how far the body is inside floor or furniture at a sample."""
        world = self.world
        world.pose(self.track.qpos[sample])
        mujoco.mj_fwdPosition(world.model, world.data)
        return float(-np.min(world.data.contact.dist, initial=0.0))

    @staticmethod
    def is_absent(qpos: Float64[np.ndarray, " coordinate"]) -> bool:
        """Return whether the person is not in the room at these coordinates."""
        return bool(qpos[2] < _ABSENT_M)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A case.

    Attributes:
        plan: What determined it.
        watched: Who falls, or is cared for; the room is that of this person's world.
        companion: The other, perhaps a carer.
        came_second: Whether the watched person came in after the other.
    """

    plan: PairPlan
    watched: Actor
    companion: Actor
    came_second: bool

    @property
    def duration_s(self) -> float:
        """Length of the case."""
        return len(self.watched.track.labels) / SAMPLE_RATE_HZ


def live_pair(plan: PairPlan) -> Pair:
    """Simulate a case.

    Raises:
        PipelineError: If no pair of many tries kept apart.
    """
    rng = plan.generator()
    draw = _draw_fall if plan.kind == "fall" else _draw_care
    for _ in range(_WORLDS):
        world = random_world(rng)
        # Of this world only the person is shown.
        beside = World(random_body(rng), world.room, world.view, rng)
        pair = draw(plan, world, beside, rng)
        if pair is not None:
            return pair
    msg = f"{plan.name}: no two people kept apart in {_WORLDS} rooms"
    raise PipelineError(msg)


def nearest_m(one: Places, other: Places) -> float:
    """Return the least distance of two bodies' parts at equal times.

    It is infinite if the two were never there at the same time.
    """
    ways = one[:, :, None] - other[:, None]
    squares = (ways**2).sum(axis=-1)
    return float(np.sqrt(np.nanmin(squares, initial=np.inf)))


# A fall beside somebody.


def _draw_fall(
    plan: PairPlan, world: World, beside: World, rng: np.random.Generator
) -> Pair | None:
    duration_s = rng.uniform(_SHORTEST_S, _LONGEST_S)
    came_second = bool(rng.random() < 0.5) and plan.way != "out of bed"
    for _ in range(_LIVES):
        track = _fall(world, rng, plan.way, duration_s, comes_in=came_second)
        if track is None:
            continue
        faller = Actor(world, track)
        if not faller.is_seen_at(faller.first("falling")):
            continue
        if faller.deepest_m(faller.first("fallen")) > _DEEPEST_M:
            continue
        places = faller.places()
        for _ in range(_COMPANIONS):
            track = _keep_company(
                beside, rng, places, duration_s, comes_in=not came_second
            )
            companion = track and Actor(beside, track)
            if companion and companion.is_seen_at(faller.first("falling")):
                return Pair(plan, faller, companion, came_second=came_second)
    return None


def _fall(
    world: World,
    rng: np.random.Generator,
    way: str,
    duration_s: float,
    *,
    comes_in: bool,
) -> Track | None:
    """Live until a fall, and lie there; None if the fall came at a wrong time."""
    start, fall = WAYS[way]
    life = _life(world, rng, "absent" if comes_in else start)
    if comes_in:
        life.enter()
        if start == "chair":
            life.sit_on_chair()
    until_s = rng.uniform(_FIRST_FALL_S, duration_s - _LAST_FALL_S - 2)
    while life.motion.duration_s < until_s:
        _stay(life)
    fall(life)
    while life.motion.duration_s < duration_s:
        life.lie_fallen()
    track = life.motion.track(duration_s)
    if "falling" not in track.labels:  # it would have ended out of view
        return None
    onset_s = track.labels.index("falling") / SAMPLE_RATE_HZ
    is_in_time = _FIRST_FALL_S <= onset_s <= duration_s - _LAST_FALL_S
    return track if is_in_time else None


def _keep_company(
    world: World,
    rng: np.random.Generator,
    others: Places,
    duration_s: float,
    *,
    comes_in: bool,
) -> Track | None:
    """Walk, stand and sit about; None if the other's places come too near."""
    starts: tuple[Whereabouts, ...] = ("standing", "standing", "chair")
    life = _life(world, rng, "absent" if comes_in else starts[rng.integers(3)])
    if comes_in:
        life.enter()
    elif life.whereabouts == "standing":
        life.stand()
    compared = 0
    while life.motion.duration_s < duration_s:
        _be_about(life, others)
        lived = life.motion.track(duration_s).qpos[compared::_EVERY]
        steps = slice(compared // _EVERY, compared // _EVERY + len(lived))
        if nearest_m(others[steps], _places(world, lived)) < FALL_APART_M:
            return None
        compared += len(lived) * _EVERY
    return life.motion.track(duration_s)


def _be_about(life: Life, others: Places) -> None:
    """Walk, stand or sit for a moment, clear of the other person's places."""
    what = life.rng.random()
    if life.whereabouts == "chair":
        (life.sit if what < 0.6 else life.stand_up)()
    elif what < 0.6:
        _walk_clear(life, others)
    elif what < 0.7:
        life.bend()
    elif what < 0.8:
        wide_life.reach(life)
    elif what < 0.85 and _is_clear(others, life, np.array(life.room.chair_xy)):
        life.sit_on_chair()
    else:
        life.stand()


def _walk_clear(life: Life, others: Places) -> None:
    """Walk to a place if the way is clear; stand if there is none."""
    for _ in range(10):
        to = np.array(life.room.free_point(life.rng))
        if _is_clear(others, life, to):
            life.motion.walk("walking", to, life.rng.uniform(0.35, 1.2))
            return
    life.motion.hold("standing", life.rng.uniform(0.5, 1.5), "feet", 7)


def _is_clear(others: Places, life: Life, to: Point) -> bool:
    """Return whether nobody is near the way to a place in the next seconds."""
    rate_hz = SAMPLE_RATE_HZ / _EVERY
    first = int(life.motion.duration_s * rate_hz)
    there = others[first : first + int(8 * rate_hz), :, :2]
    way = np.linspace(life.motion.xy, to, 8)
    ways = there[:, :, None] - way
    nearest = np.nanmin((ways**2).sum(axis=-1), initial=np.inf)
    return bool(nearest > _CLEAR_M**2)


# A carer beside somebody.


def _draw_care(
    plan: PairPlan, world: World, beside: World, rng: np.random.Generator
) -> Pair | None:
    duration_s = rng.uniform(_SHORTEST_S, _LONGEST_S)
    comes_in = bool(rng.random() < 0.5)
    for _ in range(_LIVES):
        cared_for = Actor(world, _rest(world, rng, plan.way, duration_s))
        carer = Actor(beside, _care(beside, rng, plan.way, duration_s, comes_in))
        if not carer.is_seen_at(carer.first("kneeling", "bending")):
            continue
        if nearest_m(cared_for.places(), carer.places()) >= CARE_APART_M:
            return Pair(plan, cared_for, carer, came_second=False)
    return None


def _rest(
    world: World, rng: np.random.Generator, place: str, duration_s: float
) -> Track:
    """Stay in bed or on the chair, or be absent."""
    start: Whereabouts = "bed" if place == "bed" else "chair"
    life = _life(world, rng, "absent" if place == "nobody" else start)
    while life.motion.duration_s < duration_s:
        _stay(life)
    return life.motion.track(duration_s)


def _care(
    world: World,
    rng: np.random.Generator,
    place: str,
    duration_s: float,
    comes_in: bool,
) -> Track:
    """Go to somebody's side, kneel or bend there for a while, and step back."""
    life = _life(world, rng, "absent" if comes_in else "standing")
    if comes_in:
        life.enter()
    until_s = rng.uniform(4, 8)
    while life.motion.duration_s < until_s:
        life.stand()
    feet, heading_rad = _side(life, place)
    life.motion.walk("walking", feet, rng.uniform(0.5, 1.1))
    life.motion.turn("walking", heading_rad)
    for _ in range(int(rng.integers(1, 3))):
        kneels = rng.random() < 0.7
        pose = poses.kneeling(rng) if kneels else poses.bending(rng)
        label = "kneeling" if kneels else "bending"
        life.crouch(label, pose, rng.uniform(0.7, 1.8), rng.uniform(3, 8))
        life.rise("standing up", rng.uniform(1.0, 2.2))
    while life.motion.duration_s < duration_s:
        life.stand()
    return life.motion.track(duration_s)


def _side(life: Life, place: str) -> tuple[Point, float]:
    """Return where to kneel beside a place, and the direction to it."""
    room, rng = life.room, life.rng
    if place == "bed":
        x = np.clip(
            room.bed_x_m + rng.uniform(-0.6, 0.6),
            -room.width_m / 2 + 0.4,
            room.width_m / 2 - 0.4,
        )
        return np.array([x, room.bed_edge_y_m - rng.uniform(0.6, 0.8)]), np.pi / 2
    if place == "chair":
        inwards = -room.chair_side
        x = room.chair_xy[0] + inwards * rng.uniform(1.2, 1.35)
        y = room.chair_xy[1] + rng.uniform(-0.25, 0.25)
        return np.array([x, y]), float(np.pi if inwards > 0 else 0.0)
    return np.array(room.free_point(rng)), float(rng.uniform(-np.pi, np.pi))


# Parts.


def _life(world: World, rng: np.random.Generator, start: Whereabouts) -> Life:
    """Begin a life without falls of its own in a place."""
    while True:
        life = Life(world, rng, duration_s=0.0)
        if life.whereabouts == start:
            return life


def _stay(life: Life) -> None:
    """Do something where the person is, and stay there."""
    choices: dict[Whereabouts, list[Callable[[Life], None]]] = {
        "standing": [Life.stand, Life.wander, Life.wander, Life.bend],
        "chair": [Life.sit, Life.sit, wide_life.raise_arms],
        "bed": [Life.lie, wide_life.turn_over],
        "absent": [lambda life: life.motion.vanish(1.0)],
    }
    here = choices[life.whereabouts]
    here[life.rng.integers(len(here))](life)


def _places(world: World, qpos: Float64[np.ndarray, "time coordinate"]) -> Places:
    places = np.empty((len(qpos), len(LANDMARKS), 3))
    for i, each in enumerate(qpos):
        world.pose(each)
        places[i] = [world.data.geom(name).xpos for name in LANDMARKS]
    places[qpos[:, 2] < _ABSENT_M] = np.nan
    return places
