import numpy as np
import pytest

from pipelines.errors import PayloadError
from pipelines.sources.wearable.device_clock import ImuClock
from pipelines.sources.wearable.payload import encode_imu_payload
from pipelines.sources.wearable.receiver import ImuCounts, ImuReceiver

MS = 1_000_000
START_NS = 1_700_000_000 * 10**9
OFFSET_NS = 40 * MS


def receiver() -> ImuReceiver:
    return ImuReceiver("wrist", "ward/wrist", ImuClock())


def message(first_ms: int, count: int = 10) -> bytes:
    values = np.ones((count, 3), np.float32)
    return encode_imu_payload(START_NS + first_ms * MS, 50.0, values, values)


def arrival_ns(first_ms: int, count: int = 10) -> int:
    """Return when a message arrives that is sent at once."""
    return START_NS + (first_ms + 20 * (count - 1)) * MS + OFFSET_NS


def test_a_message_becomes_a_batch_on_the_pipeline_clock() -> None:
    batch = receiver().take(message(0), arrival_ns(0))
    assert batch is not None
    assert batch.subject_id == "wrist"
    assert batch.timestamps_ns.tolist() == [
        START_NS + OFFSET_NS + 20 * index * MS for index in range(10)
    ]


def test_the_offset_is_reported() -> None:
    device = receiver()
    device.take(message(0), arrival_ns(0))
    assert device.counts == ImuCounts(messages=1, samples=10, clock_offset_ns=OFFSET_NS)
    assert device.time_base == "sender"


def test_a_message_that_came_twice_is_dropped_and_counted() -> None:
    device = receiver()
    device.take(message(0), arrival_ns(0))
    assert device.take(message(0), arrival_ns(200)) is None
    assert device.counts.duplicate_samples == 10
    assert device.counts.samples == 10


def test_only_the_new_samples_of_an_overlapping_message_are_passed_on() -> None:
    device = receiver()
    device.take(message(0), arrival_ns(0))
    batch = device.take(message(100), arrival_ns(100))
    assert batch is not None
    assert len(batch.timestamps_ns) == 5
    assert device.counts.duplicate_samples == 5


def test_duplicates_are_known_although_times_are_rounded() -> None:
    device = receiver()
    values = np.ones((10, 3), np.float32)
    for first in range(50):  # each message repeats nine samples of the one before
        first_ns = START_NS + round(first * 1e6 / 60) * 1_000
        payload = encode_imu_payload(first_ns, 60.0, values, values)
        device.take(payload, first_ns + 150 * MS)
    assert device.counts.samples == 59
    assert device.counts.duplicate_samples == 500 - 59


def test_samples_of_the_future_are_refused_and_counted() -> None:
    device = receiver()
    device.take(message(0), arrival_ns(0))
    assert device.take(message(60_000), arrival_ns(200)) is None
    assert device.counts.future_samples == 10
    assert device.take(message(400), arrival_ns(400)) is not None


def test_a_clock_set_back_sends_new_samples_not_duplicates() -> None:
    device = receiver()
    for index in range(20):
        device.take(message(200 * index), arrival_ns(200 * index))
    for index in range(20):  # its clock now shows 3 s less
        device.take(message(1_010 + 200 * index), arrival_ns(4_010 + 200 * index))
    assert device.counts.clock_steps == 1
    assert device.counts.clock_offset_ns == pytest.approx(
        OFFSET_NS + 3_000 * MS, abs=MS
    )
    assert device.counts.samples == 400


def test_duplicates_are_known_after_a_clock_was_set_back() -> None:
    device = receiver()
    device.take(message(0), arrival_ns(0))
    for index in range(10):  # its clock now shows an hour less
        device.take(message(-3_600_000 + 200 * index), arrival_ns(200 * (index + 1)))
    assert device.counts.clock_steps == 1
    assert device.take(message(-3_598_200), arrival_ns(2_200)) is None
    assert device.counts.duplicate_samples == 10


def test_a_malformed_message_is_counted_and_says_why() -> None:
    device = receiver()
    with pytest.raises(PayloadError, match=r"^ward/wrist: payload: not JSON"):
        device.take(b"{", START_NS)
    assert device.counts == ImuCounts(messages=1, malformed=1)


def test_relative_times_are_stamped_at_arrival() -> None:
    device = receiver()
    units = {"accel": "m/s2", "gyro": "rad/s"}
    records = ",".join(
        f'{{"n":"{kind}_{axis}","u":"{unit}","v":1}}'
        for kind, unit in units.items()
        for axis in "xyz"
    )
    batch = device.take(f"[{records}]".encode(), START_NS)
    assert batch is not None
    assert batch.timestamps_ns.tolist() == [START_NS]
    assert device.time_base == "arrival"
