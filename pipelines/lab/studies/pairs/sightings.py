"""Which of two people the finder saw, by where their bodies really were."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from pipelines.clock import ns_to_seconds
from pipelines.lab.poses.pair_bodies import poses_of, shown_body
from pipelines.lab.simulation.pair import Pair
from pipelines.live.views import ViewedFrame

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


def sight(pair: Pair, viewed: ViewedFrame) -> Sighting:
    """Compare the people in view with where the two bodies really are."""
    time_s = ns_to_seconds(viewed.camera.timestamp_ns)
    bodies = [shown_body(actor, time_s) for actor in (pair.watched, pair.companion)]
    people = viewed.people or ()
    found = poses_of(bodies, [person.landmarks for person in people])
    of_watched, of_companion = (
        None if each is None else people[each].number for each in found
    )
    watched, companion = bodies
    return Sighting(
        time_s,
        of_watched,
        of_companion,
        watched is not None and companion is not None and companion.is_before(watched),
        watched is not None and watched.inside < _HALF,
    )


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
