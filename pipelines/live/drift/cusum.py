"""Comparison of a subject's blocks with its baseline: sums, alerts and recoveries.

    scores ─▶ two-sided CUSUM of every signal ──threshold──▶ alerted
                     ▲                                          │
                     ├── the signal is normal for an hour ──────┤ recovered
                     └── open for a day: new reference level ───┘ still alerted

An alert that stays open does not block later alerts: after a day the present level of
every signal becomes its reference, and a change from there is another alert.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, final

import numpy as np
from jaxtyping import Bool, Float64

from pipelines.clock import ns_to_seconds, seconds_to_ns
from pipelines.live.drift.baseline import (
    HOURS,
    REFERENCE,
    Baseline,
    block_cap,
    standard_scores,
)
from pipelines.live.drift.cause import name_cause
from pipelines.live.drift.settings import SIGNALS, DriftSettings
from pipelines.records import DriftAlert, make_event_id

_NAMES = tuple(SIGNALS)


@dataclass(slots=True)
class _OpenAlert:
    """An open alert, and the latest scores of its signal."""

    alert: DriftAlert
    followed: list[float] = field(default_factory=list)


@final
class CusumDetector:
    """Drift detection for one subject once its baseline is learnt.

    ``first`` is the number of the first block.
    """

    def __init__(
        self,
        subject_id: str,
        baseline: Baseline,
        settings: DriftSettings,
        first: int = 0,
    ) -> None:
        self.baseline = baseline
        self._subject_id, self._settings = subject_id, settings
        self._cap = block_cap(baseline.threshold)
        self._open: list[_OpenAlert] = []
        self._reset(first)

    @property
    def open_alerts(self) -> tuple[DriftAlert, ...]:
        """The open alerts, the oldest first."""
        return tuple(opened.alert for opened in self._open)

    @property
    def level(self) -> float:
        """Highest sum as a share of the threshold, 0 to 1; 1 while an alert is open."""
        if self._open:
            return 1.0
        return min(float(self._sums.max()) / self.baseline.threshold, 1.0)

    def add_block(
        self, number: int, means: Float64[np.ndarray, " signal"], hour: int
    ) -> list[DriftAlert]:
        """Process a block; return alerts that are new or over.

        ``number`` counts blocks since the epoch; ``hour`` is in UTC. A mean is NaN
        where nothing was measured.
        """
        normal, deviation = self.baseline.mean[hour], self.baseline.deviation[hour]
        scores = standard_scores(means, normal, deviation, self._cap)
        seen = np.isfinite(means) & np.isfinite(deviation)
        recovered = self._close_recovered(number, scores, seen)
        if not self._armed:
            self._average_scores(number, scores, seen)
            return recovered
        moved = np.where(seen, scores - self._reference, 0.0)
        for row, sign in ((0, 1.0), (1, -1.0)):
            side = self._sums[row]
            np.maximum(side + sign * moved - REFERENCE, 0.0, out=side)
        self._since[self._sums == 0.0] = number + 1
        changes = np.nan_to_num(means - normal)
        return recovered + self._alert_at_threshold(number, moved, changes, normal)

    def _alert_at_threshold(
        self,
        number: int,
        scores: Float64[np.ndarray, " signal"],
        changes: Float64[np.ndarray, " signal"],
        normal: Float64[np.ndarray, " signal"],
    ) -> list[DriftAlert]:
        """Alert if the highest sum has reached the threshold."""
        row, place = np.unravel_index(int(self._sums.argmax()), self._sums.shape)
        highest = float(self._sums[row, place])
        if highest < self.baseline.threshold:
            return []
        block_ns = seconds_to_ns(self._settings.block_s)
        since_ns = int(self._since[row, place]) * block_ns
        alert = DriftAlert(
            alert_id=make_event_id(
                self._subject_id, f"drift {_NAMES[place]}", since_ns
            ),
            subject_id=self._subject_id,
            state="alerted",
            signal=_NAMES[place],
            change=float(changes[place]),
            statistic=highest,
            threshold=self.baseline.threshold,
            cause=name_cause(_named(scores), _named(changes + normal), _named(normal)),
            since_ns=since_ns,
            decided_ns=(number + 1) * block_ns,
        )
        self._open.append(_OpenAlert(alert))
        self._disarm()
        return [alert]

    def _close_recovered(
        self,
        number: int,
        scores: Float64[np.ndarray, " signal"],
        seen: Bool[np.ndarray, " signal"],
    ) -> list[DriftAlert]:
        """Close the alerts whose signals are normal again on average.

        A block without a measurement of the signal does not count.
        """
        wanted, over = self._settings.recovered_blocks, []
        for opened in self._open:
            place = _NAMES.index(opened.alert.signal)
            if seen[place]:
                opened.followed = [*opened.followed, float(scores[place])][-wanted:]
            followed = opened.followed
            if len(followed) == wanted and abs(np.mean(followed)) <= REFERENCE:
                over.append(opened)
        if not over:
            return []
        self._open = [opened for opened in self._open if opened not in over]
        if self._open:
            self._disarm()
        else:
            self._reset(number + 1)
        decided_ns = (number + 1) * seconds_to_ns(self._settings.block_s)
        return [
            replace(opened.alert, state="recovered", decided_ns=decided_ns)
            for opened in over
        ]

    def _average_scores(
        self,
        number: int,
        scores: Float64[np.ndarray, " signal"],
        seen: Bool[np.ndarray, " signal"],
    ) -> None:
        """Average the scores for a day while an alert is open; then arm the sums."""
        self._gathered += np.where(seen, scores, 0.0)
        self._gathered_blocks += seen
        self._disarmed_blocks += 1
        if self._disarmed_blocks >= self._settings.blocks_per_day:
            self._reference = self._gathered / np.maximum(self._gathered_blocks, 1)
            self._arm(number + 1)

    def _reset(self, number: int) -> None:
        """Compare with the baseline itself from block ``number`` on."""
        self._reference = np.zeros(len(_NAMES))
        self._disarm()
        self._arm(number)

    def _arm(self, number: int) -> None:
        """Start every sum at zero."""
        self._armed = True
        self._sums = np.zeros((2, len(_NAMES)))
        self._since = np.full((2, len(_NAMES)), number)

    def _disarm(self) -> None:
        self._armed = False
        self._gathered = np.zeros(len(_NAMES))
        self._gathered_blocks = np.zeros(len(_NAMES))
        self._disarmed_blocks = 0

    def snapshot(self, correction_ns: int = 0) -> dict[str, Any]:
        """Return the state for a restart, as JSON values; times are UTC.

        ``correction_ns`` is the offset from pipeline time to UTC.
        """
        correction_blocks = correction_ns // seconds_to_ns(self._settings.block_s)
        return {
            "mean": [numbers_of(row) for row in self.baseline.mean],
            "deviation": [numbers_of(row) for row in self.baseline.deviation],
            "threshold": self.baseline.threshold,
            "days": self.baseline.days,
            "standing": [
                {
                    "alert": {
                        **asdict(opened.alert),
                        "since_ns": opened.alert.since_ns + correction_ns,
                        "decided_ns": opened.alert.decided_ns + correction_ns,
                    },
                    "followed": opened.followed,
                }
                for opened in self._open
            ],
            "taken": self._reference.tolist(),
            "armed": self._armed,
            "gathered": self._gathered.tolist(),
            "gathered_blocks": self._gathered_blocks.tolist(),
            "disarmed_blocks": self._disarmed_blocks,
            "sums": self._sums.tolist(),
            "since": (self._since + correction_blocks).tolist(),
        }

    @classmethod
    def restore(
        cls, subject_id: str, memory: Mapping[str, Any], settings: DriftSettings
    ) -> "CusumDetector":
        """Return a detector restored from the return value of ``snapshot``.

        Raises:
            ValueError, LookupError, TypeError, OverflowError: If the memory is damaged.
        """
        detector = cls(subject_id, _baseline(memory), settings)
        for kept in memory["standing"]:
            alert = DriftAlert(**kept["alert"])
            if alert.signal not in SIGNALS:
                msg = f"an alert of the signal {alert.signal!r}"
                raise ValueError(msg)
            followed = [float(score) for score in kept["followed"]]
            detector._open.append(_OpenAlert(alert, followed))
        detector._reference = _finite(memory["taken"], (len(_NAMES),))
        detector._armed = bool(memory["armed"])
        detector._gathered = _finite(memory["gathered"], (len(_NAMES),))
        detector._gathered_blocks = _finite(memory["gathered_blocks"], (len(_NAMES),))
        detector._disarmed_blocks = int(memory["disarmed_blocks"])
        detector._sums = _finite(memory["sums"], (2, len(_NAMES)))
        detector._since = _finite(memory["since"], (2, len(_NAMES))).astype(np.int64)
        return detector


def _named(values: Float64[np.ndarray, " signal"]) -> dict[str, float]:
    return dict(zip(_NAMES, values.tolist(), strict=True))


def hour_of(number: int, settings: DriftSettings, correction_ns: int = 0) -> int:
    """Return the hour of the day, UTC, of a block of pipeline time."""
    utc_s = number * settings.block_s + ns_to_seconds(correction_ns)
    return int(utc_s // 3600) % HOURS


def numbers_of(values: Float64[np.ndarray, " signal"]) -> list[float | None]:
    """Return floats of six digits, and None for NaN, which JSON lacks."""
    return [None if np.isnan(value) else float(f"{value:.6g}") for value in values]


def signals_of(numbers: list[float | None]) -> Float64[np.ndarray, " signal"]:
    """Return the array that ``numbers_of`` converted.

    Raises:
        ValueError: If the count of numbers is not the count of signals.
    """
    if len(numbers) != len(_NAMES):
        msg = f"{len(numbers)} signals, expected {len(_NAMES)}"
        raise ValueError(msg)
    return np.array([np.nan if value is None else float(value) for value in numbers])


def _baseline(memory: Mapping[str, Any]) -> Baseline:
    mean, deviation = (
        np.stack([signals_of(row) for row in memory[name]])
        for name in ("mean", "deviation")
    )
    threshold = float(memory["threshold"])
    whole = len(mean) == len(deviation) == HOURS and bool(np.isfinite(mean).all())
    if not (whole and 0 < threshold < np.inf and not (deviation <= 0).any()):
        msg = "a baseline of other hours, or with values out of range"
        raise ValueError(msg)
    return Baseline(mean, deviation, threshold, float(memory["days"]))


def _finite(values: object, shape: tuple[int, ...]) -> np.ndarray:
    array = np.array(values, np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        msg = f"sums of shape {array.shape}, expected {shape} and finite"
        raise ValueError(msg)
    return array
