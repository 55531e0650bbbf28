"""Calls into the system that may never return, in daemon threads.

Opening a FIFO, reading from a hung mount or closing a dead device can block for ever,
and nothing ends such a call from outside. So each is made in a daemon thread: the event
loop goes on, and a stuck thread does not keep the process from ending, as a thread of a
``ThreadPoolExecutor`` would.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, final

Result = TypeVar("Result")


@final
class BlockingCalls:
    """Makes calls one after the other in a daemon thread.

    Construct it where the event loop runs.

    Args:
        name: Name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: queue.SimpleQueue[_Call[Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def call(self, function: Callable[[], Result]) -> asyncio.Future[Result]:
        """Make a call once the earlier ones have returned.

        Returns:
            Its result or its exception; never done if it never returns.
        """
        future: asyncio.Future[Result] = self._loop.create_future()
        self._calls.put(_Call(function, future))
        return future

    def finish(self) -> None:
        """Let the thread end once all calls have returned."""
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            settle = call.make()
            del call  # what it refers to may be waited for to go
            try:
                self._loop.call_soon_threadsafe(settle)
            except RuntimeError:  # the loop was closed: nobody waits any more
                return


@final
class _Call(Generic[Result]):
    def __init__(
        self, function: Callable[[], Result], future: asyncio.Future[Result]
    ) -> None:
        self._function, self._future = function, future

    def make(self) -> Callable[[], None]:
        """Make the call; return what settles the future, for the loop's thread."""
        future = self._future
        try:
            result = self._function()
        except Exception as error:  # noqa: BLE001 raised where the future is awaited
            failure = error
            return lambda: None if future.done() else future.set_exception(failure)
        return lambda: None if future.done() else future.set_result(result)


_STUCK: dict[str, threading.Thread] = {}
_STUCK_LOCK = threading.Lock()


def answer_within(
    key: str, function: Callable[[], Result], within_s: float
) -> Result | None:
    """Return a call's result, or None if the call fails or takes too long.

    Blocks for ``within_s`` seconds at most. While an earlier call with the same key has
    not returned, the answer is None at once, so that stuck threads do not pile up.

    Args:
        key: What is asked, as a path.
        function: The call.
        within_s: Longest wait, in seconds.
    """
    results: list[Result] = []

    def work() -> None:
        try:
            results.append(function())
        except (OSError, ValueError):
            pass
        finally:
            with _STUCK_LOCK:
                _STUCK.pop(key, None)

    with _STUCK_LOCK:
        if key in _STUCK:
            return None
        thread = threading.Thread(target=work, name=f"ask {key}"[:60], daemon=True)
        _STUCK[key] = thread
    thread.start()
    thread.join(within_s)
    return results[0] if results else None
