from services.watcher.pulse import CoreMeter
from tests.fakes import FakeClock


def test_cores_are_processor_time_over_time_since_the_last_call() -> None:
    clock, used_s = FakeClock(), iter([10.0, 11.0, 11.5, 11.5])
    meter = CoreMeter(clock, lambda: next(used_s))
    clock.advance_s(2)
    assert meter.read() == 0.5
    clock.advance_s(0.25)
    assert meter.read() == 2.0
    assert meter.read() == 0.0  # no time has passed


def test_the_processor_time_of_this_process_grows() -> None:
    clock = FakeClock()
    meter = CoreMeter(clock)
    sum(range(3_000_000))
    clock.advance_s(1)
    assert meter.read() > 0.0
