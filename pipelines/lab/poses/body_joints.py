"""The places of the joints of a simulated body, in the order of ``JOINTS``."""

import numpy as np
from jaxtyping import Float32

from models.person.pose_picture import JOINTS
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ, Track
from pipelines.lab.simulation.world import World

RATE_HZ = 24
"""Rate of the places, a multiple of the finder's rate of 8 Hz."""

_NOSE_RATIO = (0.06, 0.0, 0.045)  # from the head's joint, in body heights
_LIMBS = ("upper_arm", "forearm", "wrist", "thigh", "shin", "foot")
_ABSENT_M = -5.0


def joint_places(track: Track, world: World) -> Float32[np.ndarray, "time joint 3"]:
    """Return the joints' places in the room, in metres, ``RATE_HZ`` times a second.

    Joints of an absent person are NaN.
    """
    count = len(track.labels) * RATE_HZ // SAMPLE_RATE_HZ
    places = np.empty((count, len(JOINTS), 3), np.float32)
    before = None
    for i in range(count):
        now = track.qpos[sample_at(i)]
        if before is not None and np.array_equal(now, before):
            places[i] = places[i - 1]  # nobody moves for most of an ordinary day
            continue
        world.pose(now)
        places[i], before = _places(world), now
    places[places[:, 0, 2] < _ABSENT_M] = np.nan
    return places


def sample_at(place: int) -> int:
    """Return the number of the motion's sample at a place's time."""
    return place * SAMPLE_RATE_HZ // RATE_HZ


def _places(world: World) -> Float32[np.ndarray, "joint 3"]:
    data = world.data
    head = data.body("head")
    nose = np.array(_NOSE_RATIO) * world.body.height_m
    places = [head.xpos + head.xmat.reshape(3, 3) @ nose]
    for limb in _LIMBS:
        for side in ("left", "right"):
            name = f"{limb}_{side}"
            part = data.site(name) if limb == "wrist" else data.body(name)
            places.append(part.xpos)
    return np.array(places, np.float32)
