"""Collects what cameras show, from one report to the next."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import final

from pipelines.clock import NS_PER_S
from pipelines.live.views import ViewedFrame
from services.hub.history.seen import MOST_POSES, InView, SeenPerson, SeenPoses

_APART_NS = NS_PER_S // 4
"""Shortest time between two poses."""


@final
@dataclass(slots=True)
class _Shown:
    """What one camera has shown."""

    picture_ns: int = 0
    aspect: float = 1.0
    is_empty: bool = True
    posed_ns: int | None = None
    poses: deque[SeenPoses] = field(default_factory=lambda: deque(maxlen=MOST_POSES))

    def add(self, viewed: ViewedFrame) -> None:
        camera, people = viewed.camera, viewed.people or ()
        self.picture_ns = camera.timestamp_ns
        self.aspect = camera.placement.width / camera.placement.height
        was_empty, self.is_empty = self.is_empty, not people
        if self.is_empty and was_empty:
            return
        if people and self._is_soon():
            return
        seen = (SeenPerson.of(person, camera.placement) for person in people)
        self.poses.append(SeenPoses(self.picture_ns, tuple(seen)))
        self.posed_ns = self.picture_ns

    def _is_soon(self) -> bool:
        if self.posed_ns is None:
            return False
        return 0 <= self.picture_ns - self.posed_ns < _APART_NS


@final
class ViewCollector:
    """Keeps the newest poses of each subject until they are taken.

    No pixels are kept. Poses that do not fit into a report are dropped, oldest first.
    """

    def __init__(self) -> None:
        self._shown: dict[str, _Shown] = {}

    def add(self, viewed: ViewedFrame) -> None:
        """Add what a picture shows, and the place of everybody in it.

        While nobody is in view, pictures add no poses, except for the first.
        """
        self._shown.setdefault(viewed.camera.subject_id, _Shown()).add(viewed)

    def take(self, subject_ids: Iterable[str]) -> dict[str, InView]:
        """Return what these subjects' cameras have shown since the last call.

        Subjects whose camera has shown nothing yet are left out. Others than these are
        forgotten.
        """
        wanted = set(subject_ids)
        self._shown = {
            name: shown for name, shown in self._shown.items() if name in wanted
        }
        taken = {}
        for name, shown in self._shown.items():
            poses = tuple(shown.poses)
            taken[name] = InView(shown.picture_ns, shown.aspect, poses)
            shown.poses.clear()
        return taken

    def forget(self, subject_id: str) -> None:
        """Forget a subject; do nothing if it is not known."""
        self._shown.pop(subject_id, None)
