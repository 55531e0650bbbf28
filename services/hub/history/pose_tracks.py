"""Poses around an alarm, kept with it: who was where and when, without pictures.

    -30 s             raised                          +60 s
      ├── remembered ────┼───── as reports bring them ──┤

The latest poses of every subject are remembered. When an alarm is raised, its track
begins with these. It grows with each report until a minute after, and is stored anew
each time, so that it can be looked at while it grows.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from pipelines.clock import ns_to_seconds, seconds_to_ns, utc_datetime, utc_ns
from pipelines.live.alarms import Alarm
from pipelines.records import ActionEvent
from services.hub.history.seen import SeenPoses, people_json, zones_json
from services.hub.reports import SubjectState

_BEFORE_S, _AFTER_S = 30.0, 60.0
_REMEMBERED_NS = seconds_to_ns(35.0)
FINAL_NS = seconds_to_ns(_AFTER_S + 15.0)
"""Time from the raising until a track is final; a watcher's pictures wait up to 12 s
for recognition, and its report comes later still."""


@final
@dataclass(slots=True)
class GrowingTrack:
    """The poses around one alarm.

    Attributes:
        alarm_id: The alarm.
        subject_id: Its subject.
        raised_ns: When the alarm was raised, UTC.
        onset_ns: When its event began, UTC.
        aspect: Width of the camera's whole picture over its height.
        zones: Zones of the camera, as JSON.
        poses: Poses in order, as JSON; ``t`` is in seconds since the raising, -30 to
            60.
    """

    alarm_id: str
    subject_id: str
    raised_ns: int
    onset_ns: int
    aspect: float
    zones: list[dict[str, Any]]
    poses: list[dict[str, Any]] = field(default_factory=list)

    def add(self, poses: Iterable[SeenPoses]) -> bool:
        """Add the poses that are in range and later than the latest.

        Returns:
            Whether there were any.
        """
        before = len(self.poses)
        for seen in poses:
            t_s = round(ns_to_seconds(seen.at_ns - self.raised_ns), 3)
            is_later = not self.poses or t_s > self.poses[-1]["t"]
            if -_BEFORE_S <= t_s <= _AFTER_S and is_later:
                self.poses.append({"t": t_s, "people": people_json(seen.people)})
        return len(self.poses) > before

    def is_final(self, now_ns: int) -> bool:
        """Return whether nothing can be added any more, or the clock was set."""
        return not 0 <= now_ns - self.raised_ns < FINAL_NS

    def content(self) -> dict[str, Any]:
        """Return the track as a JSON object, which later poses do not change."""
        return {
            "alarm_id": self.alarm_id,
            "subject": self.subject_id,
            "raised": utc_datetime(self.raised_ns).isoformat(),
            "onset": utc_datetime(self.onset_ns).isoformat(),
            "aspect": round(self.aspect, 4),
            "zones": self.zones,
            "poses": list(self.poses),
        }

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "GrowingTrack":
        """Return the track of a JSON object."""
        return cls(
            content["alarm_id"],
            content["subject"],
            utc_ns(content["raised"]),
            utc_ns(content["onset"]),
            content["aspect"],
            content["zones"],
            list(content["poses"]),
        )


@final
class RecentPoses:
    """The latest poses of one subject, in order."""

    def __init__(self) -> None:
        self.poses: deque[SeenPoses] = deque()

    def add(self, poses: Iterable[SeenPoses]) -> list[SeenPoses]:
        """Add poses that are later than the latest, and return them.

        A report that comes twice adds nothing. Poses from long before the latest come
        after the clock was set back, and replace everything.
        """
        added = []
        for seen in poses:
            late_ns = self.poses[-1].at_ns - seen.at_ns if self.poses else -1
            if late_ns > _REMEMBERED_NS:
                self.poses.clear()
            elif late_ns >= 0:
                continue
            self.poses.append(seen)
            added.append(seen)
        while self.poses and (
            self.poses[-1].at_ns - self.poses[0].at_ns > _REMEMBERED_NS
        ):
            self.poses.popleft()
        return added


@final
class GrowingTracks:
    """The tracks of all subjects' alarms that are not final.

    Args:
        kept: Tracks that an earlier process has begun.
    """

    def __init__(self, kept: Iterable[GrowingTrack] = ()) -> None:
        self._tracks = {track.alarm_id: track for track in kept}
        self._recent: dict[str, RecentPoses] = {}

    def add(
        self,
        states: Mapping[str, SubjectState],
        events: Iterable[ActionEvent],
        alarms: Iterable[Alarm],
        now_ns: int,
    ) -> list[GrowingTrack]:
        """Add what a report brings.

        Args:
            states: States of the watcher's subjects.
            events: Events of the report.
            alarms: Alarms that these events have raised or changed.
            now_ns: Time of the hub, UTC.

        Returns:
            The tracks that have grown, which must be stored.
        """
        self._forget_final(now_ns)
        grown = []
        for name, state in states.items():
            if state.view is None or not state.keep_poses:
                self._recent.pop(name, None)
                continue
            added = self._recent.setdefault(name, RecentPoses()).add(state.view.poses)
            tracks = (it for it in self._tracks.values() if it.subject_id == name)
            grown += [track for track in tracks if track.add(added)]
        onsets = {it.event_id: it.start_ns for it in events if it.state == "started"}
        for alarm in alarms:
            if alarm.alarm_id in onsets and alarm.subject_id in states:
                state = states[alarm.subject_id]
                grown += self._begin(alarm, onsets[alarm.alarm_id], state)
        return grown

    def forget_others(self, subject_ids: Collection[str]) -> None:
        """Forget all subjects but these; what is stored stays."""
        self._recent = {
            name: recent for name, recent in self._recent.items() if name in subject_ids
        }
        self._tracks = {
            name: track
            for name, track in self._tracks.items()
            if track.subject_id in subject_ids
        }

    def _forget_final(self, now_ns: int) -> None:
        self._tracks = {
            name: track
            for name, track in self._tracks.items()
            if not track.is_final(now_ns)
        }

    def _begin(
        self, alarm: Alarm, onset_ns: int, state: SubjectState
    ) -> list[GrowingTrack]:
        """Begin the track of an alarm; return it if it has poses."""
        recent = self._recent.get(alarm.subject_id)
        if recent is None or state.view is None or alarm.alarm_id in self._tracks:
            return []
        aspect = state.view.aspect
        track = GrowingTrack(
            alarm.alarm_id,
            alarm.subject_id,
            alarm.raised_ns,
            onset_ns,
            aspect,
            zones_json(state.zones, aspect),
        )
        self._tracks[alarm.alarm_id] = track
        return [track] if track.add(recent.poses) else []
