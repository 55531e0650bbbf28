"""Every record that passes through the pipelines, from a frame to an event.

Times are ``int`` nanoseconds of pipeline time (``pipelines.clock``). Records are
frozen. Records with arrays compare by identity; their arrays are read-only.

Axis words: time, height, width, sample, dim, token, label.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from models.window import Modality

SourceRole = Literal["camera", "imu"]
SourceState = Literal["connecting", "online", "stalled", "offline"]
TimeBase = Literal["sender", "arrival", "presentation"]
EventState = Literal["started", "ended"]
DriftState = Literal["learning", "watching", "alerted"]
FALL = "fall"
"""The event from the beginning of a fall until the person is up again."""
BED_EXIT = "bed exit"
"""The event from the leaving of the bed until the person lies in it again."""
LONG_LIE = "long lie"
"""The event of somebody who lies on the floor where no fall was seen."""
BedState = Literal["in", "out"]
WornState = Literal["worn", "not worn"]

DriftCause = Literal[
    "dark",
    "blurred",
    "covered",
    "moved",
    "imu silent",
    "imu offset",
    "model",
    "unknown",
]


class SourceKey(NamedTuple):
    """Key of a source: subject and role. A subject has one source of each role."""

    subject_id: str
    role: SourceRole


class Placement(NamedTuple):
    """Where a square frame shows the camera's whole picture, in sides of the frame.

    With bars around the picture, it is smaller than the frame. Of a cropped picture it
    extends beyond the frame.
    """

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0


NO_BARS = Placement()
"""Placement of a square camera picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a subject, scaled and framed to the model's input size.

    ``timestamp_ns`` is the capture time of the picture; ``tick`` is the number of its
    grid step (``pipelines.sources.camera.grid``). ``person`` is the number of the
    person that the picture shows alone; 0 if it shows everything in view. ``is_seen``
    is whether that person was found lately. ``placement`` is where a camera's frame
    shows the camera's whole picture.
    """

    subject_id: str
    timestamp_ns: int
    tick: int
    pixels: UInt8[np.ndarray, "height width 3"]
    person: int = 0
    is_seen: bool = True
    placement: Placement = NO_BARS

    def __post_init__(self) -> None:
        self.pixels.setflags(write=False)

    @property
    def shown_px(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of what a camera's frame shows between bars."""
        height, width, _ = self.pixels.shape
        left, top = max(0.0, self.placement.left), max(0.0, self.placement.top)
        right = min(1.0, self.placement.left + self.placement.width)
        bottom = min(1.0, self.placement.top + self.placement.height)
        if not (left < right and top < bottom):
            return 0, 0, width, height
        x, y = round(left * width), round(top * height)
        return (
            *(min(x, width - 1), min(y, height - 1)),
            max(x + 1, round(right * width)),
            max(y + 1, round(bottom * height)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class PersonPose:
    """A person in a camera's picture, without pixels.

    ``number`` identifies the person among those of the subject's view, and stays for as
    long as they are followed. ``landmarks`` are the 33 landmarks of BlazePose: x and y
    in sides of the square picture from its upper left corner, and visibility, 0 to 1.
    """

    number: int
    landmarks: Float32[np.ndarray, "33 3"]


@dataclass(frozen=True, slots=True)
class PeopleCount:
    """The number of people in a subject's view, from ``timestamp_ns`` on."""

    subject_id: str
    timestamp_ns: int
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class ImuBatch:
    """Samples of one wearable in time order; ``accel_mps2`` includes gravity.

    ``clock_offset_ns`` was added to the device's times to get pipeline time.
    """

    subject_id: str
    timestamps_ns: Int64[np.ndarray, " sample"]
    accel_mps2: Float32[np.ndarray, "sample 3"]
    gyro_radps: Float32[np.ndarray, "sample 3"]
    clock_offset_ns: int = 0

    def __post_init__(self) -> None:
        count = len(self.timestamps_ns)
        for name in ("accel_mps2", "gyro_radps"):
            shape = getattr(self, name).shape
            if shape != (count, 3):
                msg = f"{name} has shape {shape}, expected {(count, 3)}"
                raise ValueError(msg)
        for array in (self.timestamps_ns, self.accel_mps2, self.gyro_radps):
            array.setflags(write=False)


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source's state from ``since_ns`` on.

    ``time_base`` names the clock of the timestamps: the sender's (RTCP sender
    reports), this machine's at arrival, or a file's presentation time. ``dropped``
    counts the items that a full buffer dropped since the source began. ``bridged``
    counts the pictures whose sender time was missing or implausible, and was computed
    from a model of the sender's clock.
    """

    subject_id: str
    role: SourceRole
    state: SourceState
    since_ns: int
    reason: str
    time_base: TimeBase
    reconnects: int = 0
    dropped: int = 0
    bridged: int = 0

    @property
    def source(self) -> SourceKey:
        """Key of the source."""
        return SourceKey(self.subject_id, self.role)


@dataclass(frozen=True, slots=True)
class PictureStats:
    """Statistics of a picture's luma, scaled to at most 64 pixels a side, for drift.

    ``luma`` is the mean luma, 0 to 255. ``sharpness`` is the mean edge as a share of
    the contrast. ``covered_ratio`` is the share of the picture without structure.
    ``black_ratio`` is the share that is black relative to the brightest parts.
    ``shift_px`` is the distance of the view from the learnt view, in pixels of the
    small picture; None while the view is being learnt.
    """

    subject_id: str
    timestamp_ns: int
    luma: float
    sharpness: float
    covered_ratio: float
    black_ratio: float
    shift_px: float | None


@dataclass(frozen=True, slots=True, eq=False)
class FrameFeature:
    """A frame's feature; ``reused`` if copied from an earlier, equal picture."""

    timestamp_ns: int
    tick: int
    feature: Float32[np.ndarray, "..."]
    reused: bool = False
    person: int = 0
    is_seen: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """The content of one window: features in time order, without its gaps.

    ``start_ns`` and ``end_ns`` are the times of the first and the last frame.
    ``missing_frames`` counts the gaps since the stream began. ``partial`` is true if
    the window starts before the stream. ``slots`` are the features' positions in the
    full window, 0 to frames - 1; they identify the middle frame despite gaps. ``imu``
    has samples with z up; they begin up to three seconds before the first frame.

    If several people are in view, the clip is of the leading person, the one in view
    longest. ``others`` are the clips of the other people in the same window, without
    samples. A person's stream begins when they come into view. ``person`` is the number
    of the person of the clip; 0 for a clip of everything in view. ``is_seen`` is that
    of the last frame.
    """

    subject_id: str
    start_ns: int
    end_ns: int
    features: Float32[np.ndarray, "time ..."]
    slots: tuple[int, ...]
    imu: Float32[np.ndarray, "sample 6"] | None
    imu_rate_hz: float | None
    missing_frames: int
    partial: bool
    others: tuple["Clip", ...] = ()
    person: int = 0
    is_seen: bool = True


@dataclass(frozen=True, slots=True)
class Prediction:
    """The scores of a clip: probabilities of the labels, and the raw cosines.

    ``label`` is the most probable label and ``confidence`` its probability. ``fits`` is
    false if no label is similar enough to the clip, whatever the probabilities.
    ``is_seen`` is false if the person had not been found in the last quarter second.
    ``could_be_fall`` is false if the wearable felt no impact, or still moves strongly.
    """

    subject_id: str
    start_ns: int
    end_ns: int
    label: str
    confidence: float
    margin: float
    entropy: float
    scores: Mapping[str, float]
    cosines: Mapping[str, float]
    modality: Modality
    model: str
    prompt_set: str
    partial: bool
    missing_frames: int
    fits: bool = True
    is_seen: bool = True
    could_be_fall: bool = True


@dataclass(frozen=True, slots=True)
class ActionEvent:
    """An episode of one event, from its onset to its end.

    ``start_ns`` is the onset according to the scores, ``decided_ns`` the time of the
    newest frame when this state was decided.
    """

    event_id: str
    subject_id: str
    name: str
    label: str
    state: EventState
    start_ns: int
    end_ns: int | None
    decided_ns: int
    peak_confidence: float
    modality: Modality
    model: str
    prompt_set: str


@dataclass(frozen=True, slots=True)
class DriftAlert:
    """A change of a signal from its baseline, or its return to the baseline.

    ``change`` is in the signal's own unit, ``statistic`` and ``threshold`` in standard
    deviations of a block. ``since_ns`` is the start of the change, estimated by the
    CUSUM; ``decided_ns`` is the end of the block of the decision. The signal ``model``
    is not measured: its change, statistic and threshold are zero.
    """

    alert_id: str
    subject_id: str
    state: Literal["alerted", "recovered"]
    signal: str
    change: float
    statistic: float
    threshold: float
    cause: DriftCause
    since_ns: int
    decided_ns: int


@dataclass(frozen=True, slots=True)
class DriftStatus:
    """The state of drift detection at the end of a block.

    ``learning_left_s`` is the rest of the learning period, in seconds; during it, only
    faults that the sources report are detected. ``accuracy`` is the recent share of
    right answers implied by calibrated confidence, with its 95 % interval; None with
    fewer than three blocks, or if the latest block has an answer without calibrated
    confidence. ``note`` is the reason why learning restarted. ``confidence`` is the
    mean of the block's answers, None without any. ``level`` is how near drift detection
    is to an alert, 0 to 1, where 1 is an open alert; None while it learns.
    """

    subject_id: str
    state: DriftState
    learning_left_s: float
    accuracy: tuple[float, float, float] | None
    decided_ns: int
    note: str = ""
    confidence: float | None = None
    level: float | None = None


@dataclass(frozen=True, slots=True)
class BedStatus:
    """Whether the person is in bed, from ``since_ns`` on.

    There is none before the first that is certain.
    """

    subject_id: str
    state: BedState
    since_ns: int


@dataclass(frozen=True, slots=True)
class WornStatus:
    """Whether the wearable is worn, from ``since_ns`` on.

    There is none before the first that is certain.
    """

    subject_id: str
    state: WornState
    since_ns: int


def make_event_id(subject_id: str, name: str, start_ns: int) -> str:
    """Return the id of an episode; a restarted process computes the same id.

    Returns:
        16 hexadecimal digits of a SHA-256 over the three arguments.
    """
    text = f"{subject_id}\n{name}\n{start_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
