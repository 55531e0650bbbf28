"""The person finder's errors: from where joints are to where it would see them.

Fitted by hand to rendered people, whose joints are known: to 120 minutes of training
(``PoseRecipe.rendered_plans``), seen by the finder as it follows a person. Every view
draws its own rates of each error, because people, rooms and cameras differ and real
ones differ more. ``wardwatch study finder`` compares them with other rendered people.

The usual error is slow: it lasts for seconds and is about 0.05 body sizes. Hidden limbs
are guessed, mostly too near the body. Now and then, more often in fast motion, left and
right are exchanged, the body is upside down, or it is seen elsewhere in another size.
A body that the picture's edge cuts is seen wrong most often: in the part of it that is
in the picture, or not at all.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float32, Float64
from scipy.signal import lfilter
from scipy.special import ndtr

from models.person.pose_picture import HIPS, JOINTS, SHOULDERS, body_sizes

SWAPPED = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11)
"""Place in ``JOINTS`` of the same joint of the body's other side."""

_DIFFICULTY = np.array(
    [1, 1, 1, 1.25, 1.25, 1.05, 1.05, 1.05, 1.05, 0.95, 0.95, 0.95, 0.95], np.float32
)
"""Usual error of each joint relative to the mean."""

_HIDDEN_TOGETHER = (
    (0,),
    (3, 5),
    (4, 6),
    (9, 11),
    (10, 12),
    (5,),
    (6,),
    (11,),
    (12,),
    (11, 12),
    (9, 10, 11, 12),
    (1, 3, 5),
    (2, 4, 6),
)
"""Joints that furniture, a blanket or the body itself hides together."""

_CONSTANT = 0.018  # body sizes; each coordinate of each joint in a whole view
_LEAST_CHANGE, _MOST_CHANGE = 0.018, 0.065  # the same, of what changes
_SLOW_SHARE, _SLOW, _FAST = 0.8, 0.98, 0.6  # of the variance; memory from step to step
_SPELL_STEPS, _SPELL_SPREAD, _VIEW_SPREAD = 1.5, 1.3, 0.8
"""Lengths of spells of an error are lognormal: most last for 1 to 3 steps, a few for
seconds. Their median in steps, their spread, and that of the views' medians."""

_A_MINUTE = 480.0  # steps
_MOTION_SHAKES = 12.0  # growth of fast errors, for a motion of one body size in a step
_MOTION_ADDS, _MOST_ADDED = 25.0, 5.0
"""Spells a minute, for a motion of one body size in a step, and the most of them."""

_OUTSIDE = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
_LOST_OUTSIDE = (0.0, 0.05, 0.15, 0.35, 0.65, 1.0)
_MISPLACED_OUTSIDE = (0.0, 0.11, 0.15, 0.45, 0.75, 0.9)
"""Share of the joints that are outside of the picture, how often a body is then lost,
and how often it is found as another one, in the part that is in the picture."""

Steps = Bool[np.ndarray, " step"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class SeenBody:
    """A body as the finder sees it, at each step of 1/8 s.

    Attributes:
        joints: x, y and visibility; zeros where it was not found.
        found: Whether it was found.
    """

    joints: Float32[np.ndarray, "step 13 3"]
    found: Steps


def see(
    rng: np.random.Generator,
    places: Float32[np.ndarray, "step 13 2"],
    inside: Bool[np.ndarray, "step 13"],
    *,
    mirrors: bool | None = None,
) -> SeenBody:
    """Add the finder's errors.

    Args:
        rng: Source of every random choice.
        places: True places in the picture's square; NaN where the person is absent.
        inside: Whether each is in the picture.
        mirrors: Whether the body is seen as in a mirror; drawn by default.
    """
    is_there = np.isfinite(places).all(axis=(1, 2))
    if not is_there.any():
        return SeenBody(np.zeros((*places.shape[:2], 3), np.float32), is_there)
    places = np.where(is_there[:, None, None], places, 0.5).astype(np.float32)
    if rng.random() < 0.5 if mirrors is None else mirrors:
        places, inside = _mirrored(places), inside[:, SWAPPED]
    sizes = error_sizes(places, is_there)
    outside = 1 - inside.mean(axis=1)
    moved = _motion(places, sizes)
    shifted = places + _usual_errors(rng, moved) * sizes[:, None, None]
    guesses = _slow_noise(rng, shifted.shape, _SLOW)
    guesses *= (sizes * (0.06 + 0.3 * outside))[:, None, None]
    shifted = np.where(inside[..., None], shifted, shifted + guesses)
    visibility = np.clip(1 - 0.04 * np.abs(rng.normal(size=inside.shape)), 0, 1)
    visibility = np.where(inside, visibility, rng.uniform(0.0, 0.8, inside.shape))
    joints = np.concatenate((shifted, visibility[..., None]), axis=-1)
    _hide(rng, joints, sizes)
    _confuse(rng, joints, moved)
    _misplace_cut(rng, joints, inside)
    found = is_there & ~_losses(rng, outside, moved)
    joints[~found] = 0
    return SeenBody(joints.astype(np.float32), found)


def _motion(
    places: Float32[np.ndarray, "step 13 2"], sizes: Float32[np.ndarray, " step"]
) -> Float32[np.ndarray, " step"]:
    """Return the mean way of the joints since the step before, in body sizes."""
    ways = np.linalg.norm(np.diff(places, axis=0, prepend=places[:1]), axis=-1)
    moved: Float32[np.ndarray, " step"] = ways.mean(axis=1) / sizes
    return moved


def _mirrored(
    places: Float32[np.ndarray, "step 13 2"],
) -> Float32[np.ndarray, "step 13 2"]:
    return np.stack((1 - places[..., 0], places[..., 1]), axis=-1)[:, SWAPPED]


def error_sizes(
    places: Float32[np.ndarray, "step 13 2"], is_there: Steps
) -> Float32[np.ndarray, " step"]:
    """Return the body's size at each step; foreshortening makes no error small.

    Args:
        places: Places in the picture's square; any finite ones where nobody is.
        is_there: Whether somebody is in the room, at one step at least.
    """
    sizes = body_sizes(places)
    least = np.float32(0.6) * np.percentile(sizes[is_there], 70)
    largest: Float32[np.ndarray, " step"] = np.maximum(sizes, least).astype(np.float32)
    return largest


def _slow_noise(
    rng: np.random.Generator, shape: tuple[int, ...], memory: float
) -> Float64[np.ndarray, "step ..."]:
    """Draw noise of unit variance along the first axis (autoregressive)."""
    fresh = rng.normal(size=shape)
    fresh[1:] *= np.sqrt(1 - memory**2)
    noise: Float64[np.ndarray, "step ..."] = lfilter([1], [1, -memory], fresh, axis=0)
    return noise


def _usual_errors(
    rng: np.random.Generator, moved: Float32[np.ndarray, " step"]
) -> Float64[np.ndarray, "step 13 2"]:
    """Draw the error of every joint, in body sizes: a changing and a constant part.

    What changes fast grows with the motion.
    """
    steps = len(moved)
    shape = (steps, len(JOINTS), 2)
    slow = np.sqrt(_SLOW_SHARE) * _slow_noise(rng, shape, _SLOW)
    fast = np.sqrt(1 - _SLOW_SHARE) * _slow_noise(rng, shape, _FAST)
    fast *= (1 + _MOTION_SHAKES * np.minimum(0.3, moved))[:, None, None]
    strength = np.exp(rng.uniform(np.log(_LEAST_CHANGE), np.log(_MOST_CHANGE)))
    uneven = np.exp(0.4 * _slow_noise(rng, (steps, len(JOINTS), 1), _SLOW))
    constant = rng.normal(0, _CONSTANT, (1, len(JOINTS), 2))
    errors: Float64[np.ndarray, "step 13 2"] = (
        (slow + fast) * strength * uneven + constant
    ) * _DIFFICULTY[:, None]
    return errors


def _hide(
    rng: np.random.Generator,
    joints: Float64[np.ndarray, "step 13 3"],
    sizes: Float32[np.ndarray, " step"],
) -> None:
    """Hide some limbs for a while: the finder then guesses where they are."""
    middle = joints[:, SHOULDERS + HIPS, :2].mean(axis=1)[:, None]
    for _ in range(int(rng.integers(0, 10))):
        limb = list(_HIDDEN_TOGETHER[int(rng.integers(len(_HIDDEN_TOGETHER)))])
        is_hidden = _runs(rng, len(joints), rng.uniform(0.02, 0.3), rng.uniform(3, 24))
        guessed = joints[:, limb]
        near = rng.uniform(0.2, 1.0)
        away = rng.normal(0, 0.12, (1, len(limb), 2))
        away = away + 0.06 * _slow_noise(rng, (len(joints), len(limb), 2), _SLOW)
        guessed[..., :2] = middle + near * (guessed[..., :2] - middle)
        guessed[..., :2] += away * sizes[:, None, None]
        guessed[..., 2] = rng.uniform(0.05, 0.9)
        joints[:, limb] = np.where(is_hidden[:, None, None], guessed, joints[:, limb])


def _confuse(
    rng: np.random.Generator,
    joints: Float64[np.ndarray, "step 13 3"],
    moved: Float32[np.ndarray, " step"],
) -> None:
    """Exchange left and right, turn the body, or see it elsewhere in another size."""
    exchanged = _spells(rng, 2.0 * rng.gamma(0.6, 1 / 0.6), moved)
    joints[exchanged] = joints[exchanged][:, SWAPPED]
    middle = joints[:, SHOULDERS + HIPS, :2].mean(axis=1)
    inverted = _spells(rng, 0.8 * rng.gamma(0.4, 1 / 0.4), moved)
    _turn(joints, inverted, middle, np.pi, rng.uniform(0.7, 1.2))
    part = joints[:, int(rng.integers(len(JOINTS))), :2]
    misplaced = _spells(rng, 0.8 * rng.gamma(0.4, 1 / 0.4), moved)
    near = (part + middle) / 2
    _turn(joints, misplaced, near, rng.normal(0, 0.8), rng.uniform(0.45, 1.3))


def _misplace_cut(
    rng: np.random.Generator,
    joints: Float64[np.ndarray, "step 13 3"],
    inside: Bool[np.ndarray, "step 13"],
) -> None:
    """See a whole body in the part of it that is in the picture."""
    share = np.interp(1 - inside.mean(axis=1), _OUTSIDE, _MISPLACED_OUTSIDE)
    of_view = rng.normal(0, 1)  # some views have nearly all of these errors
    drawn = 0.7 * of_view + 0.7 * _slow_noise(rng, (len(joints),), 0.9)
    seen = np.where(inside[..., None], joints[..., :2], np.nan)
    seen[~inside.any(axis=1)] = 0.5
    middle = np.nanmean(seen, axis=1)
    _turn(
        joints, ndtr(drawn) < share, middle, rng.normal(0, 1.6), rng.uniform(0.3, 1.1)
    )


def _turn(
    joints: Float64[np.ndarray, "step 13 3"],
    where: Steps,
    to: Float64[np.ndarray, "step 2"],
    angle_rad: float,
    scale: float,
) -> None:
    """Turn and scale the body about its trunk, and put the trunk elsewhere."""
    trunk = joints[:, SHOULDERS + HIPS, :2].mean(axis=1)[:, None]
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    turned = (joints[..., :2] - trunk) @ np.array([[cos, sin], [-sin, cos]])
    joints[where, :, :2] = (to[:, None] + scale * turned)[where]


def _losses(
    rng: np.random.Generator,
    outside: Float64[np.ndarray, " step"],
    moved: Float32[np.ndarray, " step"],
) -> Steps:
    """Draw the steps at which nobody is found."""
    slowly = moved / 10  # motion loses fewer people than it confuses
    lost = _spells(rng, 0.6 * rng.gamma(0.4, 1 / 0.4), slowly)
    chance = ndtr(_slow_noise(rng, (len(outside),), 0.9))
    lost |= chance < np.interp(outside, _OUTSIDE, _LOST_OUTSIDE)
    return lost


def _spells(
    rng: np.random.Generator, a_minute: float, moved: Float32[np.ndarray, " step"]
) -> Steps:
    """Draw spells of an error.

    Args:
        rng: Source of the choices.
        a_minute: Mean number of spells a minute of a person who keeps still.
        moved: Motion at each step, in body sizes; it adds spells.
    """
    chance = (a_minute + np.minimum(_MOST_ADDED, _MOTION_ADDS * moved)) / _A_MINUTE
    begins = np.flatnonzero(rng.random(len(moved)) < chance)
    median = _SPELL_STEPS * np.exp(rng.normal(0, _VIEW_SPREAD))
    lengths = rng.lognormal(np.log(median), _SPELL_SPREAD, len(begins))
    spells = np.zeros(len(moved), bool)
    for begin, length in zip(begins, np.ceil(lengths).astype(int), strict=True):
        spells[begin : begin + length] = True
    return spells


def _runs(rng: np.random.Generator, steps: int, share: float, mean: float) -> Steps:
    """Draw runs of steps.

    Args:
        rng: Source of the choices.
        steps: Number of steps.
        share: Share of the steps that are in a run.
        mean: Mean length of a run in steps.
    """
    runs = np.zeros(steps, bool)
    if share <= 0:
        return runs
    between = mean * (1 - share) / share
    i, is_on = 0, rng.random() < share
    while i < steps:
        length = 1 + int(rng.exponential(mean if is_on else between))
        runs[i : i + length] = is_on
        i, is_on = i + length, not is_on
    return runs
