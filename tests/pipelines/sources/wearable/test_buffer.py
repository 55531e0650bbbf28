import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.records import ImuBatch
from pipelines.sources.wearable.buffer import ImuBuffer

MS = 1_000_000
START_NS = 1_700_000_000 * 10**9


def batch_of(times_ms: list[int]) -> ImuBatch:
    """Return samples whose six values are their times in seconds, times 1 to 6."""
    times_ns = START_NS + np.array(times_ms, dtype=np.int64) * MS
    values = np.outer(np.array(times_ms) / 1000, np.arange(1, 7)).astype(np.float32)
    return ImuBatch("wrist", times_ns, values[:, :3], values[:, 3:])


def every_20_ms(first_ms: int, end_ms: int) -> ImuBatch:
    return batch_of(list(range(first_ms, end_ms, 20)))


def slice_ms(buffer: ImuBuffer, start_ms: int, end_ms: int) -> np.ndarray | None:
    found = buffer.slice(START_NS + start_ms * MS, START_NS + end_ms * MS)
    return None if found is None else found[0]


def test_a_slice_is_half_open_and_evenly_spaced() -> None:
    buffer = ImuBuffer(rate_hz=50.0)
    buffer.add(every_20_ms(0, 1000))
    found = buffer.slice(START_NS + 200 * MS, START_NS + 400 * MS)
    assert found is not None
    samples, rate_hz = found
    assert rate_hz == 50.0
    assert samples.dtype == np.float32
    expected_s = np.arange(0.2, 0.39, 0.02)
    assert np.allclose(samples, np.outer(expected_s, np.arange(1, 7)), atol=1e-5)


def test_values_between_samples_are_interpolated() -> None:
    buffer = ImuBuffer(rate_hz=100.0)
    buffer.add(batch_of([0, 30, 100]))
    samples = slice_ms(buffer, 10, 40)
    assert samples is not None
    assert np.allclose(samples[:, 0], [0.01, 0.02, 0.03], atol=1e-6)


def test_a_span_without_length_is_one_sample() -> None:
    buffer = ImuBuffer()
    buffer.add(every_20_ms(0, 100))
    samples = slice_ms(buffer, 50, 50)
    assert samples is not None
    assert np.allclose(samples[:, 0], [0.05], atol=1e-6)


def test_a_span_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^the span ends before it starts: 1 < 2 ns$"):
        ImuBuffer().slice(2, 1)


@pytest.mark.parametrize("argument", ["rate_hz", "horizon_s", "reach_s"])
def test_an_argument_that_is_not_positive_is_refused(argument: str) -> None:
    with pytest.raises(ValueError, match=r"^rate_hz, horizon_s and reach_s must be"):
        ImuBuffer(**{argument: 0.0})  # type: ignore[arg-type]


def test_an_empty_buffer_has_no_slices() -> None:
    buffer = ImuBuffer()
    buffer.add(batch_of([]))
    assert slice_ms(buffer, 0, 100) is None
    assert buffer.newest_ns is None


@pytest.mark.parametrize(
    ("gap_ms", "is_known"), [(480, True), (520, False)], ids=["short", "long"]
)
def test_a_gap_is_bridged_up_to_twice_the_reach(gap_ms: int, is_known: bool) -> None:
    buffer = ImuBuffer(reach_s=0.25)
    buffer.add(every_20_ms(0, 1001))
    buffer.add(every_20_ms(1000 + gap_ms, 3000))
    assert (slice_ms(buffer, 500, 2500) is not None) == is_known
    assert slice_ms(buffer, 0, 1000) is not None


@pytest.mark.parametrize(("end_ms", "is_known"), [(1220, True), (1300, False)])
def test_the_last_value_is_held_up_to_the_reach(end_ms: int, is_known: bool) -> None:
    buffer = ImuBuffer(reach_s=0.25)
    buffer.add(every_20_ms(0, 1001))
    samples = slice_ms(buffer, 500, end_ms)
    assert (samples is not None) == is_known
    if samples is not None:
        assert samples[-1, 0] == 1.0


def test_duplicates_are_dropped_and_counted() -> None:
    buffer = ImuBuffer()
    buffer.add(every_20_ms(0, 200))
    buffer.add(every_20_ms(100, 300))
    assert len(buffer) == 15
    assert buffer.duplicates == 5


def test_of_two_samples_at_one_time_the_first_to_come_stays() -> None:
    buffer = ImuBuffer()
    buffer.add(batch_of([0, 20]))
    other = batch_of([20])
    buffer.add(
        ImuBatch("wrist", other.timestamps_ns, other.accel_mps2 + 1, other.gyro_radps)
    )
    samples = slice_ms(buffer, 20, 20)
    assert samples is not None
    assert samples[0, 0] == np.float32(0.02)


def test_samples_older_than_the_horizon_are_forgotten() -> None:
    buffer = ImuBuffer(horizon_s=1.0)
    buffer.add(every_20_ms(0, 5000))
    assert len(buffer) == 51
    assert slice_ms(buffer, 3900, 4500) is not None
    assert slice_ms(buffer, 3000, 3500) is None


def test_samples_too_late_are_dropped_and_counted() -> None:
    buffer = ImuBuffer(horizon_s=1.0)
    buffer.add(every_20_ms(4000, 5001))
    buffer.add(every_20_ms(3900, 4000))
    assert buffer.late == 5
    assert buffer.duplicates == 0
    assert len(buffer) == 51


def test_a_late_batch_within_the_horizon_closes_its_gap() -> None:
    buffer = ImuBuffer()
    buffer.add(every_20_ms(0, 1000))
    buffer.add(every_20_ms(2000, 3000))
    assert slice_ms(buffer, 0, 3000) is None
    buffer.add(every_20_ms(1000, 2000))
    samples = slice_ms(buffer, 0, 3000)
    assert samples is not None
    assert np.all(np.diff(samples[:, 0]) > 0)


BATCHES = st.lists(
    st.lists(st.integers(0, 4000), min_size=1, max_size=6, unique=True).map(sorted),
    min_size=1,
    max_size=12,
)


@pytest.mark.slow
@given(BATCHES, st.data())
def test_the_content_does_not_depend_on_the_order(
    batches: list[list[int]], data: st.DataObject
) -> None:
    straight, shuffled = ImuBuffer(horizon_s=2.0), ImuBuffer(horizon_s=2.0)
    for times_ms in batches:
        straight.add(batch_of(times_ms))
    for times_ms in data.draw(st.permutations(batches)):
        shuffled.add(batch_of(times_ms))
    assert len(straight) == len(shuffled)
    for start_ms in range(0, 4000, 250):
        ours, theirs = (
            slice_ms(b, start_ms, start_ms + 300) for b in (straight, shuffled)
        )
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert np.array_equal(ours, theirs)


@pytest.mark.slow
@given(BATCHES)
def test_what_is_held_is_every_time_once_within_the_horizon(
    batches: list[list[int]],
) -> None:
    buffer = ImuBuffer(horizon_s=2.0)
    for times_ms in batches:
        buffer.add(batch_of(times_ms))
    times = {time for times_ms in batches for time in times_ms}
    assert len(buffer) == sum(time >= max(times) - 2000 for time in times)
    assert buffer.newest_ns == START_NS + max(times) * MS


@given(
    st.floats(20, 200),
    st.floats(10, 100),
    st.integers(0, 500 * MS),
    st.integers(0, 1_000 * MS),
)
def test_slices_lie_on_their_own_times(
    device_rate_hz: float, rate_hz: float, start_ns: int, span_ns: int
) -> None:
    steps_ns = np.rint(np.arange(0, 2, 1 / device_rate_hz) * 1e9).astype(np.int64)
    ramp = np.repeat((steps_ns / 1e9).astype(np.float32)[:, None], 3, axis=1)
    buffer = ImuBuffer(rate_hz=rate_hz)
    buffer.add(ImuBatch("wrist", START_NS + steps_ns, ramp, ramp))
    found = buffer.slice(START_NS + start_ns, START_NS + start_ns + span_ns)
    assert found is not None
    samples, _ = found
    assert len(samples) == max(1, round(span_ns / 1e9 * rate_hz))
    expected_s = start_ns / 1e9 + np.arange(len(samples)) / rate_hz
    assert np.allclose(samples, expected_s[:, None], atol=1e-5)


def gap_ms(buffer: ImuBuffer, start_ms: int, end_ms: int) -> float | None:
    began_ns = buffer.gap_began_ns(START_NS + start_ms * MS, START_NS + end_ms * MS)
    return began_ns if not began_ns else (began_ns - START_NS) / MS


def test_a_gap_began_where_the_last_sample_before_it_no_longer_speaks() -> None:
    #  samples  |====|        |====|
    #           0   480     2000  2480
    buffer = ImuBuffer(reach_s=0.25)
    buffer.add(every_20_ms(0, 500))
    buffer.add(every_20_ms(2000, 2500))
    assert gap_ms(buffer, 0, 700) is None
    assert gap_ms(buffer, 400, 1000) == 480 + 250
    assert gap_ms(buffer, 1000, 2200) == 480 + 250  # though the slice begins later
    assert gap_ms(buffer, 2000, 2700) is None
    assert gap_ms(buffer, 2000, 9000) == 2480 + 250
    assert gap_ms(buffer, 7000, 9000) == 2480 + 250


def test_a_gap_before_every_sample_began_ever_ago() -> None:
    buffer = ImuBuffer()
    assert gap_ms(buffer, 0, 100) == 0
    buffer.add(every_20_ms(2000, 2500))
    assert gap_ms(buffer, 0, 2200) == 0


@given(
    times_ms=st.lists(st.integers(0, 5000), max_size=40),
    start_ms=st.integers(0, 5000),
    length_ms=st.integers(0, 3000),
)
def test_a_slice_is_there_exactly_where_there_is_no_gap(
    times_ms: list[int], start_ms: int, length_ms: int
) -> None:
    buffer = ImuBuffer()
    buffer.add(batch_of(sorted(set(times_ms))))
    gap = gap_ms(buffer, start_ms, start_ms + length_ms)
    assert (gap is None) == (
        slice_ms(buffer, start_ms, start_ms + length_ms) is not None
    )
