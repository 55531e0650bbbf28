"""Every record that passes through the pipelines, from a frame to an event.

Times are ``int`` nanoseconds of pipeline time (``pipelines.clock``). Records are
frozen; those that hold arrays compare by identity and hold them read-only.

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


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a subject, scaled and framed as the model wants it.

    ``timestamp_ns`` is the picture's own capture time; ``tick`` is the number of the
    grid step that it was picked for (``pipelines.sources.camera.grid``).
    """

    subject_id: str
    timestamp_ns: int
    tick: int
    pixels: UInt8[np.ndarray, "height width 3"]

    def __post_init__(self) -> None:
        self.pixels.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class ImuBatch:
    """Samples of one wearable in time order; gravity stays in ``accel_mps2``.

    ``clock_offset_ns`` is what was added to the device's times to get ours.
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

    ``time_base`` says whose clock stamps the data: the sender's (RTCP sender
    reports), ours at arrival, or a file's presentation time. ``dropped`` counts what
    a full buffer let go since the source began; ``bridged`` counts the pictures whose
    sender time was missing or wild, and was taken from a model of the sender's clock.
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
        """The source that this is the state of."""
        return SourceKey(self.subject_id, self.role)


@dataclass(frozen=True, slots=True)
class PictureStats:
    """What a picture says of its camera; from a luma picture of at most 64 pixels.

    ``luma`` is its mean, 0 to 255; ``sharpness`` the mean edge as a share of the
    contrast; ``covered_ratio`` the share without structure; ``black_ratio`` the share
    that is black beside the brightest parts; ``shift_px`` how far the view has moved
    from where it was learnt to look, in pixels of the small picture, or None while
    that is being learnt.
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
    """A frame after the encoder; ``reused`` if an unchanged picture lent it."""

    timestamp_ns: int
    tick: int
    feature: Float32[np.ndarray, "..."]
    reused: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """The content of one window: features in time order, without its gaps.

    ``start_ns`` and ``end_ns`` are the times of the first and the last frame held.
    ``missing_frames`` counts gaps since the stream began; a window that reaches back
    before the stream began is ``partial``. ``slots`` gives each feature's place in
    the full window, 0 to frames - 1, so that the middle frame is known despite gaps.
    """

    subject_id: str
    start_ns: int
    end_ns: int
    features: Float32[np.ndarray, "time ..."]
    slots: tuple[int, ...]
    imu: Float32[np.ndarray, "sample 6"] | None
    imu_rate_hz: float | None
    reused_frames: int
    missing_frames: int
    partial: bool


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a clip shows: probabilities over the labels, and the raw cosines.

    ``confidence`` is that of ``label``, the likeliest; ``fits`` is false if no label
    comes near the clip, however likely the likeliest is.
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


@dataclass(frozen=True, slots=True)
class ActionEvent:
    """An episode of one event, from its onset to its end.

    ``start_ns`` is the onset as the scores tell it, ``decided_ns`` the time of the
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
    """A signal of a subject has left what was normal for it, or is back.

    ``change`` is in the signal's own unit, ``statistic`` and ``threshold`` in standard
    deviations of a block; ``since_ns`` is when the change began as the sums tell it,
    ``decided_ns`` the end of the block that decided. The signal ``model`` is no
    measurement: its change, statistic and threshold are zero.
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
    """How drift is watched for, at the end of a block.

    ``learning_left_s`` is how long the learning period still lasts; while it does, only
    what the sources themselves report is noticed. ``accuracy`` is the share of right
    answers that calibrated confidence implies, lately, with its 95 % interval; None
    with fewer than three blocks, or where the latest block holds an answer whose
    confidence nobody calibrated. ``note`` says why learning began anew.
    """

    subject_id: str
    state: DriftState
    learning_left_s: float
    accuracy: tuple[float, float, float] | None
    decided_ns: int
    note: str = ""


def make_event_id(subject_id: str, name: str, start_ns: int) -> str:
    """Name an episode so that a restarted process finds the same name.

    Returns:
        16 hexadecimal digits of a SHA-256 over the three facts.
    """
    text = f"{subject_id}\n{name}\n{start_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
