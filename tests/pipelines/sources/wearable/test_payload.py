import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipelines.errors import PayloadError
from pipelines.sources.wearable.payload import (
    MOST_PAYLOAD_BYTES,
    encode_imu_payload,
    parse_imu_payload,
)
from pipelines.sources.wearable.raw_batch import RawImuBatch

TOPIC = "wardwatch/ward-3/imu/wrist"
GOOD: dict[str, Any] = {
    "v": 1,
    "t_s": 1_700_000_000.5,
    "rate_hz": 50,
    "accel_mps2": [[0.5, 0, 9.75], [0.25, -1, 9.5]],
    "gyro_radps": [[0, 0, 1], [0, 0.5, -1.5]],
}


def parse(payload: bytes) -> RawImuBatch:
    return parse_imu_payload(payload, topic=TOPIC, arrival_ns=1_700_000_001 * 10**9)


def parse_with(**changes: Any) -> RawImuBatch:
    return parse(json.dumps({**GOOD, **changes}).encode())


def test_samples_are_spaced_evenly_from_the_first_time() -> None:
    batch = parse_with()
    assert batch.device_ns.tolist() == [
        1_700_000_000_500_000_000,
        1_700_000_000_520_000_000,
    ]
    assert batch.accel_mps2.tolist() == GOOD["accel_mps2"]
    assert batch.gyro_radps.tolist() == GOOD["gyro_radps"]
    assert not batch.relative


def test_a_wearable_without_a_gyroscope_leaves_it_out() -> None:
    given = {name: value for name, value in GOOD.items() if name != "gyro_radps"}
    batch = parse(json.dumps(given).encode())
    assert batch.accel_mps2.tolist() == GOOD["accel_mps2"]
    assert batch.gyro_radps.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_unknown_fields_are_let_be() -> None:
    assert len(parse_with(battery=0.8).device_ns) == 2


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"v": 2}, "v", "unknown version 2, expected 1"),
        ({"v": True}, "v", "unknown version True, expected 1"),
        ({"v": "1"}, "v", "unknown version '1', expected 1"),
        ({"t_s": "now"}, "t_s", "expected a number, got 'now'"),
        ({"t_s": None}, "t_s", "expected a number, got None"),
        ({"t_s": -1}, "t_s", "expected a number from 0 to 4.29497e+09, got -1"),
        (
            {"t_s": 1.7e12},
            "t_s",
            "expected a number from 0 to 4.29497e+09, got 1.7e+12",
        ),
        ({"rate_hz": 0}, "rate_hz", "expected a number from 1 to 4000, got 0"),
        ({"rate_hz": -50}, "rate_hz", "expected a number from 1 to 4000, got -50"),
        ({"rate_hz": 1e9}, "rate_hz", "expected a number from 1 to 4000, got 1e+09"),
        ({"rate_hz": 10**400}, "rate_hz", "expected a finite number"),
        (
            {"accel_mps2": []},
            "accel_mps2",
            "expected a list of [x, y, z], got a list of 0",
        ),
        (
            {"accel_mps2": {}},
            "accel_mps2",
            "expected a list of [x, y, z], got an object",
        ),
        (
            {"accel_mps2": [[1, 2, 3]] * 3},
            "gyro_radps",
            "2 samples, expected 3 as in accel_mps2",
        ),
        (
            {"accel_mps2": [[1, 2]]},
            "accel_mps2[0]",
            "expected [x, y, z], got a list of 2",
        ),
        ({"accel_mps2": [1, 2, 3]}, "accel_mps2[0]", "expected [x, y, z], got 1"),
        (
            {"gyro_radps": [[0, 0, 0], [0, "1", 0]]},
            "gyro_radps[1][1]",
            "expected a number, got '1'",
        ),
        (
            {"gyro_radps": [[0, 0, True]]},
            "gyro_radps[0][2]",
            "expected a number, got True",
        ),
        (
            {"gyro_radps": [[0, 0, 450]]},
            "gyro_radps[0][2]",
            "expected a number from -100 to 100, got 450",
        ),
        (
            {"accel_mps2": [[0, 0, 1e300]]},
            "accel_mps2[0][2]",
            "expected a number from -2000 to 2000, got 1e+300",
        ),
        (
            {"accel_mps2": [[0, 0, 9]] * 10_001},
            "accel_mps2",
            "10001 samples, expected at most 10000",
        ),
    ],
)
def test_a_malformed_field_is_named(
    changes: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_with(**changes)
    assert str(caught.value) == f"{TOPIC}: {field}: {problem}"


@pytest.mark.parametrize("field", [name for name in GOOD if name != "gyro_radps"])
def test_a_missing_field_is_named(field: str) -> None:
    document = {name: value for name, value in GOOD.items() if name != field}
    with pytest.raises(PayloadError, match=rf"^{TOPIC}: {field}: missing$"):
        parse(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"", "not JSON: Expecting value at character 0"),
        (b"{'v': 1}", "not JSON: Expecting property name .* at character 1"),
        (b'{"v": 1, "t_s": \xff}', "not UTF-8 at byte 16"),
        (b'{"v": 1, "t_s": NaN}', "NaN is not a number in JSON"),
        (b'{"v": 1, "t_s": -Infinity}', "-Infinity is not a number in JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5_000, "holds an integer of thousands of digits"),
        (b"null", "expected an object or a SenML array, got None"),
        (b'"text"', "expected an object or a SenML array, got 'text'"),
    ],
)
def test_what_is_no_document_is_refused(payload: bytes, problem: str) -> None:
    with pytest.raises(PayloadError, match=rf"^{TOPIC}: payload: {problem}"):
        parse(payload)


def test_a_number_beyond_floats_is_refused() -> None:
    text = json.dumps(GOOD).replace("9.75", "1e400")
    with pytest.raises(PayloadError, match=r"accel_mps2\[0\]\[2\]: expected a finite"):
        parse(text.encode())


def test_a_hundred_megabytes_are_refused_before_they_are_parsed() -> None:
    payload = b"[" * 100_000_000  # parsed, this would be nested too deeply
    with pytest.raises(
        PayloadError, match=r"payload: 100000000 bytes, expected at most"
    ):
        parse(payload)


def test_the_largest_payload_is_parsed() -> None:
    payload = json.dumps(GOOD).encode()
    assert len(parse(payload.ljust(MOST_PAYLOAD_BYTES)).device_ns) == 2
    with pytest.raises(PayloadError, match=r"payload: 1048577 bytes"):
        parse(payload.ljust(MOST_PAYLOAD_BYTES + 1))


def test_foreign_text_is_shown_short_and_printable() -> None:
    with pytest.raises(PayloadError) as caught:
        parse_with(v="\ud800\n" + "x" * 1000)
    assert str(caught.value).isascii() is False  # the mark where it was cut
    assert len(str(caught.value)) < 120
    assert "\n" not in str(caught.value)


def check_is_valid(batch: RawImuBatch) -> None:
    count = len(batch.device_ns)
    assert count >= 1
    assert batch.accel_mps2.shape == batch.gyro_radps.shape == (count, 3)
    assert np.all(np.isfinite(batch.accel_mps2))
    assert np.all(np.isfinite(batch.gyro_radps))
    assert np.all(np.diff(batch.device_ns) > 0)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_a_payload_error(payload: bytes) -> None:
    try:
        batch = parse(payload)
    except PayloadError:
        return
    check_is_valid(batch)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["accel_x", "gyro_z", "m/s2", "rad/s", 50, 1, 10**400])
)
ODD = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4), max_leaves=12)


@pytest.mark.slow
@given(
    st.fixed_dictionaries(
        {}, optional={name: ODD | st.just(GOOD[name]) for name in GOOD}
    )
)
def test_any_object_is_a_batch_or_a_payload_error(document: dict[str, object]) -> None:
    try:
        batch = parse(json.dumps(document).encode())
    except PayloadError:
        return
    check_is_valid(batch)


FIELDS = ["bn", "bt", "bu", "bv", "bver", "n", "u", "v", "t", "s", "x_"]
GOOD_PACK = [
    {"n": f"{name}_{axis}", "u": unit, "v": 1, "t": 0}
    for name, unit in (("accel", "m/s2"), ("gyro", "rad/s"))
    for axis in "xyz"
]


@pytest.mark.slow
@given(st.integers(0, 5), st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=3))
def test_any_pack_is_a_batch_or_a_payload_error(
    place: int, changes: dict[str, object]
) -> None:
    pack = list(GOOD_PACK)
    pack[place] = {**pack[place], **changes}
    try:
        batch = parse(json.dumps(pack).encode())
    except PayloadError:
        return
    check_is_valid(batch)


@pytest.mark.slow
@given(
    st.integers(0, 4 * 10**9),
    st.floats(1, 4000),
    st.integers(1, 20).flatmap(
        lambda count: arrays(
            np.float32, (count, 6), elements=st.floats(-100, 100, width=32)
        )
    ),
)
def test_what_is_encoded_is_parsed(
    first_s: int, rate_hz: float, values: np.ndarray
) -> None:
    payload = encode_imu_payload(first_s * 10**9, rate_hz, values[:, :3], values[:, 3:])
    batch = parse(payload)
    assert batch.device_ns[0] == first_s * 10**9
    assert np.array_equal(batch.accel_mps2, values[:, :3])
    assert np.array_equal(batch.gyro_radps, values[:, 3:])
    steps_s = np.arange(len(values)) / rate_hz
    assert np.allclose((batch.device_ns - batch.device_ns[0]) / 1e9, steps_s, atol=1e-9)
