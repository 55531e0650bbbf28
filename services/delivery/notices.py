"""Notices to phones, chats and mailboxes, by apprise: until each was taken.

    store ──oldest of a target──▶ apprise ──taken──▶ delivered
      ▲          │ not taken
      └──────────┘ again, with growing pauses; other targets go on

A notice is in the store before anything is sent, so it survives the death of the
process; it may then come twice. Notices of an alarm that is over are no longer sent.
"""

import asyncio
import logging
from collections.abc import Sequence
from random import Random
from typing import final

from pipelines.clock import Clock
from pipelines.sources.backoff import Backoff
from services.errors import StoreError
from services.site.notify import NotifySettings
from services.store.notices import Notice, Notices
from services.tasks import end_tasks

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0


@final
class NoticeDelivery:
    """Sends the notices of a store to their targets, without end."""

    def __init__(
        self, targets: Sequence[NotifySettings], notices: Notices, clock: Clock
    ) -> None:
        self._targets, self._notices, self._clock = targets, notices, clock
        self._news = {target.name: asyncio.Event() for target in targets}
        self._failing: dict[str, str] = {}

    def wake(self) -> None:
        """Look for new notices in the store."""
        for news in self._news.values():
            news.set()

    def troubles(self) -> list[str]:
        """Return which targets take nothing at present, and why."""
        return [f"notify {name}: {why}" for name, why in self._failing.items()]

    async def run(self) -> None:
        """Send until cancelled."""
        lanes = [asyncio.create_task(self._serve(each)) for each in self._targets]
        try:
            await asyncio.gather(*lanes)
        finally:
            await end_tasks(lanes)

    async def _serve(self, target: NotifySettings) -> None:
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, Random())
        news = self._news[target.name]
        while True:
            news.clear()
            try:
                waiting = await asyncio.to_thread(self._notices.next, target.name)
                if waiting is None:
                    self._failing.pop(target.name, None)
                    await news.wait()
                    continue
                number, notice = waiting
                problem = await asyncio.to_thread(_send, target, notice)
                if not problem:
                    await asyncio.to_thread(self._notices.taken, number)
                    self._recovered(target.name)
                    backoff.reset()
                    continue
            except StoreError as error:
                problem = str(error)
            self._fails(target.name, problem)
            await self._clock.sleep_s(backoff.next_s())

    def _fails(self, name: str, problem: str) -> None:
        if name not in self._failing:
            logger.warning("notify %s: %s; trying again", name, problem)
        self._failing[name] = problem

    def _recovered(self, name: str) -> None:
        if self._failing.pop(name, None) is not None:
            logger.warning("notify %s: is delivered again", name)


def send_test(target: NotifySettings, site: str) -> str:
    """Send a test message; return why it was not taken, or nothing."""
    return _send(target, Notice("", target.name, "", f"{site}: test", "no alarm"))


def _send(target: NotifySettings, notice: Notice) -> str:
    """Send a notice; return why it was not taken, or nothing."""
    from apprise import Apprise, NotifyType  # slow, and needed by few

    try:
        address = target.address()
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it names addresses
    sender = Apprise()
    if not sender.add(address):
        return "not an address that apprise knows"
    taken = sender.notify(
        title=notice.title, body=notice.body, notify_type=NotifyType.WARNING
    )
    return "" if taken else "it does not take the message"
