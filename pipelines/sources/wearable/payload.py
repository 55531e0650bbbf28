"""Strict parsing of a wearable's messages, in our own JSON format or SenML JSON.

Our own format is one object with samples evenly spaced from ``t_s`` (Unix time of the
first sample) at ``rate_hz``::

    {"v": 1, "t_s": 1700000000.0, "rate_hz": 50,
     "accel_mps2": [[0.1, 0.2, 9.8], ...], "gyro_radps": [[0.0, 0.1, 0.0], ...]}

Both lists contain one ``[x, y, z]`` for each sample; gravity is included. A wearable
without a gyroscope leaves ``gyro_radps`` out; its turn rates are then zero. Other
fields are ignored. An array instead of an object is SenML:
``pipelines.sources.wearable.senml``. What vendors send is described by a mapping:
``pipelines.sources.wearable.mapping``.

A payload is untrusted: its size is checked before parsing, and every fault raises a
``PayloadError`` that names topic and field.
"""

import json
from typing import NoReturn

import numpy as np
from jaxtyping import Float32

from pipelines.clock import NS_PER_S, ns_to_seconds
from pipelines.errors import PayloadError
from pipelines.sources.wearable.mapping import PayloadMapping, read_mapped
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
from pipelines.sources.wearable.senml import read_senml

PAYLOAD_VERSION = 1
MOST_PAYLOAD_BYTES = 1 << 20
"""One second of 6 axes at 200 Hz is about 30 kB; this is room for half a minute."""

_AXES = 3


def parse_imu_payload(
    payload: bytes,
    *,
    topic: str,
    arrival_ns: int,
    mapping: PayloadMapping | None = None,
    most_bytes: int = MOST_PAYLOAD_BYTES,
) -> RawImuBatch:
    """Parse one message of a wearable.

    Relative times count from ``arrival_ns``; errors name the topic. With a ``mapping``
    the message is a vendor's. A payload of more than ``most_bytes`` is refused.

    Returns:
        At least one sample, in time order, on the device's clock.

    Raises:
        PayloadError: If the message is malformed.
    """
    if len(payload) > most_bytes:
        problem = f"{len(payload)} bytes, expected at most {most_bytes}"
        raise PayloadError(topic, "payload", problem)
    document = _load_json(payload, topic)
    if mapping is not None:
        return read_mapped(document, mapping, topic=topic, arrival_ns=arrival_ns)
    if isinstance(document, dict):
        return _read_own(document, topic)
    if isinstance(document, list):
        return read_senml(document, topic=topic, arrival_ns=arrival_ns)
    problem = f"expected an object or a SenML array, got {shown(document)}"
    raise PayloadError(topic, "payload", problem)


def encode_imu_payload(
    first_ns: int,
    rate_hz: float,
    accel_mps2: Float32[np.ndarray, "sample 3"],
    gyro_radps: Float32[np.ndarray, "sample 3"],
) -> bytes:
    """Encode samples in our own JSON format, which ``parse_imu_payload`` reads.

    Times are of Unix; acceleration includes gravity.
    """
    document = {
        "v": PAYLOAD_VERSION,
        "t_s": ns_to_seconds(first_ns),
        "rate_hz": rate_hz,
        "accel_mps2": accel_mps2.tolist(),
        "gyro_radps": gyro_radps.tolist(),
    }
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def _load_json(payload: bytes, topic: str) -> object:
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 at byte {error.start}"
        raise PayloadError(topic, "payload", problem) from None

    def refuse_constant(name: str) -> NoReturn:
        raise PayloadError(topic, "payload", f"{name} is not a number in JSON")

    try:
        document: object = json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error.msg} at character {error.pos}"
        raise PayloadError(topic, "payload", problem) from None
    except ValueError:  # Python rejects integers of more than 4300 digits
        problem = "holds an integer of thousands of digits"
        raise PayloadError(topic, "payload", problem) from None
    except RecursionError:
        raise PayloadError(topic, "payload", "nested too deeply") from None
    return document


def _read_own(document: dict[str, object], topic: str) -> RawImuBatch:
    version = _field(document, "v", topic)
    if isinstance(version, bool) or version != PAYLOAD_VERSION:
        problem = f"unknown version {shown(version)}, expected {PAYLOAD_VERSION}"
        raise PayloadError(topic, "v", problem)
    first_ns = unix_time_ns(_field(document, "t_s", topic), where=topic, field="t_s")
    rate_hz = checked_number(
        _field(document, "rate_hz", topic),
        where=topic,
        field="rate_hz",
        least=LEAST_RATE_HZ,
        most=MOST_RATE_HZ,
    )
    accel = _triples(document, "accel_mps2", MOST_ACCEL_MPS2, topic)
    gyro = np.zeros_like(accel)
    if "gyro_radps" in document:
        gyro = _triples(document, "gyro_radps", MOST_GYRO_RADPS, topic)
    if len(accel) != len(gyro):
        problem = f"{len(gyro)} samples, expected {len(accel)} as in accel_mps2"
        raise PayloadError(topic, "gyro_radps", problem)
    steps_ns = np.rint(np.arange(len(accel)) * (NS_PER_S / rate_hz)).astype(np.int64)
    return RawImuBatch(first_ns + steps_ns, accel, gyro)


def _field(document: dict[str, object], name: str, topic: str) -> object:
    if name not in document:
        raise PayloadError(topic, name, "missing")
    return document[name]


def _triples(
    document: dict[str, object], name: str, most: float, topic: str
) -> Float32[np.ndarray, "sample 3"]:
    rows = _field(document, name, topic)
    if not isinstance(rows, list) or not rows:
        problem = f"expected a list of [x, y, z], got {shown(rows)}"
        raise PayloadError(topic, name, problem)
    if len(rows) > MOST_SAMPLES:
        problem = f"{len(rows)} samples, expected at most {MOST_SAMPLES}"
        raise PayloadError(topic, name, problem)
    triples = [
        _triple(row, f"{name}[{index}]", most, topic) for index, row in enumerate(rows)
    ]
    return np.array(triples, dtype=np.float32)


def _triple(row: object, field: str, most: float, topic: str) -> list[float]:
    if not isinstance(row, list) or len(row) != _AXES:
        raise PayloadError(topic, field, f"expected [x, y, z], got {shown(row)}")
    return [
        checked_axis(value, where=topic, field=f"{field}[{axis}]", most=most)
        for axis, value in enumerate(row)
    ]
