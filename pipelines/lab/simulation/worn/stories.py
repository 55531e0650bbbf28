"""Compose stories of a worn sensor from daily motion and falls.

A story begins in a posture and goes on with motions that are possible there. Labels
are those of the prompt set of a ward. Motions that it has no word for, such as a
watch on a table, are labelled ``other``.
"""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float32

from pipelines.lab.simulation.worn.body import Body
from pipelines.lab.simulation.worn.daily import Daily
from pipelines.lab.simulation.worn.device import draw_device
from pipelines.lab.simulation.worn.falls import Falls
from pipelines.lab.simulation.worn.path import RATE_HZ, MotionPath
from pipelines.lab.simulation.worn.places import PLACES, Place, Posture

STORY_LABELS = (
    *("walking", "standing", "sitting", "lying in bed", "bending"),
    *("sitting down", "standing up", "lying down", "falling", "fallen"),
)
"""All other labels of stories."""

_STORY_S = 20.0
_FALLING_SHARE = 0.3
_FALL_BETWEEN_S = (4.0, 13.0)
_CALM_SHARE, _SITTING_SHARE = 0.4, 0.6
_HOUR_S = 3600.0
_POSTURES: Final[tuple[Posture, ...]] = ("standing", "sitting", "lying")
_POSTURE_SHARES = (0.2, 0.4, 0.4)
"""How often an hour begins in each posture."""
_RESTS_S: Final[dict[Posture, float]] = {
    "standing": 10.0,
    "sitting": 60.0,
    "lying": 60.0,
}
"""Mean rest between two motions of an ordinary day."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """Samples of a worn device with their labels, at the grid's rate."""

    place: str
    samples: Float32[np.ndarray, "sample 6"]
    labels: tuple[str, ...]

    @property
    def has_fall(self) -> bool:
        """Whether the wearer falls in it."""
        return "falling" in self.labels


def tell_story(
    rng: np.random.Generator, grid_hz: float, place: str | None = None
) -> Story:
    """Compose a story and measure it with a device that is drawn for it.

    Args:
        rng: Source of all randomness.
        grid_hz: Samples a second of the result.
        place: One of ``PLACES``; drawn by default.
    """
    name = place or str(rng.choice(list(PLACES)))
    return _measured(_live(PLACES[name], rng), grid_hz, name, rng)


def tell_hour(rng: np.random.Generator, grid_hz: float, place: str) -> Story:
    """Return an hour of an ordinary day without a fall; arguments as ``tell_story``.

    Between two motions the wearer rests for as long as is usual in the posture.
    """
    posture: Posture = _POSTURES[rng.choice(len(_POSTURES), p=_POSTURE_SHARES)]
    body = Body(PLACES[place], _HOUR_S, posture, rng)
    daily = Daily(body, is_ordinary=True)
    while not body.path.is_full:
        body.keep(rng.exponential(_RESTS_S[body.posture]))
        daily.act()
    return _measured(body.path, grid_hz, place, rng)


def _measured(
    path: MotionPath, grid_hz: float, place: str, rng: np.random.Generator
) -> Story:
    """Return what a device, drawn for it, measures of a path."""
    measured = draw_device(rng).measure(path.samples(), RATE_HZ, grid_hz, rng)
    labels = path.labels()
    chosen = (np.arange(len(measured)) * RATE_HZ / grid_hz).astype(int)
    return Story(place, measured, tuple(labels[at] for at in chosen))


def _live(place: Place, rng: np.random.Generator) -> MotionPath:
    """Return the path of a wearer who lives, and perhaps falls, for a story's time."""
    posture: Posture = "standing"
    if rng.random() < _CALM_SHARE:
        posture = "sitting" if rng.random() < _SITTING_SHARE else "lying"
    body = Body(place, _STORY_S, posture, rng)
    daily, falls = Daily(body), Falls(body)
    falls_at_s = np.inf
    if rng.random() < _FALLING_SHARE:
        falls_at_s = rng.uniform(*_FALL_BETWEEN_S)
    body.keep(rng.uniform(0.5, 3))
    while not body.path.is_full:
        if body.path.now_s < falls_at_s:
            daily.act()
            continue
        falls_at_s = np.inf
        falls.fall()
        if not body.path.is_full:
            daily.get_up()
    return body.path
