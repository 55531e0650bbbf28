"""Records blurred clips of alarms, of subjects with a consent, inside the watcher.

    camera's picture ─▶ blurred at once ─▶ ring of 35 s ─┐  an event starts
                                           next 60 s ────┴▶ encrypted ─▶ hub

Of a subject without a consent nothing here is ever made. Nothing waits for a clip: it
is encrypted in a thread, and sent beside the reports. One that is not complete when its
subject is closed is thrown away.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final, final

from pipelines.clock import Clock, seconds_to_ns
from pipelines.records import ActionEvent, Frame
from services.clips.blur import blurred
from services.clips.sealed import ClipCipher, ClipPicture, SealedClip
from services.errors import ClipError
from services.hub.reports import Counting
from services.tasks import end_tasks
from services.watcher.watched import ClipOrder

logger = logging.getLogger(__name__)

SendClip = Callable[[SealedClip], Awaitable[bool]]
"""Sends a clip; returns whether the hub has taken it, after a bounded time."""

_BEFORE_S, _AFTER_S = 30.0, 60.0
_RING_NS = seconds_to_ns(35.0)
_LATE_S = 15.0
"""Longest wait of pictures for recognition, and some more."""
_APART_NS = seconds_to_ns(0.2)
"""Shortest time between two pictures, which bounds the size of a clip."""
_MOST_AT_ONCE: Final = 3
"""Most clips of one subject that are recorded at the same time."""


@final
@dataclass(slots=True)
class _Recording:
    """The ring of one subject, and its clips that are not complete."""

    order: ClipOrder
    cipher: ClipCipher
    ring: deque[ClipPicture] = field(default_factory=deque)
    growing: dict[str, list[ClipPicture]] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


@final
class ClipRecorder:
    """Records the clips of a watcher's subjects.

    Args:
        send: Sends a clip to the hub.
        clock: Clock of the pictures and events.
        counting: Counts the clips that are lost.
    """

    def __init__(self, send: SendClip, clock: Clock, counting: Counting) -> None:
        self._send, self._clock, self._counting = send, clock, counting
        self._recordings: dict[str, _Recording] = {}

    def begin(self, subject_id: str, order: ClipOrder | None) -> None:
        """Record a subject, if there is an order, which says that it consents."""
        if order is None:
            return
        try:
            cipher = ClipCipher(order.key)
        except ClipError as err:  # the subject must be watched all the same
            logger.error("no clips of %s are recorded: %s", subject_id, err)
            return
        self._recordings[subject_id] = _Recording(order, cipher)

    async def forget(self, subject_id: str) -> None:
        """Throw away all pictures of a subject; do nothing if it is not recorded."""
        if recording := self._recordings.pop(subject_id, None):
            await end_tasks(recording.tasks)

    async def end(self) -> None:
        """Throw away all pictures."""
        for name in list(self._recordings):
            await self.forget(name)

    def add(self, frame: Frame) -> None:
        """Keep a blurred picture of a camera's frame, if its subject is recorded."""
        recording = self._recordings.get(frame.subject_id)
        if recording is None:
            return
        at_ns = frame.timestamp_ns
        ring = recording.ring
        if ring and at_ns < ring[0].at_ns:  # a new stream, or another clock
            ring.clear()
        if ring and at_ns - ring[-1].at_ns < _APART_NS:
            return
        try:
            picture = ClipPicture(at_ns, blurred(frame))
        except Exception:  # a clip must not end the watching
            logger.exception("no clips of %s any more", frame.subject_id)
            del self._recordings[frame.subject_id]
            return
        ring.append(picture)
        while at_ns - ring[0].at_ns > _RING_NS:
            ring.popleft()
        for pictures in recording.growing.values():
            pictures.append(picture)

    def happened(self, event: ActionEvent) -> None:
        """Begin a clip if an event that alarms starts, of a recorded subject."""
        recording = self._recordings.get(event.subject_id)
        if recording is None or event.state != "started":
            return
        if event.name not in recording.order.events:
            return
        if event.event_id in recording.growing:
            return
        if len(recording.growing) >= _MOST_AT_ONCE:
            self._lose(event, "too many at the same time")
            return
        recording.growing[event.event_id] = list(recording.ring)
        finishing = self._finish(recording, event)
        task = asyncio.create_task(finishing, name=f"clip of {event.subject_id}")
        recording.tasks.add(task)
        task.add_done_callback(recording.tasks.discard)

    async def _finish(self, recording: _Recording, event: ActionEvent) -> None:
        """Wait until the clip is complete, then encrypt and send it."""
        await self._clock.sleep_s(_AFTER_S + _LATE_S)
        pictures = recording.growing.pop(event.event_id)
        begin_ns = event.decided_ns - seconds_to_ns(_BEFORE_S)
        end_ns = event.decided_ns + seconds_to_ns(_AFTER_S)
        shown = [each for each in pictures if begin_ns <= each.at_ns <= end_ns]
        if not shown:  # the camera was away
            return
        by_ns = self._clock.correction_ns()
        try:
            clip = await asyncio.to_thread(
                recording.cipher.seal,
                event.event_id,
                event.subject_id,
                event.decided_ns + by_ns,
                [replace(each, at_ns=each.at_ns + by_ns) for each in shown],
            )
            if not await self._send(clip):
                self._lose(event, "the hub does not take it")
        except Exception as err:  # noqa: BLE001  a clip must not end the watching
            self._lose(event, type(err).__name__)

    def _lose(self, event: ActionEvent, why: str) -> None:
        self._counting.counts.clips_lost += 1
        logger.warning(
            "the clip of a %s of %s is lost: %s", event.name, event.subject_id, why
        )
