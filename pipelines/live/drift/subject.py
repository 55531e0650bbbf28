"""Drift detection for one subject, from its frames, clips and wearable.

    Frame ─ at most one in 5 s ─▶ luma, sharpness, covered, shift ─┐
    Clip, Prediction ─▶ confidence, margin, entropy, distance ─────┼─▶ DriftMonitor
    ImuBatch ─▶ imu_missing, imu_offset ───────────────────────────┘

``distance`` is the cosine distance of a clip's embedding from the mean of the first
day, and ``shift`` the distance of the view from that day's view. So both have a
baseline from the second day on.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, final

import numpy as np
from jaxtyping import Float32

from models.window import Modality
from pipelines.clock import NS_PER_S, seconds_to_ns
from pipelines.live.drift.implied_accuracy import ImpliedAccuracy
from pipelines.live.drift.monitor import DriftMonitor
from pipelines.live.drift.picture_stats import PictureMeter
from pipelines.live.drift.settings import SIGNALS, DriftSettings
from pipelines.records import (
    Clip,
    DriftAlert,
    DriftStatus,
    Frame,
    ImuBatch,
    PictureStats,
    Prediction,
    make_event_id,
)

DriftRecord = DriftAlert | DriftStatus

FORGET_OFFSET_NS = seconds_to_ns(3600.0)
"""Time constant of the usual clock offset of a wearable: crystals drift apart all the
time, and only a jump against the last hour counts."""

_CONFIDENCE = tuple(SIGNALS).index("confidence")


@dataclass(frozen=True, slots=True)
class Origin:
    """Identity of model, prompts and camera; a baseline is valid for one origin."""

    model: str
    prompt_set: str
    camera: str


@final
class SubjectDrift:
    """Drift detector of one subject.

    ``calibrated`` are the modalities with calibrated confidence, from which an accuracy
    is implied.
    """

    def __init__(
        self,
        subject_id: str,
        origin: Origin,
        settings: DriftSettings | None = None,
        *,
        calibrated: Collection[Modality] = (),
    ) -> None:
        self._subject_id, self._origin = subject_id, origin
        self._settings = settings or DriftSettings()
        self._calibrated = frozenset(calibrated)
        self._meter = PictureMeter()
        self._monitor = DriftMonitor(subject_id, self._settings)
        self._worn = False
        self._usual_offset_ns: float | None = None
        self._latest_batch_ns = 0
        self._model_alert: DriftAlert | None = None
        self.relearn()

    def relearn(self) -> None:
        """Forget the baseline, and start another learning period."""
        self._monitor.relearn()
        self._meter.forget_view()
        self._accuracy = ImpliedAccuracy(self._settings.blocks_per_day)
        self._typical: np.ndarray | None = None
        self._clips = 0
        self._implies = bool(self._calibrated)
        self._guessed = False

    @property
    def open_alerts(self) -> tuple[DriftAlert, ...]:
        """The open alerts."""
        detector = self._monitor.detector
        if detector is not None:
            return detector.open_alerts
        return () if self._model_alert is None else (self._model_alert,)

    def status(self, at_ns: int, note: str = "") -> DriftStatus:
        """Return the state of drift detection at a time."""
        implied = self._accuracy.estimate() if self._implies else None
        detector = self._monitor.detector
        confidence = float(self._monitor.latest[_CONFIDENCE])
        return DriftStatus(
            subject_id=self._subject_id,
            state=self._monitor.state,
            learning_left_s=self._monitor.learning_left_s,
            accuracy=implied,
            decided_ns=at_ns,
            note=note,
            confidence=None if np.isnan(confidence) else confidence,
            level=None if detector is None else detector.level,
        )

    def set_clock_correction(self, correction_ns: int) -> None:
        """Set the offset from pipeline time to UTC, for the hour of the day."""
        self._monitor.correction_ns = correction_ns

    def add_frame(self, frame: Frame) -> list[DriftRecord]:
        """Process a frame; return the records of a block that it ends."""
        stats = self._meter.measure(frame)
        if stats is None:
            return []
        return self._observe(frame.timestamp_ns, picture_signals(stats))

    def add_batch(self, batch: ImuBatch) -> list[DriftRecord]:
        """Process a wearable's batch; return the records of a block that it ends."""
        if not len(batch.timestamps_ns):
            return []
        now_ns, offset_ns = int(batch.timestamps_ns[-1]), float(batch.clock_offset_ns)
        self._worn = True
        if self._usual_offset_ns is None:
            self._usual_offset_ns = offset_ns
        moved_ns = offset_ns - self._usual_offset_ns
        passed_ns = max(0, now_ns - self._latest_batch_ns)
        self._usual_offset_ns += moved_ns * min(1.0, passed_ns / FORGET_OFFSET_NS)
        self._latest_batch_ns = max(now_ns, self._latest_batch_ns)
        return self._observe(now_ns, {"imu_offset": moved_ns / NS_PER_S})

    def add_prediction(
        self, clip: Clip, prediction: Prediction, *, is_worn: bool = True
    ) -> list[DriftRecord]:
        """Process a clip and its prediction; return the records of a block's end.

        The first clips of a stream are partial and are ignored. Samples of a wearable
        that is not worn are not missing.
        """
        if prediction.partial:
            return []
        typical = self._typical_embedding(clip) if len(clip.features) else None
        values = clip_signals(clip, prediction, typical)
        if self._worn and is_worn:
            values["imu_missing"] = float(clip.imu is None)
        records = self._observe(prediction.end_ns, values)
        # After _observe, which may end the block before.
        self._guessed |= prediction.modality not in self._calibrated
        return records

    def snapshot(self) -> dict[str, Any]:
        """Return the state for a restart, as JSON values."""
        return {
            "origin": asdict(self._origin),
            "monitor": self._monitor.snapshot(),
            "typical": _listed(self._typical),
            "clips": self._clips,
            "view": _listed(self._meter.view),
            "view_box": list(self._meter.box),
            "view_settled": self._meter.settled,
            "worn": self._worn,
            "usual_offset_ns": self._usual_offset_ns,
            "latest_batch_ns": self._latest_batch_ns + self._monitor.correction_ns,
            "confidences": self._accuracy.confidences,
            "implies": self._implies,
        }

    def restore(self, memory: Mapping[str, Any], now_ns: int) -> list[DriftRecord]:
        """Restore the return value of ``snapshot`` if the origin is the same.

        Returns:
            The open alerts (one alert if the model or its prompts changed), and the
            status.

        Raises:
            ValueError, LookupError, TypeError, OverflowError: If the memory is
                damaged; the subject learns again.
        """
        try:
            origin = Origin(**memory["origin"])
            if origin != self._origin:
                return self._change_origin(origin, now_ns)
            self._monitor.restore(memory["monitor"])
            self._typical = _array(memory["typical"], 1)
            self._clips = int(memory["clips"])
            top, bottom, left, right = (int(side) for side in memory["view_box"])
            self._meter.restore(
                _array(memory["view"], 2),
                (top, bottom, left, right),
                settled=bool(memory["view_settled"]),
            )
            self._worn = bool(memory["worn"])
            usual_ns = memory["usual_offset_ns"]
            self._usual_offset_ns = None if usual_ns is None else float(usual_ns)
            # The saved time may be later than now: the clock may have been set back.
            self._latest_batch_ns = min(now_ns, int(memory["latest_batch_ns"]))
            for confidence in memory["confidences"]:
                self._accuracy.add(float(confidence))
            self._implies &= bool(memory.get("implies", True))
        except (LookupError, OverflowError, TypeError, ValueError):
            self.relearn()
            raise
        return [*self.open_alerts, self.status(now_ns)]

    def _change_origin(self, before: Origin, now_ns: int) -> list[DriftRecord]:
        """Report which parts of the origin changed; alert if the model or prompts."""
        changed = [
            name
            for name, was in asdict(before).items()
            if was != asdict(self._origin)[name]
        ]
        names = " and ".join(name.replace("_", " ") for name in changed)
        status = self.status(now_ns, f"another {names} than before: learning again")
        if changed == ["camera"]:
            return [status]
        came_to = f"drift {self._origin.model} {self._origin.prompt_set}"
        self._model_alert = DriftAlert(
            alert_id=make_event_id(self._subject_id, came_to, 0),
            subject_id=self._subject_id,
            state="alerted",
            signal="model",
            change=0.0,
            statistic=0.0,
            threshold=0.0,
            cause="model",
            since_ns=now_ns,
            decided_ns=now_ns,
        )
        return [self._model_alert, status]

    def _observe(
        self, timestamp_ns: int, values: Mapping[str, float]
    ) -> list[DriftRecord]:
        """Add measurements; return the alerts and the status at the end of a block."""
        blocks = self._monitor.blocks
        alerts = self._monitor.observe(timestamp_ns, values)
        if self._monitor.blocks == blocks:
            return []
        if self._monitor.blocks >= self._settings.blocks_per_day:
            self._meter.settle()
        records: list[DriftRecord] = [*alerts]
        opened = self._model_alert
        if opened is not None and self._monitor.detector is not None:
            over = replace(opened, state="recovered", decided_ns=timestamp_ns)
            records.append(over)
            self._model_alert = None
        self._imply(float(self._monitor.latest[_CONFIDENCE]))
        return [*records, self.status(timestamp_ns)]

    def _imply(self, confidence: float) -> None:
        """Add a block's mean confidence; NaN if the block had no answer.

        One answer without calibrated confidence excludes its block, and the next block
        too if its own is too short to count.
        """
        if not np.isnan(confidence):
            self._implies = not self._guessed
            if self._implies:
                self._accuracy.add(confidence)
        self._guessed = False

    def _typical_embedding(self, clip: Clip) -> np.ndarray | None:
        """Return the mean of the first day's embeddings; None during that day."""
        if self._monitor.blocks >= self._settings.blocks_per_day:
            return self._typical
        embedding = clip_embedding(clip)
        self._clips += 1
        if self._typical is None:
            self._typical = np.zeros_like(embedding)
        self._typical += (embedding - self._typical) / self._clips
        return None


def picture_signals(stats: PictureStats) -> dict[str, float]:
    """Return the drift signals of a picture, by name."""
    values = {
        "luma": stats.luma,
        "sharpness": stats.sharpness,
        "covered": stats.covered_ratio,
        "black": stats.black_ratio,
    }
    return values if stats.shift_px is None else {**values, "shift": stats.shift_px}


def clip_signals(
    clip: Clip, prediction: Prediction, typical: np.ndarray | None
) -> dict[str, float]:
    """Return the drift signals of a clip and its prediction, by name.

    ``typical`` is the mean embedding of the first day, of any norm; None if unknown.
    """
    values = {
        "confidence": prediction.confidence,
        "margin": prediction.margin,
        "entropy": prediction.entropy,
    }
    if typical is None:
        return values
    embedding = clip_embedding(clip)
    if typical.shape != embedding.shape:
        return values
    length = max(float(np.linalg.norm(typical)), 1e-6)
    return {**values, "distance": 1.0 - float(embedding @ typical) / length}


def clip_embedding(clip: Clip) -> Float32[np.ndarray, " dim"]:
    """Return the mean of a clip's features as one unit vector."""
    mean = clip.features.reshape(len(clip.features), -1).mean(axis=0)
    embedding: Float32[np.ndarray, " dim"] = mean / max(
        float(np.linalg.norm(mean)), 1e-6
    )
    return embedding


def _listed(array: np.ndarray | None) -> list[Any] | None:
    return None if array is None else np.round(array.astype(np.float64), 5).tolist()


def _array(numbers: list[Any] | None, axes: int) -> np.ndarray | None:
    if numbers is None:
        return None
    with np.errstate(over="ignore"):  # overflow gives infinity, rejected below
        array = np.array(numbers, np.float32)
    if array.ndim != axes or not array.size or not np.isfinite(array).all():
        msg = f"an array of {array.ndim} axes, expected {axes} and finite numbers"
        raise ValueError(msg)
    return array
