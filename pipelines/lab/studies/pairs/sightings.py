"""Which of two people the finder saw, by where their bodies really were."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float32, Float64

from pipelines.clock import ns_to_seconds
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.pair import Actor, Pair
from pipelines.lab.simulation.world import LANDMARKS
from pipelines.live.views import ViewedFrame

_TRUNK = (LANDMARKS.index("chest"), LANDMARKS.index("pelvis"))
_SHOULDERS, _HIPS = (11, 12), (23, 24)
_NEAR = 0.35  # share of the body's extent in the picture
_HALF = 0.5


@final
@dataclass(frozen=True, slots=True)
class Sighting:
    """What the view showed of the two people at one moment.

    Attributes:
        time_s: Time of the picture.
        watched: Number of the person found in place of the watched one, or None.
        companion: The same of the other.
        is_hidden: Whether the companion is before the watched person's trunk.
        is_outside: Whether most of the watched person is outside the picture.
    """

    time_s: float
    watched: int | None
    companion: int | None
    is_hidden: bool
    is_outside: bool


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A body in the picture's square, and how far away it is."""

    places: Float64[np.ndarray, "landmark 2"]
    inside: float
    away_m: float

    @property
    def extent(self) -> float:
        return float(np.linalg.norm(np.ptp(self.places, axis=0)))

    def distance(self, landmarks: Float32[np.ndarray, "33 3"]) -> float:
        """Return how far a pose's trunk is away, in extents of the body."""
        found = [landmarks[list(pair), :2].mean(axis=0) for pair in (_SHOULDERS, _HIPS)]
        ways = np.linalg.norm(np.array(found) - self.places[list(_TRUNK)], axis=1)
        return float(ways.mean()) / max(self.extent, 1e-6)

    def is_before(self, other: "_Shown") -> bool:
        """Return whether the body covers the middle of another's trunk."""
        middle = other.places[list(_TRUNK)].mean(axis=0)
        low, high = self.places.min(axis=0), self.places.max(axis=0)
        covers = bool(((low <= middle) & (middle <= high)).all())
        return covers and self.away_m < other.away_m


def sight(pair: Pair, viewed: ViewedFrame) -> Sighting:
    """Compare the people in view with where the two bodies really are."""
    time_s = ns_to_seconds(viewed.camera.timestamp_ns)
    watched, companion = (
        _shown(actor, time_s) for actor in (pair.watched, pair.companion)
    )
    ways = sorted(
        (body.distance(person.landmarks), which, person.number)
        for which, body in enumerate((watched, companion))
        if body is not None
        for person in viewed.people or ()
    )
    numbers: dict[int, int] = {}
    for way, which, number in ways:
        if way <= _NEAR and which not in numbers and number not in numbers.values():
            numbers[which] = number
    return Sighting(
        time_s,
        numbers.get(0),
        numbers.get(1),
        watched is not None and companion is not None and companion.is_before(watched),
        watched is not None and watched.inside < _HALF,
    )


def _shown(actor: Actor, time_s: float) -> _Shown | None:
    """Project a body; None while the person is absent."""
    qpos = actor.track.qpos
    now = qpos[min(int(time_s * SAMPLE_RATE_HZ), len(qpos) - 1)]
    across, down, _, inside = actor.world.landmarks(now).T
    if actor.is_absent(now):
        return None
    # The picture has 3 rows for 4 columns, in the middle of its square.
    places = np.stack((across, 0.5 + (down - 0.5) * 3 / 4), axis=1)
    away = actor.world.data.geom("pelvis").xpos - np.array(actor.world.view.position_m)
    return _Shown(places, float(inside.mean()), float(np.linalg.norm(away)))


@final
@dataclass(frozen=True, slots=True)
class FallSight:
    """What the finder made of a fall.

    Attributes:
        falling: Share of moments with the faller found, from 1 s before the onset
            until 1 s after the body was down.
        lying: The same from then to the end of the film.
        hidden: Share of all these moments in which the other hides the faller's trunk.
        outside: Share in which most of the faller is outside the picture.
        changed: Whether the faller's number after the fall is another than before.
        swapped: Whether it was the other person's before.
    """

    falling: float
    lying: float
    hidden: float
    outside: float
    changed: bool
    swapped: bool

    @property
    def loss(self) -> str:
        """When and why the finder lost the faller; empty if it did not."""
        if min(self.falling, self.lying) >= _HALF:
            return ""
        when = "while falling" if self.falling < _HALF else "lying there"
        if self.hidden >= _HALF:
            return f"not found {when}: hidden by the other"
        if self.outside >= _HALF:
            return f"not found {when}: mostly outside the picture"
        return f"not found {when}"


_AROUND_S = 1.0


def sight_fall(
    sightings: Sequence[Sighting], onset_s: float, down_s: float
) -> FallSight:
    """Sum up what was seen of a fall."""
    first_s, lying_s = onset_s - _AROUND_S, down_s + _AROUND_S
    falling = [each for each in sightings if first_s <= each.time_s < lying_s]
    lying = [each for each in sightings if each.time_s >= lying_s]
    before = [each for each in sightings if each.time_s < onset_s]
    number = _latest([each.watched for each in before])
    other = _latest([each.companion for each in before])
    after = [each.watched for each in lying if each.watched is not None]
    later = max(after, key=after.count, default=None)
    return FallSight(
        falling=_share([each.watched is not None for each in falling]),
        lying=_share([each.watched is not None for each in lying]),
        hidden=_share([each.is_hidden for each in (*falling, *lying)]),
        outside=_share([each.is_outside for each in (*falling, *lying)]),
        changed=None not in (number, later) and number != later,
        swapped=later is not None and later == other and later != number,
    )


def _latest(numbers: Sequence[int | None]) -> int | None:
    return next((each for each in reversed(numbers) if each is not None), None)


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0
