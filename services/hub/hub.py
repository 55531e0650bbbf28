"""The hub: stores what must not be lost, publishes it, and reports the site's state.

    watchers ──Report──▶ store ──outbox──▶ MQTT
                 │                           │
                 └────────▶ metrics ◀────────┘ ──▶ /metrics, /readyz

Each site has one hub, a named actor that Ray always restarts. A restarted hub goes on
from its store; the states of sources come with the watchers' next reports.
"""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import cast, final

import uvicorn
from prometheus_client import CollectorRegistry

from pipelines.clock import Clock, SystemClock, seconds_to_ns
from pipelines.live.alarms import Alarm, AlarmRule
from pipelines.recognition import ActionRecognizer
from pipelines.records import BED_EXIT, ActionEvent, SourceRole
from services.delivery.announcements import Announcements
from services.delivery.link import BrokerLink
from services.delivery.mqtt import MqttDelivery
from services.delivery.notices import NoticeDelivery
from services.errors import StoreError
from services.hub.alarm_desk import AlarmDesk
from services.hub.alarm_rounds import AlarmRounds
from services.hub.canary import Canary
from services.hub.clock import HubClock
from services.hub.http import listen_again, make_server
from services.hub.kept_states import KeptStates
from services.hub.metrics import Metrics
from services.hub.reports import Report, SubjectState
from services.hub.seen_keeper import SeenKeeper
from services.hub.topics import Topics, overall_state
from services.site.alarms import alarm_rules
from services.site.settings import Site
from services.store.outbox import Message, Queued
from services.store.store import Store
from services.tasks import end_tasks

logger = logging.getLogger(__name__)

_ROUND_S = 2.0
_SILENT_NS = seconds_to_ns(12.0)
"""Silence after which a watcher counts as gone."""
_FLUSH_S = 5.0
_HTTP_END_S = 1.0
_EXPECTED, _PORT = "expected sources", "port"


@dataclass(frozen=True, slots=True)
class HubState:
    """State of the hub.

    ``pending`` messages wait for the broker; ``troubles`` are why it is not ready.
    """

    url: str
    pending: int
    troubles: tuple[str, ...]


@final
class Hub:
    """The hub of one site.

    Without a folder the store is in the configured one.

    Raises:
        StoreError: If the store cannot be opened.
        PortTaken: If another program listens on the configured port.
    """

    def __init__(
        self,
        site: Site,
        recognizer: ActionRecognizer,
        folder: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._site, self._clock = site, clock or SystemClock()
        self._topics = Topics(site.broker.prefix, site.site)
        self._store = Store.migrated(site.hub.store_url(folder))
        names = [*recognizer.info.event_names, BED_EXIT]
        now_ns = self._clock.now_ns()
        self._metrics = Metrics(CollectorRegistry(), names, now_ns)
        self._dates = HubClock(self._clock, self._store, self._metrics, self._topics)
        self._announcements = Announcements(
            self._store,
            self._topics,
            names,
            self._clock,
            is_on=site.broker.home_assistant,
        )
        self._canary = Canary(
            recognizer,
            self._store.notes,
            self._clock,
            self._dates,
            self._metrics,
            self._topics,
            publish=lambda message: self._store_messages([message]),
        )
        self._kept = KeptStates(self._store.notes, self._topics)
        self._desk = AlarmDesk(self._store, self._topics, alarm_rules(site.alarms))
        self._notices = NoticeDelivery(site.notify, self._store.notices, self._clock)
        self._rounds = AlarmRounds(
            self._desk,
            self._clock,
            self._dates,
            self._metrics,
            self._topics,
            self._store_alarms,
        )
        self._broker_trouble = "the broker is not connected yet"
        self._store_trouble = ""
        expected = self._store.notes.recall(_EXPECTED) or {}
        self._expected = cast("dict[str, list[SourceRole]]", expected)
        self._seen = SeenKeeper(self._store, self._dates, self._expected)
        self._states: dict[str, SubjectState] = {}
        self._reported: dict[str, object] = {}
        self._reports: dict[str, tuple[int, Report]] = {}
        self._began_ns = now_ns
        self._tasks: list[asyncio.Task[None]] = []
        self._delivery: MqttDelivery | None = None
        self._server: uvicorn.Server | None = None
        kept_port = cast("int | None", self._store.notes.recall(_PORT))
        self._listener = listen_again(site.hub.host, site.hub.port, kept_port)
        self.port: int = self._listener.getsockname()[1]
        with suppress(StoreError):  # a full disk must not prevent the start
            self._store.notes.note(_PORT, self.port)
        self._metrics.watch(self._expected)
        for event in self._store.events.open(list(self._expected)):
            self._metrics.goes_on(event)

    async def state(self) -> HubState:
        """Return the hub's state; the first call starts its work."""
        self._wake()
        pending, _ = await asyncio.to_thread(self._store.outbox.backlog)
        return HubState(
            f"http://{self._site.hub.host}:{self.port}",
            pending,
            tuple(self._troubles()),
        )

    async def expect(
        self,
        subjects: Mapping[str, Sequence[SourceRole]],
        rules: Mapping[str, Mapping[str, AlarmRule]] = MappingProxyType({}),
    ) -> None:
        """Set the subjects to watch, each with its sources and its rules of alarms.

        Without rules of its own, a subject has the site's.

        Removed subjects are forgotten, and their retained messages withdrawn.
        """
        self._wake()
        before = self._expected
        gone = before.keys() - subjects.keys()
        await self._announcements.expect(list(subjects), list(before))
        self._expected = {name: list(roles) for name, roles in subjects.items()}
        await asyncio.to_thread(self._store.notes.note, _EXPECTED, self._expected)
        await self._seen.expect(self._expected)
        await asyncio.to_thread(self._desk.set_rules, rules)
        self._metrics.watch(self._expected)
        now_ns = self._clock.now_ns()
        for name in gone:
            self._states.pop(name, None)
            self._reported.pop(name, None)
        forgotten = [self._topics.forget(name, now_ns) for name in gone]
        empty = dict.fromkeys(gone, SubjectState())
        kept, kept_messages = self._kept.changes(empty, now_ns)
        left_behind = await self._announcements.left_behind(list(before), now_ns)
        await self._store_messages([*left_behind, *forgotten, *kept_messages])
        await self._kept.sent(kept)
        async with self._desk.changing:
            changed = self._desk.of_removed(gone, self._dates.utc_ns())
            deleted = [self._topics.forget_alarms(name, now_ns) for name in gone]
            await self._store_messages(
                [*self._desk.messages(changed), *deleted], alarms=changed
            )
            self._desk.keep(changed)
        await self._announcements.settled()
        if self._delivery is not None:
            self._delivery.announce()

    async def accept(self, report: Report) -> None:
        """Keep a report's events and alerts; return once they are on the disk.

        Raises:
            StoreError: If they cannot be written; the watcher must send them again.
        """
        self._wake()
        now_ns = self._clock.now_ns()
        states = report.subjects.items()
        known = {name: state for name, state in states if name in self._expected}
        summaries, changes = self._changed_states(known, now_ns)
        kept, kept_messages = self._kept.changes(known, now_ns)
        events = {self._topics.event(event).key: event for event in report.events}
        async with self._desk.changing:
            alarms = self._desk.of_events(report.events, self._dates.utc_ns())
            messages = [
                *(self._topics.event(event) for event in report.events),
                *self._desk.messages(alarms),
                *(self._topics.drift(alert) for alert in report.alerts),
                *changes,
                *kept_messages,
            ]
            new = await self._store_messages(messages, events, alarms)
            self._desk.keep(alarms)
        await self._kept.sent(kept)
        self._reported |= {  # some may have been removed meanwhile
            name: summary
            for name, summary in summaries.items()
            if name in self._expected
        }
        for key, event in events.items():
            if key in new:
                self._metrics.happened(event)
        _, earlier = self._reports.get(report.watcher, (0, None))
        if earlier is None or earlier.sent_ns != report.sent_ns:  # or it came twice
            self._metrics.count(report.counts)
        for name, state in known.items():
            if name in self._expected:  # it may have been removed meanwhile
                self._states[name] = state
                self._metrics.saw(name, state)
        self._reports[report.watcher] = now_ns, report
        await self._seen.keep(known, report.events, alarms)

    async def open_events(self, subject_ids: Sequence[str]) -> list[ActionEvent]:
        """Return the subjects' episodes that have started and not ended."""
        self._wake()
        return await asyncio.to_thread(self._store.events.open, subject_ids)

    async def stop(self) -> None:
        """Deliver what the broker accepts in time, then end everything."""
        if self._delivery is not None:
            self._delivery.wake()
            try:
                await asyncio.wait_for(self._delivery.wait_idle(), _FLUSH_S)
            except TimeoutError:
                logger.warning(
                    "some messages are not delivered; the next start sends them"
                )
        if self._server is not None:  # cancelled, it would leave its sockets registered
            self._server.should_exit = True
            http = [task for task in self._tasks if task.get_name() == "hub http"]
            await asyncio.wait(http, timeout=_HTTP_END_S)
        await end_tasks(self._tasks)
        self._listener.close()
        self._store.close()

    def _wake(self) -> None:
        """Start all tasks; an actor has no event loop before its first call."""
        if self._tasks:
            return
        self._delivery = MqttDelivery(
            BrokerLink.of(self._site.broker),
            self._store.outbox,
            self._clock,
            greeting=self._greeting,
            will=self._topics.service("offline"),
            observer=self,
            test_topic=self._topics.test if self._site.broker.confirm else None,
            announcer=self._announcements,
            inbox=self._rounds,
        )
        self._server = server = make_server(
            self._metrics.registry, self._troubles, self._delivery.proof.notes
        )
        tasks = {
            "delivery": self._delivery.run(),
            "http": server.serve(sockets=[self._listener]),
            "rounds": self._check_regularly(),
            "canary": self._canary.run(self._site.hub.canary_every_s),
            "alarms": self._rounds.move_on(),
            "answers": self._rounds.take_answers(),
            "notices": self._notices.run(),
        }
        self._tasks = [
            asyncio.create_task(task, name=f"hub {name}")
            for name, task in tasks.items()
        ]
        for task in self._tasks:
            task.add_done_callback(_die_of_failure)

    async def _store_messages(
        self,
        messages: Sequence[Message],
        events: Mapping[str, ActionEvent] = MappingProxyType({}),
        alarms: Sequence[Alarm] = (),
    ) -> frozenset[str]:
        """Store messages with their events and alarms; return the keys of new ones."""
        if not messages:
            return frozenset()
        now_ns = self._clock.now_ns()
        try:
            notices = self._desk.notices(alarms, self._site.notify)
            new = await asyncio.to_thread(
                self._store.take, messages, events, now_ns, alarms, notices
            )
        except StoreError as err:
            if not self._store_trouble:
                logger.error(
                    "%s; watchers keep their events until it can be written", err
                )
            self._store_trouble = str(err)
            raise
        self._store_trouble = ""
        if new and self._delivery is not None:
            self._delivery.wake()
        if notices:
            self._notices.wake()
        return new

    def _changed_states(
        self, states: Mapping[str, SubjectState], now_ns: int
    ) -> tuple[dict[str, object], list[Message]]:
        """Return the subjects whose state has changed, and a message for each."""
        summaries: dict[str, object] = {}
        messages = []
        for name, state in states.items():
            summary = (
                overall_state(state),
                state.camera and (state.camera.state, state.camera.time_base),
                state.wearable and state.wearable.state,
            )
            if self._reported.get(name) != summary:
                summaries[name] = summary
                messages.append(self._topics.status(name, state, now_ns))
        return summaries, messages

    async def _check_regularly(self) -> None:
        """Find what nobody reports: silent watchers, the length of the outbox."""
        while True:
            now_ns = self._clock.now_ns()
            alive = {
                name: report
                for name, (at_ns, report) in self._reports.items()
                if now_ns - at_ns < _SILENT_NS
            }
            self._reports = {name: self._reports[name] for name in alive}
            waiting = sum(report.waiting for report in alive.values())
            self._metrics.watchers(len(alive), waiting)
            unseen = {
                name: SubjectState(
                    has_wearable="imu" in sources,
                    has_camera="camera" in sources,
                    is_watched=False,
                )
                for name, sources in self._expected.items()
                if name in self._unwatched(now_ns)
            }
            summaries, messages = self._changed_states(unseen, now_ns)
            for name, state in unseen.items():
                self._states[name] = state
                self._metrics.lost(name)
            try:
                corrections = await asyncio.to_thread(self._dates.follow)
                await self._store_messages([*messages, *corrections])
                backlog = await asyncio.to_thread(self._store.outbox.backlog)
                if self._store_trouble:  # is there room again?
                    await asyncio.to_thread(self._store.notes.note, _PORT, self.port)
            except StoreError as err:
                self._store_trouble = str(err)
            else:
                self._store_trouble = ""
                self._reported |= summaries
                self._metrics.outbox(*backlog)
                await self._seen.keep(unseen)
            if self._delivery is not None:
                self._metrics.proof(
                    self._delivery.proof.is_confirmed,
                    self._delivery.refused_topics,
                    self._delivery.refused,
                )
            await self._clock.sleep_s(_ROUND_S)

    def _unwatched(self, now_ns: int) -> list[str]:
        if now_ns - self._began_ns < _SILENT_NS:
            return []
        reports = [report for _, report in self._reports.values()]
        seen = {name for report in reports for name in report.subjects}
        return [name for name in self._expected if name not in seen]

    def _troubles(self) -> list[str]:
        """Return the reasons why the system is not ready."""
        unwatched = self._unwatched(self._clock.now_ns())
        asking = sum(not state.is_recognised for state in self._states.values())
        return [
            trouble
            for trouble in (
                self._store_trouble,
                self._broker_trouble,
                *([] if self._delivery is None else self._delivery.troubles()),
                *self._notices.troubles(),
                self._canary.trouble,
                f"recognition does not answer for {asking} subjects" if asking else "",
                f"no watcher reports {', '.join(unwatched)}" if unwatched else "",
            )
            if trouble
        ]

    async def _store_alarms(self, alarms: Sequence[Alarm]) -> None:
        """Store changed alarms with their messages; ``changing`` must be held."""
        await self._store_messages(self._desk.messages(alarms), alarms=alarms)
        self._desk.keep(alarms)

    def connected(self, is_up: bool, reason: str) -> None:
        """Record whether the broker is connected, and why not."""
        self._broker_trouble = "" if is_up else f"broker: {reason}"
        self._metrics.broker(is_up)

    def delivered(self, queued: Queued, now_ns: int) -> None:
        """Record a delivered message."""
        kind = queued.message.key.split()[0]
        self._metrics.delivered(kind, now_ns - queued.queued_ns)

    def _greeting(self) -> list[Message]:
        """Return the states, which the broker may have forgotten while it was down."""
        now_ns = self._clock.now_ns()
        return [
            self._topics.service("online"),
            *(
                self._topics.status(name, state, now_ns)
                for name, state in self._states.items()
            ),
            *self._kept.greeting(now_ns),
            *self._desk.greeting(),
        ]


def _die_of_failure(task: asyncio.Task[None]) -> None:
    """End the process if one of the hub's tasks fails, so that Ray restarts it."""
    if not task.cancelled() and task.exception() is not None:
        logger.critical("%s failed", task.get_name(), exc_info=task.exception())
        os._exit(1)
