"""Falls that the ward's footage does not have, of people who still react.

They are kinematic, because physics without muscles would be wrong for them.
"""

import numpy as np

from pipelines.lab.simulation import poses
from pipelines.lab.simulation.falls import FallCause, fall
from pipelines.lab.simulation.life import Life
from pipelines.lab.simulation.motion import Point


def fall_reacting(life: Life) -> None:
    """Fall as a person who still reacts: buckle, then go down in any direction."""
    motion, rng = life.motion, life.rng
    if rng.random() < 0.5:
        way = np.array(life.room.free_point(rng)) - motion.xy
        speed_mps = rng.uniform(0.4, 1.3)
        motion.walk("walking", motion.xy + way * rng.uniform(0.3, 0.7), speed_mps)
    heading, start = motion.heading_rad, motion.xy
    shift = _aside(rng, rng.uniform(0.2, 0.9))
    pose = poses.sprawled(rng) if rng.random() < 0.75 else poses.half_up(rng)
    end = motion.laid(pose, heading + rng.normal(0, 0.6), start + shift, 0.0)
    if not life.world.sees_trunk(end):
        return
    total_s = rng.uniform(0.55, 1.9)
    if rng.random() < 0.7:
        between = _BUCKLED[int(rng.integers(len(_BUCKLED)))](rng)
        turned = heading + rng.normal(0, 0.3)
        middle = motion.laid(between, turned, start + 0.4 * shift, 0.0)
        share = rng.uniform(0.4, 0.7)
        motion.drop("falling", middle, total_s * share, rng.uniform(1.3, 2.2))
        motion.drop("falling", end, total_s * (1 - share), rng.uniform(0.9, 1.6))
    else:
        motion.drop("falling", end, total_s, rng.uniform(1.6, 2.6))
    _lie(life)


_BUCKLED = (
    poses.kneeling,
    poses.squatting,
    poses.bending,
    poses.on_all_fours,
    poses.sitting_on_floor,
)


def topple(life: Life) -> None:
    """Fall stiffly, like a plank."""
    rng = life.rng
    forwards, left = _aside(rng, rng.uniform(0.5, 1.2))
    spin = (-left * 1.3, forwards * 1.3, rng.uniform(-0.5, 0.5))
    tone_s = float(rng.uniform(1.0, 4.0))
    if fall(life.motion, FallCause((forwards, left, 0.0), spin, tone_s)):
        _lie(life)


def collapse(life: Life) -> None:
    """Slide down slowly, as along a wall or furniture, and perhaps tip over."""
    motion, rng = life.motion, life.rng
    heading = motion.heading_rad
    ahead = np.array([np.cos(heading), np.sin(heading)])
    low = (poses.sitting_on_floor, poses.half_up, poses.squatting)
    pose = low[int(rng.integers(len(low)))](rng)
    end = motion.laid(pose, heading, motion.xy - rng.uniform(0, 0.4) * ahead, 0.0)
    if not life.world.sees_trunk(end):
        return
    motion.drop("falling", end, rng.uniform(0.9, 2.2), rng.uniform(1.2, 2.0))
    if rng.random() < 0.8:
        _tip_over(life, "falling" if rng.random() < 0.5 else "fallen")
    _lie(life)


def fall_on_knees(life: Life) -> None:
    """Fall on the knees, then forwards."""
    motion, rng = life.motion, life.rng
    heading, start = motion.heading_rad, motion.xy
    ahead = np.array([np.cos(heading), np.sin(heading)])
    flat = poses.sprawled(rng).tilted(90 + rng.uniform(-8, 8), rng.uniform(-50, 50))
    end = motion.laid(flat, heading, start + rng.uniform(0.2, 0.6) * ahead, 0.0)
    if not life.world.sees_trunk(end):
        return
    knees = motion.laid(poses.kneeling(rng), heading, start, 0.0)
    motion.drop("falling", knees, rng.uniform(0.35, 0.8), 2)
    motion.hold("falling", rng.uniform(0.1, 0.5), "floor", 3)
    motion.drop("falling", end, rng.uniform(0.35, 0.9), rng.uniform(1.2, 2))
    _lie(life)


def crumple(life: Life) -> None:
    """Fall straight down: the legs give way, and the body tips over where it stood.

    Some reach for the floor or a support first, and some rest low for a moment.
    """
    motion, rng = life.motion, life.rng
    feet, heading = life.feet_now(), motion.heading_rad
    low = _LOW[int(rng.integers(len(_LOW)))](rng)
    sunk = motion.on_feet(low, heading, feet + _aside(rng, rng.uniform(0, 0.2)))
    turned = heading + rng.normal(0, 0.4)
    over = _aside(rng, rng.uniform(0, 0.35))
    end = motion.laid(poses.sprawled(rng), turned, sunk[:2] + over, 0.0)
    if not life.world.sees_trunk(end):
        return
    if rng.random() < 0.35:
        bent = motion.on_feet(poses.bending(rng), heading, feet)
        motion.move("falling", bent, rng.uniform(0.3, 0.7), "feet")
    motion.drop("falling", sunk, rng.uniform(0.35, 1.1), rng.uniform(1.0, 2.2))
    if rng.random() < 0.3:
        motion.hold("falling", rng.uniform(0.2, 0.5), "floor", 3)
    motion.drop("falling", end, rng.uniform(0.35, 1.1), rng.uniform(1.0, 1.8))
    _lie(life)


_LOW = (
    poses.squatting,
    poses.kneeling,
    poses.sitting_on_floor,
    poses.sitting_on_floor,
    poses.half_up,
)


def slide_off(life: Life) -> None:
    """Slide off the chair onto the floor."""
    motion, rng = life.motion, life.rng
    heading = motion.heading_rad
    ahead = np.array([np.cos(heading), np.sin(heading)])
    pose = poses.sitting_on_floor(rng) if rng.random() < 0.5 else poses.half_up(rng)
    end = motion.laid(pose, heading, motion.xy + rng.uniform(0.3, 0.6) * ahead, 0.0)
    if not life.world.sees_trunk(end):
        return
    motion.drop("falling", end, rng.uniform(0.5, 1.6), rng.uniform(1.2, 2.0))
    if rng.random() < 0.7:
        _tip_over(life, "falling")
    _lie(life)


def move_on_floor(life: Life) -> None:
    """Roll over, sit half up and lie again, after a fall."""
    motion, rng = life.motion, life.rng
    kinds = (poses.sprawled, poses.sprawled, poses.half_up, poses.sitting_on_floor)
    for _ in range(int(rng.integers(1, 4))):
        pose = kinds[int(rng.integers(len(kinds)))](rng)
        heading = motion.heading_rad + rng.normal(0, 0.3)
        target = motion.laid(pose, heading, motion.xy + rng.normal(0, 0.08, 2), 0.0)
        motion.move("fallen", target, rng.uniform(0.7, 2.2), "floor")
        motion.hold("fallen", rng.uniform(1, 4), "floor", 5)


def _lie(life: Life) -> None:
    """Stay down after a fall, still or not."""
    life.whereabouts = "floor"
    if life.rng.random() < 0.5:
        life.motion.hold("fallen", life.rng.uniform(3, 9), "floor", 3)
    else:
        life.motion.hold("fallen", life.rng.uniform(0.5, 3), "floor", 6)
        move_on_floor(life)


def _tip_over(life: Life, label: str) -> None:
    motion, rng = life.motion, life.rng
    heading = motion.heading_rad + rng.normal(0, 0.4)
    flat = motion.laid(poses.sprawled(rng), heading, motion.xy, 0.0)
    motion.drop(label, flat, rng.uniform(0.5, 1.5), rng.uniform(1.0, 1.6))


def _aside(rng: np.random.Generator, length: float) -> Point:
    """Draw a horizontal vector of a length in any direction."""
    angle = rng.uniform(-np.pi, np.pi)
    return length * np.array([np.cos(angle), np.sin(angle)])
