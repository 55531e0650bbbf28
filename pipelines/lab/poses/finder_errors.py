"""The person finder's errors: from where joints are to where it would see them.

Fitted by hand to rendered people, whose joints are known: to 120 minutes of training
(``PoseRecipe.rendered_plans``), seen by the finder as it follows a person. Every view
draws its own rates of each error, because people, rooms and cameras differ and real
ones differ more. ``wardwatch study finder`` compares them with other rendered people.

The usual error is slow: it lasts for seconds and is about 0.05 body sizes. Hidden limbs
are guessed, mostly too near the body. For a few pictures left and right are exchanged,
the body is upside down, or all of it is seen in a part of it. People are lost seldom,
mostly at the picture's edges, and then for a second or more.
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
_FEW_STEPS, _MANY_STEPS = 3.0, 8.0  # mean lengths of runs of errors
_OUTSIDE = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
_LOST_OUTSIDE = (0.0, 0.07, 0.12, 0.35, 0.65, 1.0)
"""Share of the joints that are outside of the picture, and how often a body is lost."""

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
    is_down: Steps,
    *,
    mirrors: bool | None = None,
) -> SeenBody:
    """Add the finder's errors.

    Args:
        rng: Source of every random choice.
        places: True places in the picture's square; NaN where the person is absent.
        inside: Whether each is in the picture.
        is_down: Whether the body lies or nearly does, where errors are more frequent.
        mirrors: Whether the body is seen as in a mirror; drawn by default.
    """
    is_there = np.isfinite(places).all(axis=(1, 2))
    if not is_there.any():
        return SeenBody(np.zeros((*places.shape[:2], 3), np.float32), is_there)
    places = np.where(is_there[:, None, None], places, 0.5).astype(np.float32)
    if rng.random() < 0.5 if mirrors is None else mirrors:
        places, inside = _mirrored(places), inside[:, SWAPPED]
    sizes = error_sizes(places, is_there)
    shifted = places + _usual_errors(rng, len(places)) * sizes[:, None, None]
    lost_sight = rng.normal(0, 0.06, shifted.shape) * sizes[:, None, None]
    shifted = np.where(inside[..., None], shifted, shifted + lost_sight)
    visibility = np.clip(1 - 0.04 * np.abs(rng.normal(size=inside.shape)), 0, 1)
    visibility = np.where(inside, visibility, rng.uniform(0.0, 0.8, inside.shape))
    joints = np.concatenate((shifted, visibility[..., None]), axis=-1)
    _hide(rng, joints, sizes)
    _confuse(rng, joints, is_down)
    found = is_there & ~_losses(rng, places, inside, sizes, is_down)
    joints[~found] = 0
    return SeenBody(joints.astype(np.float32), found)


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
    rng: np.random.Generator, steps: int
) -> Float64[np.ndarray, "step 13 2"]:
    """Draw the error of every joint, in body sizes: a changing and a constant part."""
    shape = (steps, len(JOINTS), 2)
    slow = np.sqrt(_SLOW_SHARE) * _slow_noise(rng, shape, _SLOW)
    fast = np.sqrt(1 - _SLOW_SHARE) * _slow_noise(rng, shape, _FAST)
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
    rng: np.random.Generator, joints: Float64[np.ndarray, "step 13 3"], is_down: Steps
) -> None:
    """Exchange left and right, turn the body, or see it in a part of itself."""
    steps = len(joints)
    exchanged = _runs(rng, steps, _share(rng, 0.035, 0.5, 0.7), _FEW_STEPS)
    exchanged |= is_down & _runs(rng, steps, _share(rng, 0.03, 0.7, 0.7), _MANY_STEPS)
    joints[exchanged] = joints[exchanged][:, SWAPPED]
    inverted = _runs(rng, steps, _share(rng, 0.02, 0.4, 0.4), _FEW_STEPS)
    inverted |= is_down & _runs(rng, steps, _share(rng, 0.01, 0.4, 0.4), _MANY_STEPS)
    shoulders, hips = joints[:, SHOULDERS, :2], joints[:, HIPS, :2]
    middle = (shoulders.mean(axis=1) + hips.mean(axis=1))[:, None] / 2
    joints[inverted, :, :2] = (2 * middle - joints[..., :2])[inverted]
    in_part = _runs(rng, steps, _share(rng, 0.04, 0.6, 0.3), _MANY_STEPS)
    part = joints[:, [int(rng.integers(len(JOINTS)))], :2]
    turn = rng.normal(0, 0.8)
    cos, sin = np.cos(turn), np.sin(turn)
    turned = (joints[..., :2] - middle) @ np.array([[cos, sin], [-sin, cos]])
    small = (part + middle) / 2 + rng.uniform(0.35, 0.75) * turned
    joints[in_part, :, :2] = small[in_part]


def _losses(
    rng: np.random.Generator,
    places: Float32[np.ndarray, "step 13 2"],
    inside: Bool[np.ndarray, "step 13"],
    sizes: Float32[np.ndarray, " step"],
    is_down: Steps,
) -> Steps:
    """Draw the steps at which nobody is found."""
    steps = len(places)
    hips = places[:, HIPS].mean(axis=1)
    moved = np.linalg.norm(np.diff(hips, axis=0, prepend=hips[:1]), axis=1) / sizes
    outside = 1 - inside.mean(axis=1)
    lost = _runs(rng, steps, _share(rng, 0.008, 0.4, 0.2), _MANY_STEPS)
    lost |= is_down & _runs(rng, steps, _share(rng, 0.015, 0.4, 0.2), _MANY_STEPS)
    lost |= rng.random(steps) < np.clip(0.2 * moved * rng.uniform(0, 1), 0, 0.4)
    chance = ndtr(_slow_noise(rng, (steps,), 0.9))
    lost |= chance < np.interp(outside, _OUTSIDE, _LOST_OUTSIDE)
    return lost


def _share(rng: np.random.Generator, mean: float, most: float, shape: float) -> float:
    """Draw the share of a view's steps that have an error.

    The smaller the shape, the more views have hardly any and the more few have many.
    """
    return float(min(most, rng.gamma(shape, mean / shape)))


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
