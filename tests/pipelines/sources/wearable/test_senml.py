import json
from typing import Any

import pytest

from pipelines.errors import PayloadError
from pipelines.sources.wearable.payload import parse_imu_payload
from pipelines.sources.wearable.raw_batch import RawImuBatch

TOPIC = "ward/wrist"
ARRIVAL_NS = 1_700_000_001 * 10**9
AXES = ("accel_x", "accel_y", "accel_z", "gyro_x", "gyro_y", "gyro_z")


def records_at(time_s: float, values: tuple[float, ...]) -> list[dict[str, Any]]:
    return [
        {
            "n": name,
            "u": "m/s2" if "accel" in name else "rad/s",
            "v": value,
            "t": time_s,
        }
        for name, value in zip(AXES, values, strict=True)
    ]


def parse(records: list[dict[str, Any]]) -> RawImuBatch:
    payload = json.dumps(records).encode()
    return parse_imu_payload(payload, topic=TOPIC, arrival_ns=ARRIVAL_NS)


def test_base_fields_hold_until_they_are_said_again() -> None:
    pack = [
        {"bn": "urn:dev:mac:0024befffe804ff1:", "bt": 1.7e9, "bu": "m/s2",
         "n": "accel_x", "v": 1},
        {"n": "accel_y", "v": 2},
        {"n": "accel_z", "v": 3},
        {"bu": "rad/s", "bv": 10, "n": "gyro_x", "v": 4},
        {"n": "gyro_y", "v": 5},
        {"n": "gyro_z", "v": 6},
    ]  # fmt: skip
    batch = parse(pack)
    assert batch.device_ns.tolist() == [1_700_000_000_000_000_000]
    assert batch.accel_mps2.tolist() == [[1, 2, 3]]
    assert batch.gyro_radps.tolist() == [[14, 15, 16]]
    assert not batch.relative


def test_a_pack_without_a_gyroscope_needs_three_axes() -> None:
    batch = parse(records_at(1.7e9, (1.0,) * 6)[:3])
    assert batch.accel_mps2.tolist() == [[1, 1, 1]]
    assert batch.gyro_radps.tolist() == [[0, 0, 0]]
    with pytest.raises(PayloadError, match=r"accel_z.*missing at a time"):
        parse(records_at(1.7e9, (1.0,) * 6)[:2])


def test_samples_are_put_in_time_order() -> None:
    late, early = (1.0,) * 6, (2.0,) * 6
    batch = parse(records_at(1.7e9 + 0.02, late) + records_at(1.7e9, early))
    assert batch.accel_mps2[:, 0].tolist() == [2, 1]
    assert (batch.device_ns[1] - batch.device_ns[0]) == 20_000_000


def test_small_times_count_from_the_arrival() -> None:
    batch = parse(records_at(-0.02, (0.0,) * 6) + records_at(0, (0.0,) * 6))
    assert batch.device_ns.tolist() == [ARRIVAL_NS - 20_000_000, ARRIVAL_NS]
    assert batch.relative


def test_the_boundary_of_relative_times_is_two_to_the_28() -> None:
    assert parse(records_at(2**28 - 1, (0.0,) * 6)).relative
    assert parse(records_at(2**28, (0.0,) * 6)).device_ns.tolist() == [2**28 * 10**9]


def test_other_measurements_are_passed_over() -> None:
    battery = {"n": "battery", "u": "%EL", "v": 80}
    other_word = {"n": "myaccel_x", "u": "V", "vs": "text"}
    batch = parse([battery, other_word, *records_at(0, (0.0,) * 6)])
    assert len(batch.device_ns) == 1


GOOD = records_at(0, (0.0,) * 6)


@pytest.mark.parametrize(
    ("pack", "field", "problem"),
    [
        (
            [],
            "n",
            "no record is named accel_x, accel_y, accel_z, gyro_x, gyro_y, gyro_z",
        ),
        ([1], "[0]", "expected an object, got 1"),
        (
            [{**GOOD[0], "u": "g"}],
            "[0].u",
            "unit 'g', expected 'm/s2'; convert at the sender",
        ),
        (
            [{**GOOD[3], "u": "deg/s"}],
            "[0].u",
            "unit 'deg/s', expected 'rad/s'; convert at the sender",
        ),
        (
            [{"n": "accel_x", "v": 1}],
            "[0].u",
            "unit None, expected 'm/s2'; convert at the sender",
        ),
        ([{"n": "accel_x", "u": "m/s2", "s": 1}], "[0].v", "missing"),
        ([{**GOOD[0], "v": "1"}], "[0].v", "expected a number, got '1'"),
        (
            [{**GOOD[0], "v": 1e300}],
            "[0].v",
            "expected a number from -2000 to 2000, got 1e+300",
        ),
        (
            [{**GOOD[0], "t": 1e12}],
            "[0].t",
            "expected a number from 0 to 4.29497e+09, got 1e+12",
        ),
        (
            [{**GOOD[0], "t": -1e12}],
            "[0].t",
            "expected a number from -2.68435e+08 to inf, got -1e+12",
        ),
        ([{**GOOD[0], "n": 5}], "[0].n", "expected a text, got 5"),
        ([{"bn": "x" * 256}], "[0].bn", "256 characters, expected at most 255"),
        ([{"bver": 11}], "[0].bver", "version 11, expected at most 10"),
        ([{"new_": 1}], "[0]", "field 'new_' is required but not supported"),
        (GOOD[:5], "gyro_z", "missing at a time that others have"),
        ([*GOOD, GOOD[1]], "accel_y", "twice at one time"),
        (
            [*GOOD, {**GOOD[0], "n": "left/accel_x"}],
            "n",
            "names two devices, '' and 'left/'",
        ),
        (
            [*GOOD, {**GOOD[0], "t": 1.7e9}],
            "t",
            "relative and absolute times in one pack",
        ),
        ([{}] * 80_001, "payload", "80001 records, expected at most 80000"),
    ],
)
def test_a_malformed_pack_is_refused(
    pack: list[dict[str, Any]], field: str, problem: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        parse(pack)
    assert str(caught.value) == f"{TOPIC}: {field}: {problem}"
