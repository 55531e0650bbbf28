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
from dataclasses import dataclass, field
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
from services.site.target import AlarmTarget
from services.store.notices import DeadNotices, Notice, Notices
from services.tasks import end_tasks, sleep_or

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_MOST_REFUSALS: Final = 30
"""Refusals of one notice until it is given up, after about a quarter of an hour: what
stands before a receiver may answer for it while it is started again."""


@dataclass(slots=True)
class _Lane:
    """A target with what is known of it.

    Attributes:
        settings: What the target was made from.
        target: The target.
        news: Set when there may be new notices.
        task: Sends its notices; None until it is started.
        failing: Why it takes nothing; empty if it does.
        dead: What was given up.
    """

    settings: AlarmTarget
    target: NoticeTarget
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    failing: str = ""
    dead: DeadNotices = field(default_factory=lambda: DeadNotices(0, ""))


@final
class NoticeDelivery:
    """Sends the notices of a store to the targets of a site, without end."""

    def __init__(self, site: Site, notices: Notices, clock: Clock) -> None:
        self._notices, self._clock = notices, clock
        self._lanes = {
            target.label: _Lane(settings, target) for settings, target in _both(site)
        }
        self._ending: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()

    def change(self, site: Site) -> None:
        """Send to the targets of a changed site from now on.

        A target that has not changed goes on. One that has starts again with the
        notices that wait; what it was being sent may come twice.
        """
        before, self._lanes = self._lanes, {}
        for settings, target in _both(site):
            known = before.get(target.label)
            if known is not None and known.settings == settings:
                self._lanes[target.label] = before.pop(target.label)
            else:
                self._lanes[target.label] = _Lane(settings, target)
        self._ending += [lane.task for lane in before.values() if lane.task is not None]
        self._changed.set()

    def wake(self) -> None:
        """Look for new notices in the store."""
        for lane in self._lanes.values():
            lane.news.set()

    def troubles(self) -> list[str]:
        """Return which targets take nothing, or gave something up, and why."""
        found = []
        for label, lane in self._lanes.items():
            given_up = lane.dead.why and f"a message was given up: {lane.dead.why}"
            if why := lane.failing or given_up:
                found.append(f"{label}: {why}")
        return found

    @property
    def dead(self) -> Mapping[str, int]:
        """Number of notices of each target that were given up and are kept."""
        lanes = self._lanes.values()
        return MappingProxyType({lane.target.name: lane.dead.count for lane in lanes})

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            while True:
                self._changed.clear()
                while self._ending:  # before another sends to the same target
                    await end_tasks(tuple(self._ending))  # more may come meanwhile
                    self._ending = [task for task in self._ending if not task.done()]
                for lane in self._lanes.values():
                    lane.task = lane.task or asyncio.create_task(self._serve(lane))
                await self._until_changed()
        finally:
            await end_tasks([*self._ending, *self._tasks])

    @property
    def _tasks(self) -> list[asyncio.Task[None]]:
        return [lane.task for lane in self._lanes.values() if lane.task is not None]

    async def _until_changed(self) -> None:
        """Wait for other targets; a lane that fails ends the delivery."""
        tasks = [*self._tasks, asyncio.create_task(self._changed.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done() and not task.cancelled():
                    task.result()
        finally:
            await end_tasks(tasks[-1:])

    async def _serve(self, lane: _Lane) -> None:
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, Random())
        name = lane.target.name
        while True:
            lane.news.clear()
            try:
                lane.dead = await asyncio.to_thread(self._notices.dead, name)
                waiting = await asyncio.to_thread(self._notices.next, name)
                if waiting is None:
                    lane.failing = ""
                    await lane.news.wait()
                    continue
                problem = await self._attempt(lane, *waiting)
            except StoreError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001  one target must not end the hub
                problem = unexpected(error)
            if problem:
                _fails(lane, problem)
                await sleep_or(lane.news, self._clock, backoff.next_s())  # news at once
            else:
                backoff.reset()

    async def _attempt(self, lane: _Lane, number: int, notice: Notice) -> str:
        """Try once; return why it must be tried again, or nothing."""
        target = lane.target
        outcome = await target.send(notice, self._utc_ns())
        done_ns = self._utc_ns()
        if not outcome.problem:
            await asyncio.to_thread(self._notices.taken, number, done_ns)
            _recovered(lane)
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


def _fails(lane: _Lane, problem: str) -> None:
    if not lane.failing:
        logger.warning("%s: %s; trying again", lane.target.label, problem)
    lane.failing = problem


def _recovered(lane: _Lane) -> None:
    if lane.failing:
        logger.warning("%s: is delivered again", lane.target.label)
    lane.failing = ""


def _both(site: Site) -> list[tuple[AlarmTarget, NoticeTarget]]:
    """Return the targets of a site, each with its settings."""
    settings: list[AlarmTarget] = [*site.notify, *site.webhooks]
    return list(zip(settings, targets_of(site), strict=True))


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
