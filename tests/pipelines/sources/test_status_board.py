"""The state of a camera is told whenever it changes."""

from collections.abc import Callable

from pipelines.clock import NS_PER_S
from pipelines.records import SourceKey, SourceStatus
from pipelines.sources.status_board import StatusBoard
from tests.fakes import FakeClock


def board_of(
    clock: FakeClock,
    dropped: Callable[[], int] = lambda: 0,
    bridged: Callable[[], int] = lambda: 0,
) -> tuple[StatusBoard, list[SourceStatus]]:
    told: list[SourceStatus] = []
    board = StatusBoard(
        SourceKey("bed-1", "camera"),
        clock=clock,
        time_base="arrival",
        dropped=dropped,
        bridged=bridged,
        publish=told.append,
    )
    return board, told


def test_it_begins_by_connecting() -> None:
    clock = FakeClock()
    board, told = board_of(clock)
    assert told == [
        SourceStatus("bed-1", "camera", "connecting", clock.now_ns(), "", "arrival")
    ]
    assert board.state == "connecting"


def test_what_is_as_before_is_not_told_again() -> None:
    board, told = board_of(FakeClock())
    for _ in range(3):
        board.update("online")
    assert [status.state for status in told] == ["connecting", "online"]


def test_a_state_dates_from_its_beginning_whatever_else_changes() -> None:
    clock = FakeClock(start_ns=0)
    board, told = board_of(clock)
    clock.advance_s(1)
    board.update("online")
    clock.advance_s(1)
    board.update("online", time_base="sender")
    clock.advance_s(1)
    board.update("online", "the clock is off")
    board.count_reconnects(2)
    clock.advance_s(1)
    board.update("offline", "gone")

    assert [status.since_ns // NS_PER_S for status in told] == [0, 1, 1, 1, 1, 4]
    last = SourceStatus("bed-1", "camera", "offline", 4 * NS_PER_S, "gone", "sender", 2)
    assert told[-1] == last


def test_drops_alone_are_told_at_most_once_in_ten_seconds() -> None:
    clock, drops = FakeClock(), 0
    board, told = board_of(clock, lambda: drops)
    for _ in range(30):  # a frame a second, and as many are dropped
        clock.advance_s(1)
        drops += 1
        board.update("online")
    assert [status.dropped for status in told] == [0, 1, 11, 21]


def test_bridged_pictures_are_told_with_the_first_and_then_once_a_minute() -> None:
    clock, bridged = FakeClock(), 0
    board, told = board_of(clock, bridged=lambda: bridged)
    for second in range(150):
        bridged = second // 2
        board.update("online")
        clock.advance_s(1)

    assert [status.bridged for status in told] == [0, 0, 1, 31, 61]
