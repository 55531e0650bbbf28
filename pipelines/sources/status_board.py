"""The state of a source, published at each change."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import final

from pipelines.clock import NS_PER_S, Clock
from pipelines.records import SourceKey, SourceState, SourceStatus, TimeBase

_DROPS_EVERY_NS = 10 * NS_PER_S
_BRIDGED_EVERY_NS = 60 * NS_PER_S


@final
class StatusBoard:
    """The status of a source; publishes each change of the status.

    All methods are thread-safe: GStreamer's threads report pictures, the event loop
    reports their absence. A change of ``dropped`` alone is published at most once in
    10 s. A change of ``bridged`` alone is published for the first bridged picture, and
    then at most once a minute.

    Args:
        source: Key of the source.
        clock: Clock of the times of change.
        time_base: Clock of the timestamps at first.
        dropped: Function that returns the number of dropped items so far.
        bridged: Function that returns the number of bridged pictures so far.
        publish: Called with each new status, in the thread that reports it.
        on_status: Called with each new status on the event loop that runs at
            construction. It does not wait behind items that ``publish`` queues.
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
        now_ns = clock.now_ns()
        self._published_ns = now_ns
        self._status = SourceStatus(*source, "connecting", now_ns, "", time_base)
        self._announce()

    @property
    def state(self) -> SourceState:
        """The present state."""
        return self._status.state

    def update(
        self,
        state: SourceState,
        reason: str = "",
        *,
        time_base: TimeBase | None = None,
    ) -> None:
        """Set the state; publish nothing if the status is unchanged."""
        with self._lock:
            now = self._status
            status = replace(
                now,
                state=state,
                since_ns=now.since_ns if state == now.state else self._clock.now_ns(),
                reason=reason,
                time_base=time_base or now.time_base,
            )
            self._set(status)

    def count_reconnects(self, reconnects: int) -> None:
        """Set the number of reconnections."""
        with self._lock:
            self._set(replace(self._status, reconnects=reconnects))

    def _set(self, status: SourceStatus) -> None:
        now_ns, dropped = self._clock.now_ns(), self._dropped()
        bridged = self._bridged()
        silent_ns = now_ns - self._published_ns
        more_drops = dropped > self._status.dropped
        more_bridged = bridged > self._status.bridged
        bridged_due = not self._status.bridged or silent_ns >= _BRIDGED_EVERY_NS
        counts_due = (more_drops and silent_ns >= _DROPS_EVERY_NS) or (
            more_bridged and bridged_due
        )
        if status != self._status or counts_due:
            self._status = replace(status, dropped=dropped, bridged=bridged)
            self._published_ns = now_ns
            self._announce()

    def _announce(self) -> None:
        self._publish(self._status)
        if self._loop is not None and self._on_status is not None:
            self._loop.call_soon_threadsafe(self._on_status, self._status)
