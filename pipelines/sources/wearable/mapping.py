"""Reading of messages in a vendor's own JSON, by a declaration instead of code.

A ``PayloadMapping`` says by JSON pointers (RFC 6901) where a message holds its samples:

    {"ts": 1700000000123, "data": [{"x": 12, "y": -980, "z": 40}, ...]}

    samples: /data      the list of samples; without it the message is one sample
    time: /ts           of the message, or of each sample if the pointer begins with ./
    time_unit: ms
    rate_hz: 25         a number, or a pointer into the message
    accel: [./x, ./y, ./z]
    accel_unit: mg

A pointer that begins with ``./`` starts at each sample, one that begins with ``/`` at
the message. Where ``accel`` or ``gyro`` point at lists of numbers in the message, these
are the columns of the samples. A single pointer instead of three points at x, y and z
in one list: of a sample, or of all samples one after another. Everything else in a
message is ignored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from jaxtyping import Float32, Int64

from pipelines.clock import NS_PER_S
from pipelines.errors import PayloadError
from pipelines.sources.wearable.raw_batch import (
    LEAST_RATE_HZ,
    MOST_ACCEL_MPS2,
    MOST_GYRO_RADPS,
    MOST_RATE_HZ,
    MOST_SAMPLES,
    RawImuBatch,
    checked_axis,
    checked_number,
    shown,
    unix_time_ns,
)

AccelUnit = Literal["mps2", "g", "mg"]
GyroUnit = Literal["radps", "degps", "mdegps"]
TimeUnit = Literal["s", "ms", "us", "ns"]

_MPS2_PER_UNIT = {"mps2": 1.0, "g": 9.80665, "mg": 9.80665e-3}
_RADPS_PER_UNIT = {
    "radps": 1.0,
    "degps": float(np.pi / 180),
    "mdegps": float(np.pi / 180_000),
}
_PER_S = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_AXES = 3


@final
@dataclass(frozen=True, slots=True)
class PayloadMapping:
    """Where a vendor's messages hold what.

    Attributes:
        accel: Pointers to acceleration with gravity in x, y, z, or one to all three.
        accel_unit: Its unit.
        accel_scale: Factor of the raw numbers before the unit.
        gyro: The same for turn rates; None without a gyroscope.
        gyro_unit: Its unit.
        gyro_scale: Factor of the raw numbers before the unit.
        samples: Pointer to the list of samples; None if the message is one sample or
            ``accel`` points at lists.
        time: Pointer to the Unix time of the first sample, or of each; None if the
            message has none, so that its last sample has the time of arrival.
        time_unit: Its unit.
        rate_hz: Samples per second, or a pointer to it; needed where a message holds
            several samples without a time of their own.

    Raises:
        ValueError: If a pointer is malformed, there are not one or three of them, a
            scale is zero, or the rate is out of range.
    """

    accel: Sequence[str]
    accel_unit: AccelUnit = "mps2"
    accel_scale: float = 1.0
    gyro: Sequence[str] | None = None
    gyro_unit: GyroUnit = "radps"
    gyro_scale: float = 1.0
    samples: str | None = None
    time: str | None = None
    time_unit: TimeUnit = "s"
    rate_hz: float | str | None = None

    def __post_init__(self) -> None:
        for name, pointers in (("accel", self.accel), ("gyro", self.gyro)):
            if pointers is not None and len(pointers) not in (1, _AXES):
                msg = f"{name} has {len(pointers)} pointers, expected x, y, z or one"
                raise ValueError(msg)
        one_each = self.samples, self.time, self.rate_hz
        given = [pointer for pointer in one_each if isinstance(pointer, str)]
        for pointer in (*self.accel, *(self.gyro or ()), *given):
            if not pointer.startswith(("/", "./")):
                msg = f"{pointer!r} is no pointer; write /name or, in a sample, ./name"
                raise ValueError(msg)
        if isinstance(self.rate_hz, float | int):
            self._check_rate(self.rate_hz)
        for name in ("accel_scale", "gyro_scale"):
            if not np.isfinite(getattr(self, name)) or not getattr(self, name):
                msg = f"{name} {getattr(self, name)}, expected a number but zero"
                raise ValueError(msg)

    def _check_rate(self, rate_hz: float) -> None:
        if not LEAST_RATE_HZ <= rate_hz <= MOST_RATE_HZ:
            msg = f"rate_hz {rate_hz}, expected {LEAST_RATE_HZ} to {MOST_RATE_HZ}"
            raise ValueError(msg)


def read_mapped(
    document: object, mapping: PayloadMapping, *, topic: str, arrival_ns: int
) -> RawImuBatch:
    """Convert a message to samples.

    Times of a message without any count from ``arrival_ns``; errors name the topic.

    Raises:
        PayloadError: If a field is missing or no number, or too many samples.
    """
    message = _Message(document, mapping, topic)
    samples = message.samples()
    accel = message.axes(
        samples,
        mapping.accel,
        mapping.accel_scale * _MPS2_PER_UNIT[mapping.accel_unit],
        MOST_ACCEL_MPS2,
    )
    gyro = np.zeros_like(accel)
    if mapping.gyro is not None:
        factor = mapping.gyro_scale * _RADPS_PER_UNIT[mapping.gyro_unit]
        gyro = message.axes(samples, mapping.gyro, factor, MOST_GYRO_RADPS)
    if len(gyro) != len(accel):
        problem = f"{len(gyro)} samples, expected {len(accel)} as of the acceleration"
        raise PayloadError(topic, "gyro", problem)
    times_ns = message.times_ns(samples, len(accel), arrival_ns)
    if len(times_ns) != len(accel):
        problem = f"{len(times_ns)} times for {len(accel)} samples"
        raise PayloadError(topic, "time", problem)
    order = np.argsort(times_ns, kind="stable")
    return RawImuBatch(
        times_ns[order], accel[order], gyro[order], relative=mapping.time is None
    )


@final
@dataclass(frozen=True, slots=True)
class _Message:
    """One message with its mapping, and its topic for errors."""

    document: object
    mapping: PayloadMapping
    topic: str

    def samples(self) -> list[object]:
        """Return the samples of a message; one if it has no list of them."""
        if self.mapping.samples is None:
            return [self.document]
        found = self._at(self.document, self.mapping.samples)
        if not isinstance(found, list) or not found:
            problem = f"expected a list of samples, got {shown(found)}"
            raise PayloadError(self.topic, self.mapping.samples, problem)
        self._check_count(len(found), self.mapping.samples)
        return found

    def axes(
        self, samples: list[object], pointers: Sequence[str], factor: float, most: float
    ) -> Float32[np.ndarray, "sample 3"]:
        """Return three axes of all samples, in the project's unit."""
        if len(pointers) == 1:
            fields = list(pointers) * _AXES
            columns = self._split(samples, pointers[0])
        else:
            fields = list(pointers)
            columns = [self._column(samples, pointer) for pointer in pointers]
        for field, column in zip(fields, columns, strict=True):
            if len(column) != len(columns[0]):
                problem = f"{len(column)} values, expected {len(columns[0])}"
                raise PayloadError(self.topic, field, problem)
        rows = [
            [
                checked_axis(
                    self._number(value, field) * factor,
                    where=self.topic,
                    field=field,
                    most=most,
                )
                for value, field in zip(row, fields, strict=True)
            ]
            for row in zip(*columns, strict=True)
        ]
        return np.array(rows, np.float32).reshape(-1, _AXES)

    def times_ns(
        self, samples: list[object], count: int, arrival_ns: int
    ) -> Int64[np.ndarray, " sample"]:
        """Return the time of each sample."""
        pointer = self.mapping.time
        if pointer is not None and pointer.startswith("./"):
            each = [self._time_ns(self._at(one, pointer)) for one in samples]
            return np.array(each, np.int64)
        steps_ns = np.zeros(1)
        if count > 1:
            steps_ns = np.rint(np.arange(count) * (NS_PER_S / self._rate_hz()))
        whole_ns = steps_ns.astype(np.int64)
        if pointer is None:
            first_ns = arrival_ns - int(whole_ns[-1])
        else:
            first_ns = self._time_ns(self._at(self.document, pointer))
        times_ns: Int64[np.ndarray, " sample"] = first_ns + whole_ns
        return times_ns

    def _column(self, samples: list[object], pointer: str) -> list[object]:
        """Return the values of an axis: of each sample, or a list in the message."""
        if pointer.startswith("./"):
            return [self._at(one, pointer) for one in samples]
        found = self._at(self.document, pointer)
        if not isinstance(found, list):
            return [found]
        if not found:
            raise PayloadError(self.topic, pointer, "is an empty list")
        self._check_count(len(found), pointer)
        return found

    def _split(self, samples: list[object], pointer: str) -> list[list[object]]:
        """Return x, y and z of lists that hold all three, one after another."""
        values: list[object] = []
        for found in self._column(samples, pointer):
            values += found if isinstance(found, list) else [found]
        self._check_count(len(values) // _AXES, pointer)
        if len(values) % _AXES:
            problem = f"{len(values)} values, expected x, y and z of each sample"
            raise PayloadError(self.topic, pointer, problem)
        return [values[axis::_AXES] for axis in range(_AXES)]

    def _check_count(self, count: int, pointer: str) -> None:
        if count > MOST_SAMPLES:
            problem = f"{count} samples, expected at most {MOST_SAMPLES}"
            raise PayloadError(self.topic, pointer, problem)

    def _rate_hz(self) -> float:
        given = self.mapping.rate_hz
        if given is None:
            problem = "needed: a message holds several samples without times"
            raise PayloadError(self.topic, "rate_hz", problem)
        if not isinstance(given, str):
            return float(given)
        return checked_number(
            self._number(self._at(self.document, given), given),
            where=self.topic,
            field=given,
            least=LEAST_RATE_HZ,
            most=MOST_RATE_HZ,
        )

    def _time_ns(self, value: object) -> int:
        pointer = self.mapping.time or ""
        seconds = self._number(value, pointer) / _PER_S[self.mapping.time_unit]
        return unix_time_ns(seconds, where=self.topic, field=pointer)

    def _number(self, value: object, pointer: str) -> float:
        """Return a number, which vendors also send as text."""
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                problem = f"expected a number, got {shown(value)}"
                raise PayloadError(self.topic, pointer, problem) from None
        return checked_number(value, where=self.topic, field=pointer)

    def _at(self, document: object, pointer: str) -> object:
        """Return what a pointer points at (RFC 6901)."""
        found = document
        for name in pointer.removeprefix(".").split("/")[1:]:
            key = name.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            else:
                raise PayloadError(self.topic, pointer, "missing")
        return found
