"""System calls that may block for ever, made in daemon threads.

Opening a FIFO, reading from a hung mount or closing a dead device can block for ever,
and such a call cannot be cancelled. So each call is made in a daemon thread: the event
loop continues, and a stuck thread does not stop the process from ending, as a thread of
a ``ThreadPoolExecutor`` would.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, final

Result = TypeVar("Result")


@final
class BlockingCalls:
    """A daemon thread that makes calls one after the other.

    Construct it in the thread of the event loop.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: queue.SimpleQueue[_Call[Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def call(self, function: Callable[[], Result]) -> asyncio.Future[Result]:
        """Queue a call, made once the earlier ones have returned.

        Returns:
            A future of the result or the exception; never done if the call blocks for
            ever.
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
            del call  # release its references: others may wait for their end
            try:
                self._loop.call_soon_threadsafe(settle)
            except RuntimeError:  # the loop is closed, and no result is awaited
                return


@final
class _Call(Generic[Result]):
    def __init__(
        self, function: Callable[[], Result], future: asyncio.Future[Result]
    ) -> None:
        self._function, self._future = function, future

    def make(self) -> Callable[[], None]:
        """Make the call; return a function for the loop that sets the future."""
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
    """Return the result of a call, or None if the call fails or is too slow.

    Blocks for at most ``within_s`` seconds. While an earlier call with the same key has
    not returned, returns None at once, so that stuck threads do not accumulate.

    ``key`` names the resource, such as a path.
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
