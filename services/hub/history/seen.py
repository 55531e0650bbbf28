"""What a camera shows, as a report carries it and as JSON: landmarks, never pixels.

Places are in heights of the camera's whole picture from its upper left corner, for
poses and zones alike::

    0,0 ────────────────── aspect,0
     │                        │        aspect: the picture's width over its height
    0,1 ────────────────── aspect,1

A report holds whole numbers, which are small when pickled. JSON holds the same with
decimals.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

import numpy as np

from pipelines.live.zones import Zone
from pipelines.records import PersonPose, Placement

MOST_POSES: Final = 8
"""Most poses in one report."""

_NUMBERS = 33 * 3
_SCALES = np.array([1000, 1000, 100])  # of x, y and visibility
_FURTHEST = 30.0
"""Picture heights beyond which a place means nothing; a crop may be a small part."""


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """A person in view.

    Attributes:
        track: Number of the person, which stays while they are followed.
        numbers: x, y (thousandths of a picture height) and visibility (hundredths, 0
            to 100) of each of the 33 landmarks of BlazePose, in their order.

    Raises:
        ValueError: If there are not 99 numbers.
    """

    track: int
    numbers: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.numbers) != _NUMBERS:
            msg = f"a pose has {_NUMBERS} numbers, got {len(self.numbers)}"
            raise ValueError(msg)

    @classmethod
    def of(cls, person: PersonPose, placement: Placement) -> "SeenPerson":
        """Return a person in view.

        Args:
            person: The person, with places in sides of a square frame.
            placement: Where that frame shows the camera's whole picture.
        """
        points = person.landmarks.astype(np.float64)
        points[:, :2] -= placement.left, placement.top
        points[:, :2] /= placement.height
        points = np.nan_to_num(points).clip(-_FURTHEST, _FURTHEST)
        rounded = np.rint(points * _SCALES).astype(int)
        return cls(person.number, tuple(rounded.ravel().tolist()))


@dataclass(frozen=True, slots=True)
class SeenPoses:
    """Everybody in one picture; nobody if the last person has just left the view."""

    at_ns: int
    people: tuple[SeenPerson, ...]


@final
@dataclass(frozen=True, slots=True)
class InView:
    """What a subject's camera has shown.

    Attributes:
        picture_ns: Time of the newest picture.
        aspect: Width of the camera's whole picture over its height.
        poses: Poses since the previous report, at most ``MOST_POSES``, oldest first.
    """

    picture_ns: int
    aspect: float
    poses: tuple[SeenPoses, ...] = ()

    def moved(self, by_ns: int) -> "InView":
        """Return the same with all times later by ``by_ns``."""
        poses = tuple(replace(seen, at_ns=seen.at_ns + by_ns) for seen in self.poses)
        return replace(self, picture_ns=self.picture_ns + by_ns, poses=poses)


def people_json(people: Sequence[SeenPerson]) -> list[dict[str, Any]]:
    """Return people as JSON; each point is x and y in picture heights, visibility."""
    return [
        {"track": person.track, "points": _points(person.numbers)} for person in people
    ]


def zones_json(zones: Sequence[Zone], aspect: float) -> list[dict[str, Any]]:
    """Return zones as JSON, with corners in picture heights as those of poses."""
    return [
        {
            "name": zone.name,
            "kind": zone.kind,
            "points": [[round(x * aspect, 3), round(y, 3)] for x, y in zone.polygon],
        }
        for zone in zones
    ]


def _points(numbers: Sequence[int]) -> list[list[float]]:
    each = iter(numbers)
    return [
        [x / 1000, y / 1000, v / 100] for x, y, v in zip(each, each, each, strict=True)
    ]
