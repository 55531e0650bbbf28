"""Counts of the finder's errors in one view; those of several views add up.

An error is the way from where a joint is to where it was seen, in body sizes. In a
picture with a *gross* error most joints are far away; upside-down bodies, and bodies
that are seen in a part of themselves, are such errors. In an *exchanged* one, left and
right are. All other pictures in which somebody was found have *usual* errors.
"""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from pipelines.lab.poses.finder_errors import SWAPPED, SeenBody, error_sizes
from pipelines.lab.studies.finder.truth import TrueLife

_GROSS = 0.3  # body sizes, of the median joint
_EXCHANGED = 0.05  # body sizes by which all joints are nearer, on average, once undone
_MOST = 0.3  # body sizes; a guessed limb counts no more in what lasts
LAGS = (1, 8)
"""Steps after which the same error is looked at again."""

BIN, BINS = 0.005, 300
"""Width in body sizes, and number, of the bins of joints' errors."""

_CHANGING = "low or changing"
_GROUP_OF = {
    "standing": "upright",
    "walking": "upright",
    "sitting": "sitting",
    "falling": "falling",
    "fallen": "lying",
    "lying in bed": "lying",
    "lying on the floor": "lying",
}
GROUPS = ("upright", "sitting", _CHANGING, "falling", "lying")
"""Groups of activities. Who bends, kneels, sits on the floor, or gets up or down, is in
the third."""

_RUNS = ("lost", "exchanged", "gross")
QUANTITIES = (
    "there",  # pictures with the person in the room
    "in_view",  # of these, pictures with at least half of the joints in them
    "lost",
    "lost_in_view",
    "found",
    "exchanged",
    "gross",
    *(f"{name}_runs" for name in _RUNS),  # in the group in which they begin
    *(f"{name}_run_steps" for name in _RUNS),
    *(f"product_{lag}" for lag in LAGS),  # of errors of two pictures, and their squares
    *(f"square_{lag}" for lag in LAGS),
    *(f"earlier_square_{lag}" for lag in LAGS),
    "tremor",
    "triples",  # pictures between two others, for the tremor
)
"""What is counted in every group."""

Steps = Bool[np.ndarray, " step"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What was counted.

    Attributes:
        sums: The quantities.
        errors: Joints by their error in pictures with a usual error, with exchanges
            undone; the last bin has all larger ones.
    """

    sums: Float64[np.ndarray, "*view group quantity"]
    errors: Float64[np.ndarray, "*view group bin"]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Errors at each step, with exchanges undone."""

    is_there: Steps
    found: Steps
    exchanged: Steps
    gross: Steps
    joints: Float64[np.ndarray, "step 13 2"]
    errors: Float64[np.ndarray, "step 13 2"]
    sizes: Float32[np.ndarray, " step"]

    @property
    def is_usual(self) -> Steps:
        usual: Steps = self.found & ~self.gross
        return usual


def count_errors(life: TrueLife, body: SeenBody) -> Counts:
    """Compare what the finder saw with where the joints were."""
    group_of = np.array(
        [GROUPS.index(_GROUP_OF.get(x, _CHANGING)) for x in life.labels]
    )
    sums = np.zeros((len(GROUPS), len(QUANTITIES)))
    errors = np.zeros((len(GROUPS), BINS))
    if np.isfinite(life.places).all(axis=(1, 2)).any():
        seen = _compare(life, body)
        values = {
            **_pictures(seen, life),
            **_lasting(seen),
            **_tremor(seen),
        }
        for place, name in enumerate(QUANTITIES):
            np.add.at(sums[:, place], group_of, values[name])
        lengths = np.linalg.norm(seen.errors, axis=-1)
        bins = np.minimum(lengths / BIN, BINS - 1).astype(np.int64)[seen.is_usual]
        np.add.at(errors, (group_of[seen.is_usual, None], bins), 1)
    return Counts(sums, errors)


def _compare(life: TrueLife, body: SeenBody) -> _Seen:
    is_there = np.isfinite(life.places).all(axis=(1, 2))
    places = np.where(is_there[:, None, None], life.places, 0.5).astype(np.float32)
    sizes = error_sizes(places, is_there)
    found = body.found & is_there
    joints = body.joints[..., :2].astype(np.float64)
    undone = joints[:, SWAPPED]
    distance, other = _mean_distance(joints, places), _mean_distance(undone, places)
    is_nearer = other < distance - _EXCHANGED * sizes
    joints = np.where(is_nearer[:, None, None], undone, joints)
    errors = (joints - places) / sizes[:, None, None]
    gross = found & (np.median(np.linalg.norm(errors, axis=-1), axis=1) > _GROSS)
    exchanged = found & is_nearer & ~gross
    return _Seen(is_there, found, exchanged, gross, joints, errors, sizes)


def _mean_distance(
    joints: Float64[np.ndarray, "step 13 2"], places: Float32[np.ndarray, "step 13 2"]
) -> Float64[np.ndarray, " step"]:
    mean: Float64[np.ndarray, " step"] = np.linalg.norm(joints - places, axis=-1).mean(
        axis=1
    )
    return mean


def _pictures(seen: _Seen, life: TrueLife) -> dict[str, np.ndarray]:
    lost = seen.is_there & ~seen.found
    in_view = seen.is_there & (life.inside.mean(axis=1) >= 0.5)
    values = {
        "there": seen.is_there,
        "in_view": in_view,
        "lost": lost,
        "lost_in_view": lost & in_view,
        "found": seen.found,
        "exchanged": seen.exchanged,
        "gross": seen.gross,
    }
    for name in _RUNS:
        lengths = run_lengths(values[name])
        values[f"{name}_runs"] = lengths > 0
        values[f"{name}_run_steps"] = lengths
    return values


def run_lengths(steps: Steps) -> Int64[np.ndarray, " step"]:
    """Return the length of each run of steps where it begins; 0 elsewhere."""
    edges = np.diff(np.concatenate(([0], steps.astype(np.int64), [0])))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    lengths = np.zeros(len(steps), np.int64)
    lengths[begins] = ends - begins
    return lengths


def _lasting(seen: _Seen) -> dict[str, np.ndarray]:
    """Multiply errors with those of earlier pictures, without what never changes."""
    values = {}
    usual = seen.is_usual
    constant = np.median(seen.errors[usual], axis=0) if usual.any() else 0.0
    changing = np.clip(seen.errors - constant, -_MOST, _MOST)
    for lag in LAGS:
        now, earlier = changing[lag:], changing[:-lag]
        both = usual[lag:] & usual[:-lag]
        for name, product in (
            ("product", now * earlier),
            ("square", now**2),
            ("earlier_square", earlier**2),
        ):
            value = np.zeros(len(usual))
            value[lag:] = product.sum(axis=(1, 2)) * both
            values[f"{name}_{lag}"] = value
    return values


def _tremor(seen: _Seen) -> dict[str, np.ndarray]:
    """Average the joints' second differences where three pictures follow each other."""
    tremor, triples = np.zeros(len(seen.found)), np.zeros(len(seen.found), bool)
    usual = seen.is_usual
    triples[1:-1] = usual[:-2] & usual[1:-1] & usual[2:]
    second = np.linalg.norm(np.diff(seen.joints, n=2, axis=0), axis=-1).mean(axis=1)
    tremor[1:-1] = second / seen.sizes[1:-1]
    return {"tremor": tremor * triples, "triples": triples}
