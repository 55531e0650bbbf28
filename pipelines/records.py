"""Every record that passes through the pipelines, from a frame to an event.

Times are ``int`` nanoseconds of UTC on one clock (``pipelines.clock``). Records are
frozen; those that hold arrays compare by identity and hold them read-only.

Axis words: time, height, width, sample, dim, token, label.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int64, UInt8

SourceState = Literal["connecting", "online", "stalled", "offline"]
TimeBase = Literal["sender", "arrival", "presentation"]
Modality = Literal["video", "imu", "fused"]
EventState = Literal["started", "ended"]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a subject, scaled and framed as the model wants it.

    ``timestamp_ns`` is the picture's own capture time; ``tick`` is the number of the
    grid step that it was picked for (``pipelines.sources.grid``).
    """

    subject_id: str
    timestamp_ns: int
    tick: int
    pixels: UInt8[np.ndarray, "height width 3"]

    def __post_init__(self) -> None:
        self.pixels.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class ImuBatch:
    """Samples of one wearable in time order; gravity stays in ``accel_mps2``."""

    device_id: str
    timestamps_ns: Int64[np.ndarray, " sample"]
    accel_mps2: Float32[np.ndarray, "sample 3"]
    gyro_radps: Float32[np.ndarray, "sample 3"]

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
    a full buffer let go since the source began.
    """

    source_id: str
    state: SourceState
    since_ns: int
    reason: str
    time_base: TimeBase
    reconnects: int = 0
    dropped: int = 0


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
    """What a clip shows: probabilities over the labels, and the raw cosines."""

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


def make_event_id(subject_id: str, name: str, start_ns: int) -> str:
    """Name an episode so that a restarted process finds the same name.

    Returns:
        16 hexadecimal digits of a SHA-256 over the three facts.
    """
    text = f"{subject_id}\n{name}\n{start_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
