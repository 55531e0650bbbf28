"""The bed of a subject: who lies in it, when that person leaves, and what it excludes.

A person is in bed once the middle of the hips and most of the visible body have been
inside a zone of the kind ``bed`` for a moment, and until the hips have been outside for
a while. In this row of steps, ``L`` is lying inside, ``h`` the hips alone inside (the
person sits on the edge), ``.`` outside and a blank a person who is not found::

    place      . . h h L L L L h . h . . . . . .
    in bed             [-I-------------------O)   I decides [, and O decides )
    bed exit                         [-------S    ends when somebody is in bed again

A person who is not found stays where they were seen last: blankets hide sleepers. Only
a person who was in bed can leave it, so a carer who comes and goes leaves no bed.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
from jaxtyping import Float32

from models.person.pose_picture import HIPS, JOINTS
from pipelines.clock import NS_PER_S, seconds_to_ns
from pipelines.live.inference import entropy_of, margin_of
from pipelines.live.zones import Zone, in_whole_picture
from pipelines.recognition import RecognizerInfo
from pipelines.records import (
    BED_EXIT,
    FALL,
    ActionEvent,
    BedState,
    BedStatus,
    PersonPose,
    Placement,
    Prediction,
    make_event_id,
)

LYING_IN_BED = "lying in bed"
"""The label of somebody who lies in bed, if the prompt set has one."""

_DOWN = frozenset({FALL, "long lie"})
"""Events that nobody has who is in bed."""

_VISIBLE = 0.5
_LEAST_SEEN = 3  # visible joints, below which all joints count
_MOST_OF_BODY = 0.6
_SEEN_OUTSIDE_NS = NS_PER_S
"""Time for which a person must be seen outside before a loss from view is an exit."""
_REMEMBERED_NS = 60 * NS_PER_S
"""Time for which places are kept; windows wait shorter for their wearable."""


@final
@dataclass(frozen=True, slots=True)
class BedSettings:
    """When a person is in bed, and when out of it.

    Attributes:
        settle_s: Time that a person must lie inside to be in bed, in seconds.
        exit_s: Time that the hips must be outside to be out of bed, in seconds.

    Raises:
        ValueError: If a value is negative or not a number.
    """

    settle_s: float = 1.0
    exit_s: float = 5.0

    def __post_init__(self) -> None:
        for name in ("settle_s", "exit_s"):
            value = getattr(self, name)
            if not 0.0 <= value < float("inf"):
                msg = f"{name} must be zero or more and finite, got {value}"
                raise ValueError(msg)


@final
@dataclass(slots=True)
class _Place:
    """Where one followed person is.

    ``lying_ns`` and ``outside_ns`` are the times since which the person lies inside, or
    has the hips outside; None if not. ``changes`` are the times at which the hips went
    in or out.
    """

    seen_ns: int
    lying_ns: int | None = None
    outside_ns: int | None = None
    changes: deque[tuple[int, bool]] = field(default_factory=deque)

    def update(self, time_ns: int, *, hips: bool, lying: bool) -> None:
        self.seen_ns = time_ns
        self.lying_ns = _since(self.lying_ns, time_ns) if lying else None
        self.outside_ns = None if hips else _since(self.outside_ns, time_ns)
        if not self.changes or self.changes[-1][1] != hips:
            self.changes.append((time_ns, hips))
        while len(self.changes) > 1 and self.changes[1][0] < time_ns - _REMEMBERED_NS:
            self.changes.popleft()

    def had_hips_inside(self, time_ns: int) -> bool:
        at = bisect_right(self.changes, time_ns, key=lambda change: change[0])
        return at > 0 and self.changes[at - 1][1]


@final
class BedWatch:
    """Watcher of the bed zones of one subject.

    Args:
        subject_id: The subject.
        zones: The zones of its camera.
        info: The recogniser, for the model's names in events and the labels of events.
        settings: When a person is in bed.
    """

    def __init__(
        self,
        subject_id: str,
        zones: Sequence[Zone],
        info: RecognizerInfo,
        settings: BedSettings | None = None,
    ) -> None:
        self._subject_id, self._info = subject_id, info
        self._beds = [zone for zone in zones if zone.kind == "bed"]
        self._settings = settings or BedSettings()
        self._places: dict[int, _Place] = {}
        self._in_view: set[int] = set()
        self._in_bed: set[int] = set()
        self._hidden: set[int] = set()
        """Numbers of those who were lost from view in the bed."""
        self._status: BedStatus | None = None
        self._exit: ActionEvent | None = None
        self._now_ns = 0

    def resume(self, event: ActionEvent) -> None:
        """Continue a bed exit of an earlier process; ignore other events."""
        if self._beds and event.name == BED_EXIT and event.state == "started":
            self._exit = event

    def add(
        self, people: Sequence[PersonPose], placement: Placement, time_ns: int
    ) -> list[BedStatus | ActionEvent]:
        """Add the people in view of the next picture.

        Args:
            people: Everybody who was found.
            placement: Where the searched frame shows the camera's whole picture.
            time_ns: Time of the picture; times increase.

        Returns:
            The state of the bed if it has changed, and the start or the end of a bed
            exit.
        """
        if not self._beds:
            return []
        self._now_ns = time_ns
        self._hide({person.number for person in people})
        since_ns = time_ns
        for person in people:
            number = person.number
            place = self._places.setdefault(number, _Place(time_ns))
            hips, body = self._shares_inside(person.landmarks, placement)
            place.update(time_ns, hips=hips, lying=hips and body >= _MOST_OF_BODY)
            # A person lost in the bed may have been found again, under any number.
            is_found_again = hips and self._hidden and number not in self._in_view
            if number not in self._in_bed and (
                is_found_again or self._has_settled(place)
            ):
                self._in_bed.add(number)
                self._hidden.clear()
                since_ns = _since(place.lying_ns, time_ns)
        self._in_view = {person.number for person in people}
        left_ns = self._leave()
        self._forget()
        if self._in_bed or self._hidden:
            return self._change("in", since_ns)
        if left_ns is not None:
            return self._change("out", left_ns, is_exit=True)
        if self._status is None:
            return self._first_out()
        return []

    def flush(self) -> list[ActionEvent]:
        """End the stream; return the end of an open bed exit."""
        return self._end_exit(self._now_ns)

    def correct(self, prediction: Prediction, person: int) -> Prediction:
        """Return a prediction that calls somebody with the hips in bed lying in bed.

        Args:
            prediction: The prediction of a window.
            person: Number of the person that the window shows.
        """
        place = self._places.get(person)
        if place is not None and place.had_hips_inside(prediction.end_ns):
            return lying_in_bed(prediction, self._info.events)
        return prediction

    def _hide(self, found: set[int]) -> None:
        """Note who is lost in the bed.

        Their numbers may go to others, so who is found outside is somebody else.
        """
        lost = {
            number
            for number in self._in_bed - found
            if self._places[number].outside_ns is None
        }
        self._in_bed -= lost
        self._hidden |= lost

    def _shares_inside(
        self, landmarks: Float32[np.ndarray, "33 3"], placement: Placement
    ) -> tuple[bool, float]:
        """Return whether the hips are in a bed, and the share of the visible body."""
        joints = landmarks[list(JOINTS)].astype(np.float64)
        places, seen = joints[:, :2], joints[:, 2] >= _VISIBLE
        if seen.sum() < _LEAST_SEEN:
            seen = np.ones(len(joints), bool)
        points = np.vstack((places[list(HIPS)].mean(axis=0), places[seen]))
        shares = in_whole_picture(points, placement)
        inside = [bed.contains(shares) for bed in self._beds]
        best = max(inside, key=lambda points: (bool(points[0]), int(points.sum())))
        return bool(best[0]), float(best[1:].mean())

    def _has_settled(self, place: _Place) -> bool:
        settle_ns = seconds_to_ns(self._settings.settle_s)
        return place.lying_ns is not None and self._now_ns - place.lying_ns >= settle_ns

    def _is_out(self, place: _Place) -> bool:
        """Return whether somebody has been outside for long enough to be out of bed."""
        if place.outside_ns is None:
            return False
        is_seen = place.seen_ns == self._now_ns
        was_seen = place.seen_ns - place.outside_ns >= _SEEN_OUTSIDE_NS
        exit_ns = seconds_to_ns(self._settings.exit_s)
        return (is_seen or was_seen) and self._now_ns - place.outside_ns >= exit_ns

    def _leave(self) -> int | None:
        """Note who has left the bed; return when the last of them did, or None."""
        left = {
            number: place.outside_ns
            for number in self._in_bed
            if self._is_out(place := self._places[number])
            if place.outside_ns is not None
        }
        self._in_bed -= left.keys()
        return max(left.values(), default=None)

    def _first_out(self) -> list[BedStatus | ActionEvent]:
        """Return the first state, if it is out of bed."""
        if self._exit is not None:
            return self._change("out", self._exit.start_ns)
        out = [place for place in self._places.values() if self._is_out(place)]
        since_ns = [place.outside_ns for place in out if place.outside_ns is not None]
        return self._change("out", min(since_ns)) if since_ns else []

    def _forget(self) -> None:
        """Forget those who were seen long ago, and not in bed."""
        kept = self._in_bed | self._hidden
        oldest_ns = self._now_ns - _REMEMBERED_NS
        for number, place in list(self._places.items()):
            if place.seen_ns < oldest_ns and number not in kept:
                del self._places[number]

    def _change(
        self, state: BedState, since_ns: int, *, is_exit: bool = False
    ) -> list[BedStatus | ActionEvent]:
        if self._status is not None and self._status.state == state:
            return []
        self._status = BedStatus(self._subject_id, state, since_ns)
        if state == "in":
            return [self._status, *self._end_exit(since_ns)]
        if not is_exit:
            return [self._status]
        self._exit = ActionEvent(
            event_id=make_event_id(self._subject_id, BED_EXIT, since_ns),
            subject_id=self._subject_id,
            name=BED_EXIT,
            label="out of bed",
            state="started",
            start_ns=since_ns,
            end_ns=None,
            decided_ns=self._now_ns,
            peak_confidence=1.0,
            modality="video",
            model=self._info.model,
            prompt_set=self._info.prompt_set,
        )
        return [self._status, self._exit]

    def _end_exit(self, end_ns: int) -> list[ActionEvent]:
        if self._exit is None:
            return []
        event, self._exit = self._exit, None
        end_ns = max(end_ns, event.start_ns)
        now_ns = max(self._now_ns, event.decided_ns)
        return [replace(event, state="ended", end_ns=end_ns, decided_ns=now_ns)]


def _since(began_ns: int | None, time_ns: int) -> int:
    return time_ns if began_ns is None else began_ns


def lying_in_bed(prediction: Prediction, events: Mapping[str, str]) -> Prediction:
    """Return a prediction with the scores of a fall moved to lying in bed.

    The cosines stay as they are. Without a label ``lying in bed`` in the prompt set,
    the scores of a fall become 0.

    Args:
        prediction: The prediction.
        events: The event of each label.
    """
    scores = dict(prediction.scores)
    down = [label for label in scores if events.get(label) in _DOWN]
    moved = sum(scores[label] for label in down)
    scores |= dict.fromkeys(down, 0.0)
    if LYING_IN_BED in scores:
        scores[LYING_IN_BED] += moved
    values = np.array(list(scores.values()), np.float32)
    label = max(scores, key=scores.__getitem__)
    return replace(
        prediction,
        label=label,
        confidence=scores[label],
        margin=margin_of(values),
        entropy=entropy_of(values),
        scores=scores,
    )
