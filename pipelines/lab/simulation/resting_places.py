"""Coordinates of a person who sits or lies on the furniture of the room."""

import numpy as np

from pipelines.lab.simulation import poses
from pipelines.lab.simulation.motion import Motion, Qpos
from pipelines.lab.simulation.room import BED_LENGTH_M, Room


def chair_seat(motion: Motion) -> Qpos:
    """Return coordinates of sitting on the chair."""
    room = motion.world.room
    pose = poses.sitting(motion.rng, motion.world.body, room.seat_height_m)
    return motion.on_seat(pose, room.chair_heading_rad, np.array(room.chair_xy))


def bed_seat(motion: Motion) -> Qpos:
    """Return coordinates of sitting on the edge of the bed."""
    room, rng = motion.world.room, motion.rng
    pose = poses.sitting(rng, motion.world.body, room.bed_height_m)
    x = room.bed_x_m + rng.uniform(-0.4, 0.4)
    seat = np.array([x, room.bed_edge_y_m + rng.uniform(0.1, 0.2)])
    return motion.on_seat(pose, -np.pi / 2, seat)


def in_bed(motion: Motion) -> Qpos:
    """Return coordinates of lying in bed."""
    room, rng = motion.world.room, motion.rng
    to_head_m = 0.42 * motion.world.body.height_m
    x = room.bed_x_m + room.head_side * (BED_LENGTH_M / 2 - 0.12 - to_head_m)
    xy = np.array([x, room.bed_y_m + rng.uniform(-0.12, 0.12)])
    return motion.laid(poses.lying(rng), lying_heading(room), xy, room.bed_height_m)


def lying_heading(room: Room) -> float:
    """Return the direction of a person who lies in bed."""
    return np.pi if room.head_side > 0 else 0.0
