"""One subject's drift: what its frames, clips and wearable say, followed over months.

    Frame ─ at most one in 5 s ─▶ luma, sharpness, covered, shift ─┐
    Clip, Prediction ─▶ confidence, margin, entropy, distance ─────┼─▶ DriftMonitor
    ImuBatch ─▶ imu_missing, imu_offset ───────────────────────────┘

``distance`` is how far a clip's embedding lies from the mean of the first day, and
``shift`` how far the view has moved from where that day's pictures look: both are
learnt from the second day on.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, final

import numpy as np
from jaxtyping import Float32

from models.window import Modality
from pipelines.clock import NS_PER_S, seconds_to_ns
from pipelines.live.drift.implied_accuracy import ImpliedAccuracy
from pipelines.live.drift.picture_stats import PictureMeter
from pipelines.live.drift.settings import SIGNALS, DriftSettings
from pipelines.live.drift.signals import DriftMonitor
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
"""A wearable's clock is compared with where it was about an hour ago: crystals drift
apart for ever, and only a jump is news."""

_CONFIDENCE = tuple(SIGNALS).index("confidence")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a subject's answers come from; another one has another normal."""

    model: str
    prompt_set: str
    camera: str


@final
class SubjectDrift:
    """Measures and follows one subject.

    Args:
        origin: What its answers come from.
        subject_id: Whose.
        settings: Lengths and the stated rate.
        calibrated: What the answers rest on whose confidence implies an accuracy.
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
        self._elsewhere: DriftAlert | None = None
        self.relearn()

    def relearn(self) -> None:
        """Forget what is normal, and begin to learn it anew."""
        self._monitor.relearn()
        self._meter.forget_view()
        self._accuracy = ImpliedAccuracy(self._settings.blocks_per_day)
        self._typical: np.ndarray | None = None
        self._clips = 0
        self._implies = bool(self._calibrated)
        self._guessed = False

    @property
    def standing(self) -> tuple[DriftAlert, ...]:
        """The alerts that are not over."""
        watching = self._monitor.watching
        told = () if self._elsewhere is None else (self._elsewhere,)
        return told if watching is None else watching.standing

    def status(self, at_ns: int, note: str = "") -> DriftStatus:
        """Tell how drift is watched for at a time."""
        implied = self._accuracy.estimate() if self._implies else None
        return DriftStatus(
            subject_id=self._subject_id,
            state=self._monitor.state,
            learning_left_s=self._monitor.learning_left_s,
            accuracy=implied,
            decided_ns=at_ns,
            note=note,
        )

    def correct(self, correction_ns: int) -> None:
        """Take what to add to a time to get UTC: hours of the day are told in UTC."""
        self._monitor.correction_ns = correction_ns

    def see(self, frame: Frame) -> list[DriftRecord]:
        """Take a picked frame; return what a block that ended tells."""
        stats = self._meter.measure(frame)
        if stats is None:
            return []
        return self._observe(frame.timestamp_ns, picture_signals(stats))

    def feel(self, batch: ImuBatch) -> list[DriftRecord]:
        """Take a batch of the wearable; return what a block that ended tells."""
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

    def judge(self, clip: Clip, prediction: Prediction) -> list[DriftRecord]:
        """Take a clip and what it was taken for; return what a block's end tells.

        The first clips of a stream are partial and count for nothing.
        """
        if prediction.partial:
            return []
        typical = self._typical_embedding(clip) if len(clip.features) else None
        values = clip_signals(clip, prediction, typical)
        if self._worn:
            values["imu_missing"] = float(clip.imu is None)
        records = self._observe(prediction.end_ns, values)
        self._guessed |= prediction.modality not in self._calibrated  # of its own block
        return records

    def memory(self) -> dict[str, Any]:
        """Return all that a restarted process needs, for JSON."""
        return {
            "origin": asdict(self._origin),
            "monitor": self._monitor.memory(),
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

    def recall(self, memory: Mapping[str, Any], now_ns: int) -> list[DriftRecord]:
        """Go on from what ``memory`` returned, if the answers still come from there.

        Returns:
            The alerts that stand, one if the model or its prompts are others, and how
            it stands.

        Raises:
            ValueError, LookupError, TypeError, OverflowError: If it is damaged;
                learning begins anew.
        """
        try:
            origin = Origin(**memory["origin"])
            if origin != self._origin:
                return self._begin_elsewhere(origin, now_ns)
            self._monitor.recall(memory["monitor"])
            self._typical = _array(memory["typical"], 1)
            self._clips = int(memory["clips"])
            top, bottom, left, right = (int(side) for side in memory["view_box"])
            self._meter.recall(
                _array(memory["view"], 2),
                (top, bottom, left, right),
                settled=bool(memory["view_settled"]),
            )
            self._worn = bool(memory["worn"])
            usual_ns = memory["usual_offset_ns"]
            self._usual_offset_ns = None if usual_ns is None else float(usual_ns)
            # It may be later than now: the clock may be set later than it was before.
            self._latest_batch_ns = min(now_ns, int(memory["latest_batch_ns"]))
            for confidence in memory["confidences"]:
                self._accuracy.add(float(confidence))
            self._implies &= bool(memory.get("implies", True))
        except (LookupError, OverflowError, TypeError, ValueError):
            self.relearn()
            raise
        return [*self.standing, self.status(now_ns)]

    def _begin_elsewhere(self, before: Origin, now_ns: int) -> list[DriftRecord]:
        """Say what is another than it was, and learn anew."""
        changed = [
            name
            for name, was in asdict(before).items()
            if was != asdict(self._origin)[name]
        ]
        names = " and ".join(name.replace("_", " ") for name in changed)
        status = self.status(now_ns, f"another {names} than before: learning anew")
        if changed == ["camera"]:
            return [status]
        came_to = f"drift {self._origin.model} {self._origin.prompt_set}"
        self._elsewhere = DriftAlert(
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
        return [self._elsewhere, status]

    def _observe(
        self, timestamp_ns: int, values: Mapping[str, float]
    ) -> list[DriftRecord]:
        """Hand values on; at the end of a block say how it stands."""
        blocks = self._monitor.blocks
        alerts = self._monitor.observe(timestamp_ns, values)
        if self._monitor.blocks == blocks:
            return []
        if self._monitor.blocks >= self._settings.blocks_per_day:
            self._meter.settle()
        records: list[DriftRecord] = [*alerts]
        if self._elsewhere is not None and self._monitor.watching is not None:
            over = replace(self._elsewhere, state="recovered", decided_ns=timestamp_ns)
            records.append(over)
            self._elsewhere = None
        self._imply(float(self._monitor.latest[_CONFIDENCE]))
        return [*records, self.status(timestamp_ns)]

    def _imply(self, confidence: float) -> None:
        """Take a block's mean confidence; NaN if it had no answer.

        One answer whose confidence nobody calibrated spoils its block, and the next if
        its own is too short to count.
        """
        if not np.isnan(confidence):
            self._implies = not self._guessed
            if self._implies:
                self._accuracy.add(confidence)
        self._guessed = False

    def _typical_embedding(self, clip: Clip) -> np.ndarray | None:
        """Return the mean of the first day's embeddings; None while it is learnt."""
        if self._monitor.blocks >= self._settings.blocks_per_day:
            return self._typical
        embedding = clip_embedding(clip)
        self._clips += 1
        if self._typical is None:
            self._typical = np.zeros_like(embedding)
        self._typical += (embedding - self._typical) / self._clips
        return None


def picture_signals(stats: PictureStats) -> dict[str, float]:
    """Return what a picture says, by signal."""
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
    """Return what a clip and its answer say, by signal.

    Args:
        clip: What was seen.
        prediction: What it was taken for.
        typical: A typical embedding, of any length; None if that is not known.
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
    with np.errstate(over="ignore"):  # becomes infinite, which is refused
        array = np.array(numbers, np.float32)
    if array.ndim != axes or not array.size or not np.isfinite(array).all():
        msg = f"an array of {array.ndim} axes, expected {axes} and finite numbers"
        raise ValueError(msg)
    return array
