"""The people in one camera's view, each with the history of their poses.

The finder numbers the bodies that it follows. A body that it loses and finds again is
the same person if it is near the place where the body was lost::

    finder    1  1  1  .  .  2  2  2      body 1 is lost, and found as body 2
    person    1  1  1  1  1  1  1  1      near: the same person, one history

A person is in view until no moment of their pose picture shows them, 1.5 s after they
were last found. The leading person is the one in view longest. While nobody is in
view, the latest leading person goes on with empty pictures, so that an empty room is
predicted too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
from jaxtyping import Float32

from models.person.finder import Person
from models.person.pose_history import PoseHistory
from models.person.pose_picture import MOMENTS
from pipelines.records import PersonPose

SEEN_STEPS = 2
"""Steps for which a person counts as seen after they were last found."""

_HIPS = (23, 24)
_REACH = 1.5
"""Longest way of a lost body's hips until it is found again, in body sizes. A person
who falls moves by one."""


@final
@dataclass(slots=True, eq=False)
class FollowedPerson:
    """One person.

    Attributes:
        number: Number of the person.
        history: Their poses.
        body: The latest body that was found; None before the first.
        came_step: Step in which the person came into view.
        seen_step: Step of the latest body.
    """

    number: int
    history: PoseHistory = field(default_factory=PoseHistory)
    body: Person | None = None
    came_step: int = 0
    seen_step: int | None = None

    @property
    def track(self) -> int:
        """The finder's number of the latest body; 0 before the first."""
        return 0 if self.body is None else self.body.track_id

    def is_in_view(self, step: int) -> bool:
        """Return whether the person is in view in a step."""
        return self.seen_step is not None and step - self.seen_step <= MOMENTS[-1]

    def is_seen(self, step: int) -> bool:
        """Return whether the person was found in the quarter second up to a step."""
        return self.seen_step is not None and step - self.seen_step <= SEEN_STEPS

    def distance(self, person: Person) -> float:
        """Return the way from the latest pose to another, in sizes of this body."""
        if self.body is None:
            return np.inf
        way = _hips(person.landmarks) - _hips(self.body.landmarks)
        return float(np.linalg.norm(way)) / self.history.size

    def add(self, step: int, person: Person) -> None:
        """Add the body that was found in a step."""
        if not self.is_in_view(step):
            self.came_step = step
        self.body, self.seen_step = person, step
        self.history.add(step, person.landmarks)


@final
class PeopleInView:
    """The people in the pictures of one camera.

    Args:
        most: Greatest number of people, at least 1.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._people = [FollowedPerson(1)]
        self._numbers = 1

    def add(self, step: int, bodies: Sequence[Person]) -> None:
        """Add what the finder found in a picture.

        Args:
            step: Number of the picture's step of ``STEP_S``; steps do not decrease.
            bodies: The bodies, the longest followed first.
        """
        self._people = self.shown(step)
        by_track = {person.track: person for person in self._people}
        found = {body.track_id for body in bodies}
        lost = [person for person in self._people if person.track not in found]
        for body in bodies:
            person = by_track.get(body.track_id) or self._continued(body, lost, step)
            if person in lost:
                lost.remove(person)
            person.add(step, body)
        self._people.sort(key=lambda it: (not it.is_in_view(step), it.came_step))

    def shown(self, step: int) -> list[FollowedPerson]:
        """Return the people that are shown in a step, the leading first.

        While nobody is in view, that is the latest leading person alone.
        """
        return [
            person
            for person in self._people
            if person is self._people[0] or person.is_in_view(step)
        ]

    def poses(self, step: int) -> tuple[PersonPose, ...]:
        """Return the latest pose of each person in view, the leading first."""
        return tuple(
            PersonPose(person.number, person.body.landmarks)
            for person in self._people
            if person.body is not None and person.is_in_view(step)
        )

    def _continued(
        self, body: Person, lost: list[FollowedPerson], step: int
    ) -> FollowedPerson:
        """Return the lost person that a new body is, or somebody new."""
        near = min(lost, key=lambda person: person.distance(body), default=None)
        if near is not None and near.distance(body) <= _REACH:
            return near
        leading = self._people[0]
        if not leading.is_in_view(step):
            return leading
        if len(self._people) >= self._most:
            gone = min(lost, key=lambda person: person.seen_step or 0)
            lost.remove(gone)
            self._people.remove(gone)
        self._numbers += 1
        person = FollowedPerson(self._numbers)
        self._people.append(person)
        return person


def _hips(landmarks: Float32[np.ndarray, "33 3"]) -> Float32[np.ndarray, " 2"]:
    middle: Float32[np.ndarray, " 2"] = landmarks[list(_HIPS), :2].mean(axis=0)
    return middle
