"""An event loop whose time jumps to the next timer when every task waits."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar, final

Answer = TypeVar("Answer")


@final
class _JumpingSelector(selectors.DefaultSelector):
    """Adds up the time that it would have waited, and does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.jumped_s = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(timeout and 0.0)
        if timeout and not events:
            self.jumped_s += timeout
        return events


@final
class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return super().time() + self._jumping.jumped_s


def run_with_jumps(scene: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine as ``asyncio.run`` does; its sleeps and time limits pass at once.

    Time also jumps while a thread or a process works, so a scene must wait for neither.
    """
    with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
        return runner.run(scene)
