"""Notices to phones and webhooks: until each was taken.

    store ──next of a target──▶ target ──taken──▶ delivered
      ▲          │ not taken
      ├──────────┘ again, with growing pauses; other targets go on
      └─ given up and kept, if the target itself refuses it for a quarter of an hour

A notice is in the store before anything is sent, so it survives the death of the
process; it may then come twice. A phone gets no more about an alarm that is over.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from random import Random
from types import MappingProxyType
from typing import Final, final

from pipelines.clock import Clock
from pipelines.sources.backoff import Backoff
from services.delivery.outcome import NoticeTarget, Outcome, unexpected
from services.delivery.phones import Phone
from services.delivery.webhooks import Webhook
from services.errors import StoreError
from services.site.settings import Site
from services.store.notices import DeadNotices, Notice, Notices
from services.tasks import end_tasks

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_MOST_REFUSALS: Final = 30
"""Refusals of one notice until it is given up, after about a quarter of an hour: what
stands before a receiver may answer for it while it is started again."""


@final
class NoticeDelivery:
    """Sends the notices of a store to the targets of a site, without end."""

    def __init__(self, site: Site, notices: Notices, clock: Clock) -> None:
        self._targets = targets_of(site)
        self._notices, self._clock = notices, clock
        self._news = {target.name: asyncio.Event() for target in self._targets}
        self._failing: dict[str, str] = {}
        self._dead = {target.name: DeadNotices(0, "") for target in self._targets}

    def wake(self) -> None:
        """Look for new notices in the store."""
        for news in self._news.values():
            news.set()

    def troubles(self) -> list[str]:
        """Return which targets take nothing, or gave something up, and why."""
        given_up = {
            target.label: f"a message was given up: {self._dead[target.name].why}"
            for target in self._targets
            if self._dead[target.name].why
        }
        found = {**given_up, **self._failing}
        return [f"{label}: {why}" for label, why in found.items()]

    @property
    def dead(self) -> Mapping[str, int]:
        """Number of notices of each target that were given up and are kept."""
        counts = {name: found.count for name, found in self._dead.items()}
        return MappingProxyType(counts)

    async def run(self) -> None:
        """Send until cancelled."""
        lanes = [asyncio.create_task(self._serve(each)) for each in self._targets]
        try:
            await asyncio.gather(*lanes)
        finally:
            await end_tasks(lanes)

    async def _serve(self, target: NoticeTarget) -> None:
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, Random())
        news = self._news[target.name]
        while True:
            news.clear()
            try:
                dead = await asyncio.to_thread(self._notices.dead, target.name)
                self._dead[target.name] = dead
                waiting = await asyncio.to_thread(self._notices.next, target.name)
                if waiting is None:
                    self._failing.pop(target.label, None)
                    await news.wait()
                    continue
                problem = await self._attempt(target, *waiting)
            except StoreError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001  one target must not end the hub
                problem = unexpected(error)
            if problem:
                self._fails(target.label, problem)
                await self._pause(news, backoff.next_s())
            else:
                backoff.reset()

    async def _pause(self, news: asyncio.Event, longest_s: float) -> None:
        """Pause, but not beyond news: a new alarm is tried at once."""
        waits = [
            asyncio.create_task(self._clock.sleep_s(longest_s)),
            asyncio.create_task(news.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(waits)

    async def _attempt(self, target: NoticeTarget, number: int, notice: Notice) -> str:
        """Try once; return why it must be tried again, or nothing."""
        outcome = await target.send(notice, self._utc_ns())
        done_ns = self._utc_ns()
        if not outcome.problem:
            await asyncio.to_thread(self._notices.taken, number, done_ns)
            self._recovered(target.label)
            return ""
        if outcome.is_refused and await asyncio.to_thread(
            self._notices.refused, number, outcome.problem, _MOST_REFUSALS, done_ns
        ):
            logger.error(
                "%s: %s; the message %s is given up",
                target.label,
                outcome.problem,
                notice.key,
            )
            return ""
        return outcome.problem

    def _utc_ns(self) -> int:
        return self._clock.now_ns() + self._clock.correction_ns()

    def _fails(self, label: str, problem: str) -> None:
        if label not in self._failing:
            logger.warning("%s: %s; trying again", label, problem)
        self._failing[label] = problem

    def _recovered(self, label: str) -> None:
        if self._failing.pop(label, None) is not None:
            logger.warning("%s: is delivered again", label)


def targets_of(site: Site) -> list[NoticeTarget]:
    """Return the targets of a site."""
    phones: list[NoticeTarget] = [Phone(each) for each in site.notify]
    return [*phones, *(Webhook(each) for each in site.webhooks)]


async def send_test(target: NoticeTarget, site: str, clock: Clock) -> Outcome:
    """Send a test message."""
    utc_ns = clock.now_ns() + clock.correction_ns()
    text = "no alarm"
    if isinstance(target, Webhook):
        text = json.dumps(target.test_content(site))
    key = f"{target.name} test {utc_ns}"
    return await target.send(
        Notice(key, target.name, "", f"{site}: test", text), utc_ns
    )
