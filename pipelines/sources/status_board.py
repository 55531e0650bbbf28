"""The state of a source, published at each change."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import final

from pipelines.clock import NS_PER_S, Clock
from pipelines.records import SourceKey, SourceState, SourceStatus, TimeBase

_DROPS_TOLD_EVERY_NS = 10 * NS_PER_S
_BRIDGED_TOLD_EVERY_NS = 60 * NS_PER_S


@final
class StatusBoard:
    """Holds a source's status and publishes each change of it.

    May be used from any thread: pictures say that they come, the supervisor says that
    they do not. Drops alone are published at most once in 10 s; bridged pictures alone
    with the first, and then at most once a minute.

    Args:
        source: The source.
        clock: Tells since when.
        time_base: Whose clock stamps the pictures at first.
        dropped: Asks how many pictures were dropped so far.
        bridged: Asks how many pictures were bridged so far.
        publish: Called with each new status, in the thread that reports it.
        on_status: Called with each new status on the event loop that runs where the
            board is made. It does not wait behind what ``publish`` queues.
    """

    def __init__(
        self,
        source: SourceKey,
        *,
        clock: Clock,
        time_base: TimeBase,
        dropped: Callable[[], int],
        publish: Callable[[SourceStatus], None],
        bridged: Callable[[], int] = lambda: 0,
        on_status: Callable[[SourceStatus], None] | None = None,
    ) -> None:
        self._on_status = on_status
        self._loop = None if on_status is None else asyncio.get_running_loop()
        self._clock = clock
        self._dropped = dropped
        self._bridged = bridged
        self._publish = publish
        self._lock = threading.Lock()
        self._told_ns = clock.now_ns()
        self._status = SourceStatus(*source, "connecting", self._told_ns, "", time_base)
        self._announce()

    @property
    def state(self) -> SourceState:
        """The state now."""
        return self._status.state

    def update(
        self,
        state: SourceState,
        reason: str = "",
        *,
        time_base: TimeBase | None = None,
    ) -> None:
        """Say how it is; nothing is published if that is as before."""
        with self._lock:
            now = self._status
            status = replace(
                now,
                state=state,
                since_ns=now.since_ns if state == now.state else self._clock.now_ns(),
                reason=reason,
                time_base=time_base or now.time_base,
            )
            self._tell(status)

    def count_reconnects(self, reconnects: int) -> None:
        """Say how many times it was connected to again."""
        with self._lock:
            self._tell(replace(self._status, reconnects=reconnects))

    def _tell(self, status: SourceStatus) -> None:
        now_ns, dropped = self._clock.now_ns(), self._dropped()
        bridged = self._bridged()
        silent_ns = now_ns - self._told_ns
        more_drops = dropped > self._status.dropped
        more_bridged = bridged > self._status.bridged
        bridged_due = not self._status.bridged or silent_ns >= _BRIDGED_TOLD_EVERY_NS
        counts_due = (more_drops and silent_ns >= _DROPS_TOLD_EVERY_NS) or (
            more_bridged and bridged_due
        )
        if status != self._status or counts_due:
            self._status = replace(status, dropped=dropped, bridged=bridged)
            self._told_ns = now_ns
            self._announce()

    def _announce(self) -> None:
        self._publish(self._status)
        if self._loop is not None and self._on_status is not None:
            self._loop.call_soon_threadsafe(self._on_status, self._status)
