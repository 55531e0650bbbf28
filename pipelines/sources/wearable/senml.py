"""Parsing of a wearable's SenML JSON (RFC 8428).

A pack has one record for each axis and time. The name, including the base name, ends in
one of six words, alone or after a character that is not a letter or digit
(``urn:dev:mac:0024befffe804ff1:accel_x``, ``wrist/gyro_z``, ``accel_y``):

    accel_x accel_y accel_z    acceleration, gravity included, unit ``m/s2``
    gyro_x  gyro_y  gyro_z     turn rate, unit ``rad/s``

The unit is required, as ``u`` or ``bu``; other units are not converted. Every time in a
pack needs all six axes, once each, from one device, or the three of the accelerometer
if the pack has no turn rate at all. Records of other names (battery, temperature) are
ignored.

Times are ``bt`` + ``t``: from 2^28 up they are Unix time; below (also negative) they
count from the arrival of the message. A pack must not mix the two. Sums (``s``) are not
read. The RFC requires that a field that ends in ``_`` is understood; no such field is
supported, so the pack is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.clock import seconds_to_ns
from pipelines.errors import PayloadError
from pipelines.sources.wearable.raw_batch import (
    MOST_ACCEL_MPS2,
    MOST_GYRO_RADPS,
    MOST_SAMPLES,
    RawImuBatch,
    checked_axis,
    checked_number,
    shown,
    unix_time_ns,
)

_AXIS_NAMES = ("accel_x", "accel_y", "accel_z", "gyro_x", "gyro_y", "gyro_z")
_ACCEL_AXES = 3
_MOTION_NAME = re.compile(rf"(?:.*[^a-zA-Z0-9])?({'|'.join(_AXIS_NAMES)})", re.DOTALL)
_RECORDS_PER_SAMPLE = len(_AXIS_NAMES) + 2
_RELATIVE_BELOW_S = float(1 << 28)
_NEWEST_VERSION = 10.0
_MOST_NAME_LENGTH = 255
"""Greatest length of a name: a long base name, joined to each record's name, would cost
quadratic time."""
_TIME_STEP_NS = 1_000
"""Step to which times are rounded: the times of one sample may differ by rounding."""


@dataclass(slots=True)
class _Base:
    """Base values, valid from their record until another record replaces them."""

    name: str = ""
    time_s: float = 0.0
    unit: str | None = None
    value: float = 0.0


@dataclass(frozen=True, slots=True)
class _Reading:
    axis: int
    device: str
    time_ns: int
    relative: bool
    value: float


def read_senml(
    records: Sequence[object], *, topic: str, arrival_ns: int
) -> RawImuBatch:
    """Convert a SenML pack to samples.

    Relative times count from ``arrival_ns``; errors name the topic.

    Raises:
        PayloadError: If the pack is malformed, has other units, or an incomplete
            sample.
    """
    most = MOST_SAMPLES * _RECORDS_PER_SAMPLE
    if len(records) > most:
        problem = f"{len(records)} records, expected at most {most}"
        raise PayloadError(topic, "payload", problem)
    base = _Base()
    readings: list[_Reading] = []
    for index, record in enumerate(records):
        if not isinstance(record, dict):
            problem = f"expected an object, got {shown(record)}"
            raise PayloadError(topic, f"[{index}]", problem)
        reading = _Record(record, index, topic).read(base, arrival_ns)
        if reading is not None:
            readings.append(reading)
    if not readings:
        problem = f"no record is named {', '.join(_AXIS_NAMES)}"
        raise PayloadError(topic, "n", problem)
    _check_one_device(readings, topic)
    return _assemble(readings, topic)


@dataclass(frozen=True, slots=True)
class _Record:
    """One record of a pack, with its index and topic for error messages."""

    fields: dict[str, object]
    index: int
    topic: str

    def read(self, base: _Base, arrival_ns: int) -> _Reading | None:
        """Update ``base``; return the reading, or None for another quantity."""
        self._check_understood()
        base.name = self._text("bn", base.name) or ""
        base.time_s = self._number("bt", base.time_s)
        base.unit = self._text("bu", base.unit)
        base.value = self._number("bv", base.value)
        name = base.name + (self._text("n", "") or "")
        match = _MOTION_NAME.fullmatch(name)
        if match is None:
            return None
        axis = _AXIS_NAMES.index(match[1])
        unit, most = (
            ("m/s2", MOST_ACCEL_MPS2)
            if axis < _ACCEL_AXES
            else ("rad/s", MOST_GYRO_RADPS)
        )
        self._check_unit(self._text("u", base.unit), unit)
        if "v" not in self.fields:
            raise PayloadError(self.topic, self._place("v"), "missing")
        value = checked_axis(
            base.value + self._number("v", 0.0),
            where=self.topic,
            field=self._place("v"),
            most=most,
        )
        time_s = base.time_s + self._number("t", 0.0)
        relative = time_s < _RELATIVE_BELOW_S
        time_ns = self._time_ns(time_s, arrival_ns)
        return _Reading(axis, name[: match.start(1)], time_ns, relative, value)

    def _time_ns(self, time_s: float, arrival_ns: int) -> int:
        where, field = self.topic, self._place("t")
        if time_s < _RELATIVE_BELOW_S:
            checked_number(time_s, where=where, field=field, least=-_RELATIVE_BELOW_S)
            time_ns = arrival_ns + seconds_to_ns(time_s)
        else:
            time_ns = unix_time_ns(time_s, where=where, field=field)
        return (time_ns + _TIME_STEP_NS // 2) // _TIME_STEP_NS * _TIME_STEP_NS

    def _check_understood(self) -> None:
        for field in self.fields:
            if field.endswith("_"):
                problem = f"field {shown(field)} is required but not supported"
                raise PayloadError(self.topic, self._place(), problem)
        version = self._number("bver", _NEWEST_VERSION)
        if not 1 <= version <= _NEWEST_VERSION:
            problem = f"version {version:g}, expected at most {_NEWEST_VERSION:g}"
            raise PayloadError(self.topic, self._place("bver"), problem)

    def _check_unit(self, unit: str | None, expected: str) -> None:
        if unit != expected:
            problem = (
                f"unit {shown(unit)}, expected {expected!r}; convert at the sender"
            )
            raise PayloadError(self.topic, self._place("u"), problem)

    def _number(self, field: str, default: float) -> float:
        value = self.fields.get(field, default)
        return checked_number(value, where=self.topic, field=self._place(field))

    def _text(self, field: str, default: str | None) -> str | None:
        value = self.fields.get(field, default)
        if value is not default and not isinstance(value, str):
            problem = f"expected a text, got {shown(value)}"
            raise PayloadError(self.topic, self._place(field), problem)
        if value is not None and len(value) > _MOST_NAME_LENGTH:
            problem = f"{len(value)} characters, expected at most {_MOST_NAME_LENGTH}"
            raise PayloadError(self.topic, self._place(field), problem)
        return value

    def _place(self, field: str = "") -> str:
        return f"[{self.index}].{field}" if field else f"[{self.index}]"


def _check_one_device(readings: Sequence[_Reading], topic: str) -> None:
    first = readings[0]
    for reading in readings:
        if reading.device != first.device:
            problem = (
                f"names two devices, {shown(first.device)} and {shown(reading.device)}"
            )
            raise PayloadError(topic, "n", problem)
        if reading.relative != first.relative:
            raise PayloadError(topic, "t", "relative and absolute times in one pack")


def _assemble(readings: Sequence[_Reading], topic: str) -> RawImuBatch:
    samples: dict[int, dict[int, float]] = {}
    for reading in readings:
        axes = samples.setdefault(reading.time_ns, {})
        name = _AXIS_NAMES[reading.axis]
        if reading.axis in axes:
            raise PayloadError(topic, name, "twice at one time")
        axes[reading.axis] = reading.value
    has_gyro = any(reading.axis >= _ACCEL_AXES for reading in readings)
    needed = _AXIS_NAMES if has_gyro else _AXIS_NAMES[:_ACCEL_AXES]
    for axes in samples.values():
        for axis, name in enumerate(needed):
            if axis not in axes:
                raise PayloadError(topic, name, "missing at a time that others have")
    times_ns = sorted(samples)
    rows = [
        [samples[time].get(axis, 0.0) for axis in range(len(_AXIS_NAMES))]
        for time in times_ns
    ]
    values = np.array(rows, dtype=np.float32)
    return RawImuBatch(
        np.array(times_ns, dtype=np.int64),
        values[:, :3],
        values[:, 3:],
        relative=readings[0].relative,
    )
