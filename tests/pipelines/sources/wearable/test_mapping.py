"""Messages of vendors, made from their public documentation."""

import json
from typing import Any

import pytest

from pipelines.errors import PayloadError
from pipelines.sources.wearable.mapping import PayloadMapping
from pipelines.sources.wearable.payload import parse_imu_payload
from pipelines.sources.wearable.raw_batch import RawImuBatch

TOPIC = "vendor/device-7"
ARRIVAL_NS = 1_700_000_100 * 10**9
G = 9.80665


def parse(document: Any, **mapping: Any) -> RawImuBatch:
    payload = json.dumps(document).encode()
    return parse_imu_payload(
        payload, topic=TOPIC, arrival_ns=ARRIVAL_NS, mapping=PayloadMapping(**mapping)
    )


def test_open_seizure_detector_sends_triples_in_one_list() -> None:
    batch = parse(
        {
            "dataType": "raw",
            "Mute": 0,
            "HR": 61,
            "data3D": [10, -20, 1000, 0, 0, 980, 500, 0, 0],
        },
        accel=["/data3D"],
        accel_unit="mg",
        rate_hz=25.0,
    )
    assert batch.accel_mps2[0] == pytest.approx([0.01 * G, -0.02 * G, G])
    assert batch.accel_mps2[2] == pytest.approx([0.5 * G, 0, 0])
    assert not batch.gyro_radps.any()
    steps_ns = [-80_000_000, -40_000_000, 0]
    assert batch.device_ns.tolist() == [ARRIVAL_NS + step for step in steps_ns]
    assert batch.relative


def test_zigbee2mqtt_sends_one_position_as_raw_numbers() -> None:
    batch = parse(
        {"battery": 97, "vibration": True, "x_axis": 30, "y_axis": 1, "z_axis": 998},
        accel=["/x_axis", "/y_axis", "/z_axis"],
        accel_unit="mg",
    )
    assert batch.accel_mps2[0] == pytest.approx([0.03 * G, 0.001 * G, 0.998 * G])
    assert batch.device_ns.tolist() == [ARRIVAL_NS]


def test_esphome_sends_lists_of_readings_with_a_time_in_milliseconds() -> None:
    batch = parse(
        {
            "time": 1_700_000_000_250,
            "rate": 50,
            "accel": {"x": [0.1, 0.2], "y": [9.8, 9.7], "z": [0, 0]},
            "gyro": {"x": [90, 0], "y": [0, 0], "z": [0, -180]},
        },
        accel=["/accel/x", "/accel/y", "/accel/z"],
        gyro=["/gyro/x", "/gyro/y", "/gyro/z"],
        gyro_unit="degps",
        time="/time",
        time_unit="ms",
        rate_hz="/rate",
    )
    assert batch.accel_mps2[1] == pytest.approx([0.2, 9.7, 0])
    assert batch.gyro_radps[0] == pytest.approx([1.5708, 0, 0], rel=1e-4)
    since_ns = batch.device_ns - 1_700_000_000_250_000_000
    assert since_ns.tolist() == pytest.approx([0, 20_000_000], abs=300)
    assert not batch.relative


def test_a_bluetooth_gateway_sends_numbers_as_text() -> None:
    batch = parse(
        {"id": "C1:02", "model": "RuuviTag", "accx": "0.12", "accy": "-9.8", "accz": 0},
        accel=["/accx", "/accy", "/accz"],
    )
    assert batch.accel_mps2[0] == pytest.approx([0.12, -9.8, 0])


def test_a_home_assistant_automation_sends_samples_with_their_own_times() -> None:
    batch = parse(
        {
            "samples": [
                {"t": 1_700_000_000.04, "a": [0.0, 0.0, 1.0]},
                {"t": 1_700_000_000.0, "a": [1.0, 0.0, 0.0]},
            ]
        },
        samples="/samples",
        accel=["./a"],
        accel_unit="g",
        time="./t",
    )
    assert batch.accel_mps2[0] == pytest.approx([G, 0, 0])  # in order of time
    assert batch.device_ns[1] - batch.device_ns[0] == pytest.approx(40_000_000, abs=300)


def test_names_with_slashes_and_places_in_lists_are_pointed_at() -> None:
    batch = parse(
        {"a/b": [{"c~d": 3}, 4, 5]}, accel=["/a~1b/0/c~0d", "/a~1b/1", "/a~1b/2"]
    )
    assert batch.accel_mps2.tolist() == [[3, 4, 5]]


XYZ = {"accel": ["/x", "/y", "/z"]}
SAMPLES = {"samples": "/data", "accel": ["./x", "./y", "./z"]}


@pytest.mark.parametrize(
    ("document", "mapping", "problem"),
    [
        ({"x": 1, "y": 2}, XYZ, "/z: missing"),
        ({"x": 1, "y": 2, "z": "up"}, XYZ, "/z: expected a number, got 'up'"),
        ({"x": 1, "y": 2, "z": 5e3}, XYZ, "/z: expected a number from -2000 to 2000"),
        ({"x": [1, 2], "y": [1], "z": [1, 2]}, XYZ, "/y: 1 values, expected 2"),
        ({"x": [1, 2], "y": [1, 2], "z": [1, 2]}, XYZ, "rate_hz: needed: a message"),
        ({"x": [], "y": [], "z": []}, XYZ, "/x: is an empty list"),
        ({"data": {}}, SAMPLES, "/data: expected a list of samples, got an object"),
        ({"data": [{"x": 1, "y": 1}]}, SAMPLES, "./z: missing"),
        ([1, 2, 3], XYZ, "/x: missing"),
        ({"a": [1, 2]}, {"accel": ["/a"]}, "/a: 2 values, expected x, y and z of each"),
        ({"a": [1] * 30_003}, {"accel": ["/a"]}, "/a: 30003 samples, expected at most"),
        (
            {"x": 1, "y": 2, "z": 3, "t": 1.7e12},
            {**XYZ, "time": "/t"},
            "/t: expected a number from 0 to 4.29497e+09, got 1.7e+12",
        ),
        (
            {"x": [1, 2], "y": [1, 2], "z": [1, 2], "hz": 0},
            {**XYZ, "rate_hz": "/hz"},
            "/hz: expected a number from 1 to 4000, got 0",
        ),
        (
            {"x": [1, 2], "y": [1, 2], "z": [1, 2], "t": 1.7e9},
            {**XYZ, "time": "./t"},
            "time: 1 times for 2 samples",
        ),
        (
            {"a": [1, 2, 3], "g": [1, 2, 3, 4, 5, 6]},
            {"accel": ["/a"], "gyro": ["/g"]},
            "gyro: 2 samples, expected 1 as of the acceleration",
        ),
    ],
)
def test_a_wrong_message_is_told_in_one_line_with_topic_and_field(
    document: Any, mapping: dict[str, Any], problem: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        parse(document, **mapping)
    told = str(caught.value)
    assert told.startswith(f"{TOPIC}: {problem}")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ({"accel": ["/x", "/y"]}, r"^accel has 2 pointers, expected x, y, z or one$"),
        (
            {"accel": ["x"]},
            r"^'x' is no pointer; write /name or, in a sample, \./name$",
        ),
        ({**XYZ, "time": "t"}, r"^'t' is no pointer"),
        (
            {**XYZ, "accel_scale": 0.0},
            r"^accel_scale 0\.0, expected a number but zero$",
        ),
    ],
)
def test_a_wrong_mapping_is_refused(mapping: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        PayloadMapping(**mapping)
