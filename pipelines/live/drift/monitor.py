"""Watching a subject against its baseline: sums, alerts, and what becomes of them.

    scores ─▶ two-sided CUSUM of every signal ──threshold──▶ alerted
                     ▲                                          │
                     ├── its signal is normal again for an hour ┤ recovered
                     └── it stands for a day: taken as it is ───┘ still alerted

An alert that nobody mends does not make the watch deaf: after a day things are taken as
they now are, and what changes from there is told as another alert.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
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
class _Standing:
    """An alert that is not over, and its signal's latest scores."""

    alert: DriftAlert
    followed: list[float] = field(default_factory=list)


@final
class Watching:
    """Follows one subject's blocks once its baseline is learnt.

    Args:
        subject_id: Whose.
        baseline: What is normal.
        settings: Lengths.
        first: Number of the first block.
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
        self._standing: list[_Standing] = []
        self._end_standing(first)

    @property
    def standing(self) -> tuple[DriftAlert, ...]:
        """The alerts that are not over, the oldest first."""
        return tuple(it.alert for it in self._standing)

    def add_block(
        self, number: int, means: Float64[np.ndarray, " signal"], hour: int
    ) -> list[DriftAlert]:
        """Take the means of a block, NaN where nothing was measured, and its hour."""
        normal, deviation = self.baseline.mean[hour], self.baseline.deviation[hour]
        scores = standard_scores(means, normal, deviation, self._cap)
        seen = np.isfinite(means) & np.isfinite(deviation)
        told = self._follow(number, scores, seen)
        if not self._armed:
            self._gather(number, scores, seen)
            return told
        moved = np.where(seen, scores - self._taken, 0.0)
        for row, sign in ((0, 1.0), (1, -1.0)):
            side = self._sums[row]
            np.maximum(side + sign * moved - REFERENCE, 0.0, out=side)
        self._since[self._sums == 0.0] = number + 1
        return told + self._judge(number, moved, np.nan_to_num(means - normal), normal)

    def _judge(
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
        self._standing.append(_Standing(alert))
        self._disarm()
        return [alert]

    def _follow(
        self,
        number: int,
        scores: Float64[np.ndarray, " signal"],
        seen: Bool[np.ndarray, " signal"],
    ) -> list[DriftAlert]:
        """End alerts whose signals are normal again on average.

        A signal that is not measured says nothing of either.
        """
        wanted, over = self._settings.recovered_blocks, []
        for it in self._standing:
            place = _NAMES.index(it.alert.signal)
            if seen[place]:
                it.followed = [*it.followed, float(scores[place])][-wanted:]
            if len(it.followed) == wanted and abs(np.mean(it.followed)) <= REFERENCE:
                over.append(it)
        if not over:
            return []
        self._standing = [it for it in self._standing if it not in over]
        if self._standing:
            self._disarm()
        else:
            self._end_standing(number + 1)
        decided_ns = (number + 1) * seconds_to_ns(self._settings.block_s)
        return [
            replace(it.alert, state="recovered", decided_ns=decided_ns) for it in over
        ]

    def _gather(
        self,
        number: int,
        scores: Float64[np.ndarray, " signal"],
        seen: Bool[np.ndarray, " signal"],
    ) -> None:
        """Learn for a day how things stand while an alert does; then arm anew."""
        self._gathered += np.where(seen, scores, 0.0)
        self._gathered_blocks += seen
        self._disarmed_blocks += 1
        if self._disarmed_blocks >= self._settings.blocks_per_day:
            self._taken = self._gathered / np.maximum(self._gathered_blocks, 1)
            self._arm(number + 1)

    def _end_standing(self, number: int) -> None:
        self._taken = np.zeros(len(_NAMES))
        self._disarm()
        self._arm(number)

    def _arm(self, number: int) -> None:
        """Begin every sum from zero."""
        self._armed = True
        self._sums = np.zeros((2, len(_NAMES)))
        self._since = np.full((2, len(_NAMES)), number)

    def _disarm(self) -> None:
        self._armed = False
        self._gathered = np.zeros(len(_NAMES))
        self._gathered_blocks = np.zeros(len(_NAMES))
        self._disarmed_blocks = 0

    def memory(self, correction_ns: int = 0) -> dict[str, Any]:
        """Return all that a restarted watch needs, for JSON; times are UTC.

        Args:
            correction_ns: What to add to a time to get UTC.
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
                        **{f.name: getattr(it.alert, f.name) for f in fields(it.alert)},
                        "since_ns": it.alert.since_ns + correction_ns,
                        "decided_ns": it.alert.decided_ns + correction_ns,
                    },
                    "followed": it.followed,
                }
                for it in self._standing
            ],
            "taken": self._taken.tolist(),
            "armed": self._armed,
            "gathered": self._gathered.tolist(),
            "gathered_blocks": self._gathered_blocks.tolist(),
            "disarmed_blocks": self._disarmed_blocks,
            "sums": self._sums.tolist(),
            "since": (self._since + correction_blocks).tolist(),
        }

    @classmethod
    def recall(
        cls, subject_id: str, memory: Mapping[str, Any], settings: DriftSettings
    ) -> "Watching":
        """Return a watch that goes on from what ``memory`` returned.

        Raises:
            ValueError, LookupError, TypeError, OverflowError: If it is damaged.
        """
        watching = cls(subject_id, _baseline(memory), settings)
        for kept in memory["standing"]:
            alert = DriftAlert(**kept["alert"])
            if alert.signal not in SIGNALS:
                msg = f"an alert of the signal {alert.signal!r}"
                raise ValueError(msg)
            followed = [float(score) for score in kept["followed"]]
            watching._standing.append(_Standing(alert, followed))
        watching._taken = _finite(memory["taken"], (len(_NAMES),))
        watching._armed = bool(memory["armed"])
        watching._gathered = _finite(memory["gathered"], (len(_NAMES),))
        watching._gathered_blocks = _finite(memory["gathered_blocks"], (len(_NAMES),))
        watching._disarmed_blocks = int(memory["disarmed_blocks"])
        watching._sums = _finite(memory["sums"], (2, len(_NAMES)))
        watching._since = _finite(memory["since"], (2, len(_NAMES))).astype(np.int64)
        return watching


def _named(values: Float64[np.ndarray, " signal"]) -> dict[str, float]:
    return dict(zip(_NAMES, values.tolist(), strict=True))


def hour_of(number: int, settings: DriftSettings, correction_ns: int = 0) -> int:
    """Return the hour of the day, UTC, of a block of pipeline time."""
    utc_s = number * settings.block_s + ns_to_seconds(correction_ns)
    return int(utc_s // 3600) % HOURS


def numbers_of(values: Float64[np.ndarray, " signal"]) -> list[float | None]:
    """Return floats of six digits, None for NaN: JSON has none."""
    return [None if np.isnan(value) else float(f"{value:.6g}") for value in values]


def signals_of(numbers: list[float | None]) -> Float64[np.ndarray, " signal"]:
    """Return what ``numbers_of`` was given.

    Raises:
        ValueError: If there is not a number for each signal.
    """
    if len(numbers) != len(_NAMES):
        msg = f"{len(numbers)} signals, expected {len(_NAMES)}"
        raise ValueError(msg)
    return np.array([np.nan if it is None else float(it) for it in numbers])


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
