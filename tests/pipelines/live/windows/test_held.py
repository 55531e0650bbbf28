"""Windows that wait for their wearable, one subject's."""

import numpy as np
import pytest

from pipelines.clock import NS_PER_S, seconds_to_ns
from pipelines.live.windows.held import HeldWindows
from pipelines.live.windows.wearable_wait import WearableWait, WearableWaitSettings
from pipelines.records import Clip, ImuBatch
from pipelines.sources.wearable.buffer import ImuBuffer


def clip(start_s: float, end_s: float) -> Clip:
    return Clip(
        subject_id="bed-4",
        start_ns=seconds_to_ns(start_s),
        end_ns=seconds_to_ns(end_s),
        features=np.zeros((1, 3), np.float32),
        slots=(0,),
        imu=None,
        imu_rate_hz=None,
        missing_frames=0,
        partial=False,
    )


class Worn:
    """Held windows, and the wearable that they wait for."""

    def __init__(self, ceiling_s: float = 5.0) -> None:
        self.imu = ImuBuffer()
        self.wait = WearableWait(WearableWaitSettings(ceiling_s))
        self.held = HeldWindows(self.imu, self.wait)

    def send(self, first_s: float, last_s: float, arrival_s: float) -> None:
        times_ns = np.arange(
            seconds_to_ns(first_s), seconds_to_ns(last_s), NS_PER_S // 50
        )
        values = np.zeros((len(times_ns), 3), np.float32)
        batch = ImuBatch("wrist", times_ns, values, values.copy())
        self.imu.add(batch)
        self.wait.add_batch(batch, seconds_to_ns(arrival_s))

    def pop_due(self, at_s: float) -> list[tuple[float, bool]]:
        """Return the end of each window that leaves, and whether it is fused."""
        return [
            (each.clip.end_ns / NS_PER_S, each.clip.imu is not None)
            for each in self.held.pop_due(seconds_to_ns(at_s))
        ]


def test_windows_leave_together_when_their_samples_come() -> None:
    worn = Worn()
    worn.send(0, 2, arrival_s=2)
    for end_s in (3.0, 3.5, 4.5):
        worn.held.add([clip(end_s - 1, end_s)], seconds_to_ns(end_s))
        assert worn.pop_due(end_s) == []
    worn.send(2, 4, arrival_s=4.6)
    assert worn.pop_due(4.6) == [(3.0, True), (3.5, True)]
    worn.send(4, 6, arrival_s=6.1)
    assert worn.pop_due(6.1) == [(4.5, True)]


def test_no_window_overtakes_another() -> None:
    #  samples  |===|   |===|     the batch between comes later
    worn = Worn()
    worn.send(0, 2, arrival_s=2)
    worn.held.add([clip(2.5, 3.5)], seconds_to_ns(3.5))
    worn.send(4, 6, arrival_s=6)
    worn.held.add([clip(4.5, 5.5)], seconds_to_ns(6))
    assert worn.pop_due(6) == []
    worn.send(2, 4, arrival_s=6.2)
    assert worn.pop_due(6.2) == [(3.5, True), (5.5, True)]


def test_a_window_of_a_camera_whose_clock_is_ahead_waits_one_ceiling_at_most() -> None:
    worn = Worn(ceiling_s=5.0)
    worn.held.add([clip(119, 120)], seconds_to_ns(100))
    for second in range(100, 105):
        worn.send(second - 1, second, arrival_s=second)
        assert worn.pop_due(second) == []
        assert worn.held.due_ns(seconds_to_ns(second)) is not None
    assert worn.pop_due(105) == [(120.0, False)]


def test_each_held_window_is_previewed_once_and_without_samples() -> None:
    worn = Worn()
    worn.send(0, 2, arrival_s=2)
    worn.held.add([clip(1.5, 2.5), clip(2, 3)], seconds_to_ns(3))
    assert [it.end_ns for it in worn.held.new_previews()] == [2.5e9, 3e9]
    assert worn.held.new_previews() == []
    worn.send(2, 4, arrival_s=4)
    leaving = worn.held.pop_due(seconds_to_ns(4))
    assert [it.was_previewed for it in leaving] == [True, True]
    assert [it.wait_ns for it in leaving] == [NS_PER_S, NS_PER_S]


def test_whoever_has_no_wearable_waits_for_nothing() -> None:
    held = HeldWindows(ImuBuffer(), None)
    held.add([clip(0, 1)], 0)
    (leaving,) = held.pop_due(0)
    assert (leaving.wait_ns, leaving.was_previewed) == (0, False)
    assert held.due_ns(0) is None


@pytest.mark.parametrize("hurried", [True, False])
def test_what_is_released_leaves_and_what_comes_later_waits(hurried: bool) -> None:
    worn = Worn()
    worn.send(0, 2, arrival_s=2)
    worn.held.add([clip(2, 3)], seconds_to_ns(3))
    if hurried:
        worn.held.release_all()
    worn.held.add([clip(2.5, 3.5)], seconds_to_ns(3))
    assert worn.pop_due(3) == ([(3.0, False)] if hurried else [])
