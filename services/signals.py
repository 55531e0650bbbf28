"""The end of a command by a signal: SIGINT (Ctrl-C), SIGTERM or SIGHUP.

The first signal asks the command to end: it calls the function that a long-running part
has set with ``ending_by``; without one it raises ``KeyboardInterrupt``. A second signal
ends this process and all its children at once, and so does a command that takes too
long to end.

A thread reads the signals, because Python runs signal handlers only in the main thread,
and not while that thread waits inside a C library.
"""

import asyncio
import os
import select
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Final, NoReturn, TypeVar

import psutil

Answer = TypeVar("Answer")

_ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
_CODE_BASE = 128
_PATIENCE_S = 20.0
_SAME_PRESS_S = 0.3
"""Wrappers such as ``timeout`` or ``make`` may send one signal twice."""

_SHOW_CURSOR = b"\x1b[?25h"


@dataclass(slots=True)
class _State:
    """State of this process, since signals belong to a process.

    Attributes:
        number: The first signal that asked for an end; None before it.
        end: Called at that signal; None raises KeyboardInterrupt.
        patience_s: Longest time from the signal to the end.
        hangup_ends: Whether SIGHUP asks for an end as well.
        installed: Whether this module handles the signals; False in tests.
    """

    number: int | None = None
    end: Callable[[], None] | None = None
    patience_s: float = _PATIENCE_S
    hangup_ends: bool = True
    installed: bool = False


_state = _State()


def install() -> None:
    """Handle the signals of this process from now on; call it once."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    # A shell's `nohup` ignores SIGHUP for its children; that must stay so.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _on_signal)
    _state.installed = True
    reinstall()
    threading.Thread(target=_watch, args=(reader,), name="signals", daemon=True).start()


def reinstall() -> None:
    """Set the handlers again after a library has set its own, as Ray does in C++."""
    if _state.installed:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _on_signal)


def exit_code() -> int | None:
    """Return 128 plus the number of the signal that asked for an end; None without."""
    return None if _state.number is None else _CODE_BASE + _state.number


@contextmanager
def ending_by(
    end: Callable[[], None], patience_s: float = _PATIENCE_S
) -> Iterator[None]:
    """Call ``end`` when a signal asks for an end, instead of KeyboardInterrupt.

    Args:
        end: Called in the main thread, between any two instructions.
        patience_s: Longest time from the signal to the end, before force is used.
    """
    before = _state.end, _state.patience_s
    _state.end, _state.patience_s = end, patience_s
    try:
        if _state.number is not None:
            end()
        yield
    finally:
        _state.end, _state.patience_s = before


def run(main: Coroutine[None, None, Answer]) -> Answer:
    """Run a coroutine as ``asyncio.run`` does; a signal cancels it.

    Raises:
        KeyboardInterrupt: If a signal cancelled the coroutine, after its clean-up.
    """

    async def cancellable() -> Answer:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None  # asyncio.run makes one
        with ending_by(lambda: _call_in(loop, task.cancel)):
            return await main

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        if _state.number is None:
            raise
        raise KeyboardInterrupt from None


@contextmanager
def setting(event: asyncio.Event, patience_s: float) -> Iterator[None]:
    """Set an event of the running loop when a signal asks for an end."""
    loop = asyncio.get_running_loop()
    with ending_by(lambda: _call_in(loop, event.set), patience_s):
        yield


def on_hangup(event: asyncio.Event) -> None:
    """Set an event of the running loop at each SIGHUP, which then no longer ends."""
    loop = asyncio.get_running_loop()
    _state.hangup_ends = False
    signal.signal(signal.SIGHUP, lambda _number, _frame: _call_in(loop, event.set))


def _call_in(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # the loop is closed: its work is done
        loop.call_soon_threadsafe(call)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    if _state.number is not None:  # the thread handles the second signal
        return
    _state.number = number
    if _state.end is None:
        raise KeyboardInterrupt
    _state.end()


def _watch(reader: int) -> None:
    """End by force at a second signal, or ``patience_s`` after the first one."""
    number = None
    while number is None:
        number = _ending_signal(os.read(reader, 1))
    select.select([], [], [], _SAME_PRESS_S)
    while select.select([reader], [], [], 0)[0]:
        os.read(reader, 1)
    while select.select([reader], [], [], _state.patience_s)[0]:
        if _ending_signal(os.read(reader, 1)) is not None:
            break
    with suppress(OSError):
        os.write(2, b"wardwatch: ended by force\n")
    end_at_once(_CODE_BASE + number)


def _ending_signal(received: bytes) -> int | None:
    number = received[0]
    if number == signal.SIGHUP and not _state.hangup_ends:
        return None
    return number if number in _ENDING else None


def end_at_once(code: int) -> NoReturn:
    """End this process and all its children without any clean-up."""
    with suppress(OSError):
        if os.isatty(1):
            os.write(1, _SHOW_CURSOR)
    with suppress(OSError, psutil.Error):
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                process.kill()
    os._exit(code)
