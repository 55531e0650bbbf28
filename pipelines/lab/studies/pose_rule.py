"""The plain baseline: a rule on the person finder's landmarks, without learning.

A fall is a drop of head and hips by 0.8 trunk lengths within 2 s, after which the trunk
is tilted by more than 40 degrees or the body is wider than high. A learnt model has to
beat it.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float32

from models.person.pose_picture import HIPS, SHOULDERS
from pipelines.clock import seconds_to_ns
from pipelines.lab.studies.matching import Episode
from pipelines.lab.studies.pose_track import PoseTrack

_DROP_TRUNKS, _WITHIN_S = 0.8, 2.0
_TILT_DEG = 40.0
_NOSE = 0
_UP_AGAIN_S = 1.5  # upright for so long ends an episode


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the rule needs of a pose: heights grow downwards."""

    time_ns: int
    head: float
    hips: float
    trunk: float
    is_flat: bool


@final
class FallRule:
    """Decides from one pose after the other whether somebody has just fallen."""

    def __init__(self) -> None:
        self._recent: deque[_Seen] = deque()
        self._down_since_ns: int | None = None
        self._upright_since_ns: int | None = None

    def update(
        self, time_ns: int, joints: Float32[np.ndarray, "13 3"]
    ) -> tuple[bool, bool]:
        """Add a pose.

        Args:
            time_ns: Its time.
            joints: x, y and visibility of each joint; x and y in one unit.

        Returns:
            Whether a fall is decided now, and whether the person is still down.
        """
        seen = _seen(time_ns, joints)
        self._recent.append(seen)
        while time_ns - self._recent[0].time_ns > seconds_to_ns(_WITHIN_S):
            self._recent.popleft()
        if self._down_since_ns is not None:
            self._stay_down(seen)
            return False, self._down_since_ns is not None
        trunk = float(np.median([each.trunk for each in self._recent]))
        drop = min(
            seen.head - min(each.head for each in self._recent),
            seen.hips - min(each.hips for each in self._recent),
        )
        if drop > _DROP_TRUNKS * trunk and seen.is_flat:
            self._down_since_ns, self._upright_since_ns = time_ns, None
            return True, True
        return False, False

    def _stay_down(self, seen: _Seen) -> None:
        if seen.is_flat:
            self._upright_since_ns = None
        elif self._upright_since_ns is None:
            self._upright_since_ns = seen.time_ns
        elif seen.time_ns - self._upright_since_ns > seconds_to_ns(_UP_AGAIN_S):
            self._down_since_ns = None


def _seen(time_ns: int, joints: Float32[np.ndarray, "13 3"]) -> _Seen:
    places = joints[:, :2].astype(float)
    shoulders = places[list(SHOULDERS)].mean(axis=0)
    hips = places[list(HIPS)].mean(axis=0)
    across, down = hips - shoulders
    tilt = np.degrees(np.arctan2(abs(across), down))
    width, height = np.ptp(places, axis=0)
    return _Seen(
        time_ns,
        head=float(places[_NOSE, 1]),
        hips=float(hips[1]),
        trunk=float(np.hypot(across, down)),
        is_flat=bool(tilt > _TILT_DEG or width > height),
    )


def rule_falls(track: PoseTrack) -> list[Episode]:
    """Return the falls that the rule finds; each lasts until the person is up."""
    rule = FallRule()
    falls: list[Episode] = []
    for step in np.flatnonzero(track.found):
        now_ns = int(track.times_ns[step])
        falls_now, is_down = rule.update(now_ns, track.joints[step])
        if falls_now:
            falls.append(Episode(now_ns, now_ns, now_ns, 1.0))
        elif is_down and falls:
            falls.append(replace(falls.pop(), end_ns=now_ns))
    return falls
