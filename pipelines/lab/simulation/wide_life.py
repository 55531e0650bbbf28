"""More of life: activities and falls that the ward's footage does not have.

A recogniser that shall work in rooms nobody simulated must have seen people reach,
squat, jog, crawl, exercise on the floor and lie on sofas, and fall in ways that are not
limp (``wide_falls``). ``wide_choices`` is given to ``life.live``.
"""

from functools import partial

import numpy as np

from pipelines.lab.simulation import poses, wide_falls
from pipelines.lab.simulation.life import Choice, Life
from pipelines.lab.simulation.resting_places import in_bed, lying_heading

_SOFA_M = 0.35
"""Nobody lies down on a lower seat: the legs would swing through the floor."""


def wide_choices(life: Life) -> list[Choice]:
    """Return the further activities that are possible now."""
    falls = 1.0 if life.may_fall else 0.0
    match life.whereabouts:
        case "standing":
            weighted = [
                (0.6, reach),
                (0.6, squat),
                (0.5, jog),
                (0.3, jump),
                (0.5, crawl),
                (0.6, exercise),
                (0.4, sit_cross_legged),
                (1.4, sit_low),
                (0.8, stumble),
                (0.5, turn),
                (falls * 1.8, wide_falls.fall_reacting),
                (falls * 0.7, wide_falls.topple),
                (falls * 0.5, wide_falls.collapse),
                (falls * 0.4, wide_falls.fall_on_knees),
                (falls * 1.2, wide_falls.crumple),
            ]
        case "chair":
            weighted = [
                (1.0, tie_shoes),
                (0.7, lean_back),
                (0.7, raise_arms),
                (falls * 0.9, wide_falls.slide_off),
            ]
        case "bed edge":
            weighted = [(0.5, raise_arms)]
        case "bed":
            weighted = [(0.8, turn_over), (0.5, sit_up_in_bed)]
        case "floor":
            weighted = [(1.5, wide_falls.move_on_floor)]
        case "absent":
            weighted = []
    return [(weight, partial(activity, life)) for weight, activity in weighted]


# Standing.


def reach(life: Life) -> None:
    """Reach up or forwards."""
    motion, rng = life.motion, life.rng
    for _ in range(int(rng.integers(1, 3))):
        pose = poses.with_raised_arms(poses.standing(rng), rng)
        target = motion.on_feet(pose, motion.heading_rad, life.feet_now())
        motion.move("standing", target, rng.uniform(0.4, 1.2), "feet")
        motion.hold("standing", rng.uniform(0.5, 2.5), "feet", 10)
    down = life.upright(life.feet_now())
    motion.move("standing", down, rng.uniform(0.4, 1.0), "feet")


def turn(life: Life) -> None:
    """Turn on the spot."""
    life.motion.turn("walking", life.rng.uniform(-np.pi, np.pi))


def squat(life: Life) -> None:
    """Squat deeply and rise."""
    down_s = life.rng.uniform(0.4, 1.5)
    stay_s = life.rng.uniform(0.3, 4)
    life.crouch("bending", poses.squatting(life.rng), down_s, stay_s)
    life.rise("bending", down_s * life.rng.uniform(0.9, 1.4))


def jog(life: Life) -> None:
    """Run through the room."""
    for _ in range(int(life.rng.integers(1, 4))):
        to = np.array(life.room.free_point(life.rng))
        life.motion.walk("walking", to, life.rng.uniform(1.3, 2.6))


def jump(life: Life) -> None:
    """Jump on the spot."""
    motion, rng = life.motion, life.rng
    for _ in range(int(rng.integers(1, 4))):
        bent = poses.half_squatting(rng)
        low = motion.on_feet(bent, motion.heading_rad, life.feet_now())
        stood = life.upright(life.feet_now())
        high = stood.copy()
        high[2] += rng.uniform(0.1, 0.35)
        motion.move("standing", low, 0.3, "feet")
        motion.move("standing", high, 0.25, "free")
        motion.move("standing", stood, 0.25, "free")


def crawl(life: Life) -> None:
    """Get down on hands and knees, crawl, and get up."""
    motion, rng = life.motion, life.rng
    _get_on_all_fours(life)
    start = motion.xy
    way = np.array(life.room.free_point(rng)) - start
    heading = float(np.arctan2(way[1], way[0]))
    steps = max(1, int(np.linalg.norm(way) / 0.3))
    for i in range(1, steps + 1):
        pose = poses.on_all_fours(rng)
        target = motion.laid(pose, heading, start + way * i / steps, 0.0)
        motion.move("kneeling", target, rng.uniform(0.4, 0.9), "floor")
    _get_up_from_floor(life)


def exercise(life: Life) -> None:
    """Lie down on the floor on purpose, move there, and get up."""
    motion, rng = life.motion, life.rng
    _get_on_all_fours(life)
    label = "lying on the floor"
    sat = poses.sitting_on_floor(rng)
    _settle(life, "sitting on floor", sat, rng.uniform(1.0, 2.0))
    for _ in range(int(rng.integers(1, 4))):
        _settle(life, label, poses.sprawled(rng), rng.uniform(1.2, 2.5))
        motion.hold(label, rng.uniform(1, 3), "floor", 8)
    _get_up_from_floor(life)


def sit_cross_legged(life: Life) -> None:
    """Sit on the floor with crossed legs."""
    motion, rng = life.motion, life.rng
    _settle(life, "sitting on floor", poses.cross_legged(rng), rng.uniform(1.0, 2.2))
    for _ in range(int(rng.integers(1, 3))):
        motion.hold("sitting on floor", rng.uniform(1.5, 4), "floor", 9)
    if rng.random() < 0.5:
        _get_up_from_floor(life)
    else:
        life.rise("standing up", rng.uniform(1.0, 2.0))


def sit_low(life: Life) -> None:
    """Sit on a low seat or sofa, perhaps recline or lie on it, and rise."""
    motion, rng = life.motion, life.rng
    height_m = rng.uniform(0.18, 0.6)
    is_slow = rng.random() < 0.5
    down_s = rng.uniform(1.0, 3.0) if is_slow else rng.uniform(0.35, 1.2)
    ahead = np.array([np.cos(motion.heading_rad), np.sin(motion.heading_rad)])
    pose = poses.sitting(rng, life.world.body, height_m)
    seat = motion.on_seat(pose, motion.heading_rad, motion.xy - 0.35 * ahead)
    life.lean("sitting down", rng.uniform(0.6, 0.9) * down_s)
    motion.move("sitting down", seat, down_s, "free")
    motion.hold("sitting", rng.uniform(1.5, 4), "feet", 9)
    what = rng.random()
    if what < 0.35:
        low_m = max(0.1, height_m - 0.1)
        back = motion.laid(poses.reclined(rng), motion.heading_rad, motion.xy, low_m)
        motion.move("sitting", back, rng.uniform(0.7, 2), "free")
        motion.hold("sitting", rng.uniform(1.5, 4), "free", 9)
        motion.move("sitting", seat, rng.uniform(0.7, 2), "free")
    elif what < 0.7 and height_m > _SOFA_M:
        along = motion.heading_rad + rng.choice([-1, 1]) * np.pi / 2
        flat = motion.laid(poses.lying(rng), along, motion.xy, height_m)
        motion.move("lying down", flat, rng.uniform(1.2, 3), "free")
        motion.hold("lying in bed", rng.uniform(2, 6), "free", 5)
        motion.move("standing up", seat, rng.uniform(1.2, 3), "free")
        motion.hold("sitting", rng.uniform(0.5, 2), "free", 5)
    life.rise("standing up", rng.uniform(0.6, 1.6))


def stumble(life: Life) -> None:
    """Trip in the middle of a walk, catch oneself and go on."""
    motion, rng = life.motion, life.rng
    way = np.array(life.room.free_point(rng)) - motion.xy
    motion.walk("walking", motion.xy + 0.5 * way, rng.uniform(0.5, 1.4))
    ahead = np.array([np.cos(motion.heading_rad), np.sin(motion.heading_rad)])
    caught = motion.xy + rng.uniform(0.2, 0.5) * ahead
    low = (poses.bending, poses.half_squatting, poses.kneeling)
    pose = low[int(rng.integers(len(low)))](rng)
    bent = motion.on_feet(pose, motion.heading_rad, caught)
    motion.move("walking", bent, rng.uniform(0.25, 0.6), "floor")
    if rng.random() < 0.4:
        motion.hold("bending", rng.uniform(0.2, 1.0), "floor", 5)
    motion.move("standing", life.upright(caught), rng.uniform(0.4, 1.2), "floor")


# Chair and bed.


def tie_shoes(life: Life) -> None:
    """Bend down to the feet while sitting."""
    motion, rng = life.motion, life.rng
    seat = motion.now.copy()
    sat = poses.sitting(rng, life.world.body, life.room.seat_height_m)
    angles = {"lumbar_bend": rng.uniform(45, 75)}
    for side in ("left", "right"):
        angles[f"shoulder_flex_{side}"] = rng.uniform(60, 110)
        angles[f"elbow_{side}"] = rng.uniform(0, 40)
    lean = np.degrees(sat.pitch_rad) + rng.uniform(10, 40)
    bent = sat.with_angles(angles).tilted(lean, 0.0)
    target = motion.on_seat(bent, motion.heading_rad, motion.xy)
    motion.move("sitting", target, rng.uniform(0.5, 1.5), "free")
    motion.hold("sitting", rng.uniform(1, 4), "free", 6)
    motion.move("sitting", seat, rng.uniform(0.6, 1.5), "free")


def lean_back(life: Life) -> None:
    """Recline in the chair for a while."""
    motion, rng = life.motion, life.rng
    seat = motion.now.copy()
    height_m = life.room.seat_height_m - 0.05
    back = motion.laid(poses.reclined(rng), motion.heading_rad, motion.xy, height_m)
    motion.move("sitting", back, rng.uniform(0.8, 2), "free")
    motion.hold("sitting", rng.uniform(2, 5), "free", 7)
    motion.move("sitting", seat, rng.uniform(0.8, 2), "free")


def raise_arms(life: Life) -> None:
    """Reach for something while sitting."""
    motion, rng = life.motion, life.rng
    seat = motion.now.copy()
    target = motion.with_joints(poses.with_raised_arms(motion.joints(), rng))
    motion.move("sitting", target, rng.uniform(0.3, 1.0), "free")
    motion.hold("sitting", rng.uniform(0.5, 2), "free", 8)
    motion.move("sitting", seat, rng.uniform(0.3, 1.0), "free")


def turn_over(life: Life) -> None:
    """Turn over in bed."""
    motion, rng = life.motion, life.rng
    for _ in range(int(rng.integers(1, 3))):
        motion.move("lying in bed", in_bed(motion), rng.uniform(0.5, 2), "free")
        motion.hold("lying in bed", rng.uniform(1, 4), "free", 6)


def sit_up_in_bed(life: Life) -> None:
    """Sit up in bed and lie down again."""
    motion, rng = life.motion, life.rng
    flat = motion.now.copy()
    height_m = life.room.bed_height_m
    pose = poses.sitting_on_floor(rng)
    sat = motion.laid(pose, lying_heading(life.room), motion.xy, height_m)
    motion.move("sitting", sat, rng.uniform(1, 2.5), "free")
    motion.hold("sitting", rng.uniform(1.5, 4), "free", 7)
    motion.move("lying down", flat, rng.uniform(1.2, 2.5), "free")


# Parts of activities.


def _settle(life: Life, label: str, pose: poses.Pose, duration_s: float) -> None:
    motion = life.motion
    target = motion.laid(pose, motion.heading_rad, motion.xy, 0.0)
    motion.move(label, target, duration_s, "floor")


def _get_on_all_fours(life: Life) -> None:
    motion, rng = life.motion, life.rng
    knees = motion.on_feet(poses.kneeling(rng), motion.heading_rad, motion.xy)
    motion.move("kneeling", knees, rng.uniform(0.7, 1.6), "floor")
    _settle(life, "kneeling", poses.on_all_fours(rng), rng.uniform(0.6, 1.5))


def _get_up_from_floor(life: Life) -> None:
    rng = life.rng
    _settle(life, "kneeling", poses.on_all_fours(rng), rng.uniform(0.8, 2.0))
    _settle(life, "kneeling", poses.kneeling(rng), rng.uniform(0.8, 1.8))
    life.rise("standing up", rng.uniform(1.0, 2.5))
