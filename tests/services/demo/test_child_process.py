"""Lines of a child process, and its end."""

import sys

import pytest

from services.demo.child_process import ChildProcess


def python(script: str) -> ChildProcess:
    return ChildProcess([sys.executable, "-u", "-c", script], "stdout")


def test_earlier_lines_are_discarded_and_later_ones_kept() -> None:
    child = python("print('one'); print('two'); print('three'); input()")
    assert child.next_line("two", within_s=20) == "two"
    assert child.next_line("t", within_s=20) == "three"
    child.stop()


def test_the_end_of_the_stream_ends_the_wait() -> None:
    child = python("print('one')")
    assert child.next_line("two", within_s=60) is None
    assert (child.has_ended, child.last_line) == (True, "one")
    child.stop()


def test_a_line_that_does_not_come_in_time_is_none() -> None:
    child = python("import time; time.sleep(60)")
    assert child.next_line("one", within_s=0.01) is None
    assert not child.has_ended
    child.stop()
    assert child.has_ended


@pytest.mark.slow
def test_a_child_that_ignores_the_signal_is_ended_by_force() -> None:
    child = python(
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('ready'); time.sleep(60)"
    )
    assert child.next_line("ready", within_s=20) == "ready"
    child.stop()
    assert child.has_ended
