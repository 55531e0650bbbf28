"""Samples of a wearable on the device's clock, and the checks that all readers share.

A ``RawImuBatch`` becomes an ``ImuBatch`` when its clock is corrected
(``pipelines.sources.wearable.device_clock``) or, for a file, when its origin is added.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64

from pipelines.clock import seconds_to_ns
from pipelines.errors import PayloadError
from pipelines.records import ImuBatch
from pipelines.redaction import redact

MOST_UNIX_TIME_S = float(1 << 32)
"""February 2106; a greater number is rejected, most likely it is in milliseconds."""

MOST_ACCEL_MPS2 = 2000.0
"""About 200 g, the range of the widest wearable sensors."""

MOST_GYRO_RADPS = 100.0
"""About 5700 degrees a second; a greater number is most likely in degrees."""

MOST_SAMPLES = 10_000
"""Greatest number of samples in a message; parsing blocks the other sources."""

LEAST_RATE_HZ, MOST_RATE_HZ = 1.0, 4000.0
"""Samples a second that a message may state."""

_MOST_SHOWN = 40


@dataclass(frozen=True, slots=True, eq=False)
class RawImuBatch:
    """Samples in time order on the device's clock; at least one.

    ``relative`` is true if the device sent no absolute times, so that its times count
    from the arrival.
    """

    device_ns: Int64[np.ndarray, " sample"]
    accel_mps2: Float32[np.ndarray, "sample 3"]
    gyro_radps: Float32[np.ndarray, "sample 3"]
    relative: bool = False

    def on_pipeline_clock(self, subject_id: str, offset_ns: int) -> ImuBatch:
        """Return the batch with ``offset_ns`` added to the device's times."""
        return ImuBatch(
            subject_id,
            self.device_ns + offset_ns,
            self.accel_mps2,
            self.gyro_radps,
            offset_ns,
        )

    def take(
        self, chosen: Int64[np.ndarray, " kept"] | Bool[np.ndarray, " sample"]
    ) -> "RawImuBatch":
        """Return the samples that ``chosen`` (indices or a mask) selects."""
        return RawImuBatch(
            self.device_ns[chosen],
            self.accel_mps2[chosen],
            self.gyro_radps[chosen],
            self.relative,
        )


def checked_number(
    value: object,
    *,
    where: str,
    field: str,
    least: float = -math.inf,
    most: float = math.inf,
) -> float:
    """Return ``value`` if it is a finite JSON number in ``[least, most]``.

    Raises:
        PayloadError: If it is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PayloadError(where, field, f"expected a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise PayloadError(where, field, "expected a finite number")
    if not least <= number <= most:
        problem = f"expected a number from {least:g} to {most:g}, got {number:g}"
        raise PayloadError(where, field, problem)
    return number


def checked_axis(value: object, *, where: str, field: str, most: float) -> float:
    """Return one axis of a sample if it is a number in ``[-most, most]``.

    Raises:
        PayloadError: If it is anything else; a wrong unit is a likely cause.
    """
    return checked_number(value, where=where, field=field, least=-most, most=most)


def unix_time_ns(value: object, *, where: str, field: str) -> int:
    """Return nanoseconds of a Unix time in seconds.

    Raises:
        PayloadError: If ``value`` is not a time between 1970 and 2106.
    """
    time_s = checked_number(
        value, where=where, field=field, least=0.0, most=MOST_UNIX_TIME_S
    )
    return seconds_to_ns(time_s)


def shown(value: object) -> str:
    """Format untrusted data for an error message: short, printable, on one line."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = redact(ascii(value))  # before cutting: a cut address is not recognised
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
