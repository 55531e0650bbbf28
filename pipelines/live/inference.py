"""Inference from frames to features and from clips to predictions, in batches.

A frame is encoded at most once, and an unchanged picture reuses the feature of the
latest encoded picture. Pictures are compared by the mean luma of up to 256 cells, and
the cell that changed most decides: a person far away who moves changes few cells, while
camera noise averages out within a cell. The comparison is always with the picture that
was encoded, so that slow changes add up, and a feature is reused for a limited time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float32, UInt8

from pipelines.clock import seconds_to_ns
from pipelines.live.impact import could_be_fall
from pipelines.recognition import ActionRecognizer, ClipScores, RecognizerInfo
from pipelines.records import Clip, Frame, FrameFeature, Prediction

_CELLS_PER_SIDE = 16
_LUMA_OF_RGB = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue; source: ITU-R BT.601."""
_URGENT_SCORE = 0.2
"""Least score of an urgent event that is shown instead of the leading person. It is
below the scores that an episode needs to begin and to go on (``EventSettings``)."""


@dataclass(frozen=True, slots=True)
class ReuseSettings:
    """When a picture counts as unchanged.

    Attributes:
        difference_luma: Least change of a cell's mean luma, on a scale of 0 to 255,
            that counts as a change; 0 encodes every picture.
        longest_s: Longest time that a feature is reused, in seconds.

    Raises:
        ValueError: If a value is negative or not a number.
    """

    difference_luma: float = 1.0
    longest_s: float = 2.0

    def __post_init__(self) -> None:
        for name in ("difference_luma", "longest_s"):
            value = getattr(self, name)
            if not 0.0 <= value < float("inf"):
                msg = f"{name} must be zero or more and finite, got {value}"
                raise ValueError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class _Encoded:
    timestamp_ns: int
    luma: Float32[np.ndarray, "row column"]
    feature: Float32[np.ndarray, "..."]


@final
class FrameEncoder:
    """Encoder of the frames of any number of subjects, one request at a time."""

    def __init__(self, recognizer: ActionRecognizer, reuse: ReuseSettings) -> None:
        self._recognizer = recognizer
        self._reuse = reuse
        self._longest_ns = seconds_to_ns(reuse.longest_s)
        self._encoded: dict[str, dict[int, _Encoded]] = {}
        """The latest encoded picture by subject and person."""

    async def encode(self, frames: Sequence[Frame]) -> list[FrameFeature]:
        """Return the feature of each frame, in order.

        All changed pictures are encoded in one request. If no picture changed, no
        request is made.

        Args:
            frames: At most one frame of each person, and of a subject those of all
                people in view.
        """
        lumas = [cell_luma(frame.pixels) for frame in frames]
        latest = [
            self._unchanged(frame, luma)
            for frame, luma in zip(frames, lumas, strict=True)
        ]
        changed = [place for place, encoded in enumerate(latest) if encoded is None]
        if changed:
            pixels = np.stack([frames[place].pixels for place in changed])
            features = await self._recognizer.encode(pixels)
            for place, feature in zip(changed, features, strict=True):
                taken_ns = frames[place].timestamp_ns
                latest[place] = _Encoded(taken_ns, lumas[place], feature)
        for frame in frames:  # the people who have left are forgotten
            self._encoded[frame.subject_id] = {}
        found = []
        for place, (frame, encoded) in enumerate(zip(frames, latest, strict=True)):
            assert encoded is not None
            self._encoded[frame.subject_id][frame.person] = encoded
            found.append(
                FrameFeature(
                    timestamp_ns=frame.timestamp_ns,
                    tick=frame.tick,
                    feature=encoded.feature,
                    reused=place not in changed,
                    person=frame.person,
                    is_seen=frame.is_seen,
                )
            )
        return found

    def forget(self, subject_id: str) -> None:
        """Forget the latest picture of a subject; do nothing if there is none."""
        self._encoded.pop(subject_id, None)

    def _unchanged(
        self, frame: Frame, luma: Float32[np.ndarray, "row column"]
    ) -> _Encoded | None:
        """Return the encoded picture that a frame equals; None if there is none."""
        encoded = self._encoded.get(frame.subject_id, {}).get(frame.person)
        if encoded is None or encoded.luma.shape != luma.shape:
            return None
        age_ns = frame.timestamp_ns - encoded.timestamp_ns
        change = float(np.abs(luma - encoded.luma).max())
        is_recent = 0 <= age_ns <= self._longest_ns
        is_equal = is_recent and change < self._reuse.difference_luma
        return encoded if is_equal else None


def cell_luma(
    pixels: UInt8[np.ndarray, "height width 3"],
) -> Float32[np.ndarray, "row column"]:
    """Return the mean luma of 16 by 16 cells, 0 to 255; fewer cells in a tiny picture.

    Less than one cell at the right and lower edge is left out.
    """
    height, width, _ = pixels.shape
    rows, columns = min(height, _CELLS_PER_SIDE), min(width, _CELLS_PER_SIDE)
    whole = pixels[: height - height % rows, : width - width % columns]
    # Averaging one axis at a time, lines first, is five times as fast as both at once.
    lines = whole.astype(np.float32).reshape(rows, height // rows, -1).mean(axis=1)
    cells = lines.reshape(rows, columns, width // columns, 3).mean(axis=2)
    luma: Float32[np.ndarray, "row column"] = cells @ _LUMA_OF_RGB
    return luma


Correct = Callable[[Clip, Prediction], Prediction]
"""Correction of a clip's prediction by what else is known about the person."""


async def recognise(
    recognizer: ActionRecognizer,
    clips: Sequence[Clip],
    correct: Correct = lambda _clip, prediction: prediction,
) -> list[Prediction]:
    """Return the corrected prediction of each clip, in order, from one request.

    With several people in a window, all are recognised. The prediction is that of the
    person with the highest score of an urgent event. If nobody's is high, it is that of
    the leading person. Nobody knows who wears the wearable, so its samples count for
    everybody.
    """
    if not clips:
        return []
    people = [
        (
            replace(clip, others=()),
            *(
                replace(other, imu=clip.imu, imu_rate_hz=clip.imu_rate_hz)
                for other in clip.others
            ),
        )
        for clip in clips
    ]
    everyone = [each for group in people for each in group]
    scores = await recognizer.classify(everyone)
    found = predictions_of(everyone, scores, recognizer.info)
    predictions = map(correct, everyone, found)
    return [
        _most_urgent([next(predictions) for _ in group], recognizer.info)
        for group in people
    ]


def _most_urgent(predictions: Sequence[Prediction], info: RecognizerInfo) -> Prediction:
    """Return the prediction that decides: the first one, or an urgent one."""
    urgencies = [
        sum(
            score
            for label, score in prediction.scores.items()
            if info.events[label] in info.urgent_events
        )
        for prediction in predictions
    ]
    place = int(np.argmax(urgencies))
    return predictions[place if urgencies[place] >= _URGENT_SCORE else 0]


def predictions_of(
    clips: Sequence[Clip], scores: ClipScores, info: RecognizerInfo
) -> list[Prediction]:
    """Convert scores to predictions.

    ``confidence`` is the greatest probability, ``margin`` its difference to the second
    (to 0 if there is one label), ``entropy`` is in nats.

    Raises:
        ValueError: If there is not one row of scores for each clip.
    """
    rows = zip(
        clips, scores.probabilities, scores.cosines, scores.modalities, strict=True
    )
    return [
        Prediction(
            subject_id=clip.subject_id,
            start_ns=clip.start_ns,
            end_ns=clip.end_ns,
            label=info.labels[int(np.argmax(probabilities))],
            confidence=float(probabilities.max()),
            margin=margin_of(probabilities),
            entropy=entropy_of(probabilities),
            scores=dict(zip(info.labels, probabilities.tolist(), strict=True)),
            cosines=dict(zip(info.labels, cosines.tolist(), strict=True)),
            modality=modality,
            model=info.model,
            prompt_set=info.prompt_set,
            partial=clip.partial,
            missing_frames=clip.missing_frames,
            fits=bool(cosines.max() >= info.cosine_floors.get(modality, -1.0)),
            is_seen=clip.is_seen,
            could_be_fall=could_be_fall(clip.imu, clip.imu_rate_hz),
        )
        for clip, probabilities, cosines, modality in rows
    ]


def margin_of(probabilities: Float32[np.ndarray, " label"]) -> float:
    """Return the difference of the greatest probability to the second, or to 0."""
    *_, second, first = np.sort(np.append(probabilities, 0.0))
    return float(first - second)


def entropy_of(probabilities: Float32[np.ndarray, " label"]) -> float:
    """Return the entropy of probabilities, in nats."""
    possible = probabilities[probabilities > 0.0].astype(np.float64)
    return float((possible * np.log(1.0 / possible)).sum())
