"""The hub: stores what must not be lost, publishes it, and reports the site's state.

    watchers ──Report──▶ store ──outbox──▶ MQTT
                 │                           │
                 └────────▶ metrics ◀────────┘ ──▶ /metrics, /readyz

Each site has one hub, a named actor that Ray always restarts. A restarted hub goes on
from its store; the states of sources come with the watchers' next reports.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from types import MappingProxyType
from typing import cast, final

import uvicorn
from prometheus_client import CollectorRegistry

from pipelines.clock import Clock, SystemClock
from pipelines.live.alarm_hours import AlarmRules
from pipelines.live.alarms import Alarm
from pipelines.recognition import ActionRecognizer
from pipelines.records import BED_EXIT, ActionEvent, SourceRole
from services.clips.sealed import SealedClip
from services.delivery.announcements import Announcements
from services.errors import StoreError
from services.hub.alarms.desk import AlarmDesk
from services.hub.alarms.rounds import AlarmRounds
from services.hub.alarms.technical import (
    RECOGNITION_FAILS,
    SITE_SUBJECT,
    Faults,
    TechnicalAlarms,
    TechnicalRounds,
    faults_of,
)
from services.hub.canary import Canary
from services.hub.clock import HubClock
from services.hub.history.clip_keeper import ClipKeeper
from services.hub.history.retention import Retention
from services.hub.history.seen_keeper import SeenKeeper
from services.hub.http import listen_again, make_server
from services.hub.kept_states import KeptStates
from services.hub.metrics.metrics import Metrics
from services.hub.regular_round import RegularRound
from services.hub.reports import Report, SubjectState
from services.hub.subject_states import SubjectStates
from services.hub.topics import Topics
from services.hub.ways_out import WaysOut
from services.hub.writer import StoreWriter
from services.site.settings import Site
from services.store.notes import EXPECTED_SOURCES, HUB_PORT
from services.store.notices import Notice
from services.store.outbox import Message
from services.store.store import Store
from services.tasks import die_of_failure, end_tasks

logger = logging.getLogger(__name__)

_HTTP_END_S = 1.0


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
        clock = self._clock
        self._topics = topics = Topics(site.broker.prefix, site.site)
        self._store = store = Store.migrated(
            site.hub.store_url(folder), site.site, site.hub.former_site
        )
        names = [*recognizer.info.event_names, BED_EXIT]
        now_ns = clock.now_ns()
        self._metrics = metrics = Metrics(CollectorRegistry(), names, now_ns)
        self._dates = dates = HubClock(clock, store, metrics.hub, topics)
        self._announcements = Announcements(
            store, topics, names, clock, is_on=site.broker.home_assistant
        )
        self._canary = Canary(
            recognizer, store.notes, clock, dates, metrics.hub, topics, self._publish
        )
        self._kept = KeptStates(store.notes, topics)
        self._desk = desk = AlarmDesk(store, topics, site.common_alarm_rules(), clock)
        self._out = out = WaysOut(
            site,
            store,
            clock,
            topics,
            metrics.delivery,
            self._announcements,
            lambda: desk.open_alarms,
        )
        keep = self._keep_alarms
        self._rounds = AlarmRounds(
            desk, clock, dates, metrics.subjects, topics, store.answers, keep
        )
        technical = (
            TechnicalAlarms(site.technical_after_s) if site.technical_alarms else None
        )
        self._technical = TechnicalRounds(
            technical, self._faults, desk, clock, dates, keep
        )
        notices = self._notices_of
        self._writer = StoreWriter(store, clock, notices, out.wake, out.wake_notices)
        noted = store.notes.recall(EXPECTED_SOURCES) or {}
        expected = cast("dict[str, list[SourceRole]]", noted)
        self._states = states = SubjectStates(expected, topics, metrics, now_ns)
        self._seen = SeenKeeper(store, dates, states)
        self._clips = ClipKeeper(site, store, dates, metrics.hub)
        self._round = RegularRound(
            states, self._seen, store, self._writer, clock, dates, metrics, out.measure
        )
        self._retention = Retention(site.hub.keep_days, store.database, clock, dates)
        self._tasks: list[asyncio.Task[None]] = []
        self._server: uvicorn.Server | None = None
        self._listener = self._listen()
        self.port: int = self._listener.getsockname()[1]
        for event in store.events.open(list(expected)):
            metrics.subjects.goes_on(event)

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
        rules: Mapping[str, AlarmRules] = MappingProxyType({}),
    ) -> None:
        """Set the subjects to watch, each with its sources and its rules of alarms.

        Without rules of its own, a subject has the site's.

        Removed subjects are forgotten, and their retained messages withdrawn.

        Raises:
            StoreError: If something cannot be stored; the next call does all of it.
        """
        self._wake()
        notes = self._store.notes
        noted = await asyncio.to_thread(notes.recall, EXPECTED_SOURCES) or {}
        before = cast("dict[str, list[SourceRole]]", noted)
        await self._announcements.expect(list(subjects), list(before))
        self._states.expect(subjects)
        await self._seen.forget_others()
        await asyncio.to_thread(self._desk.set_rules, rules)
        now_ns = self._clock.now_ns()
        left_behind = await self._announcements.left_behind(list(before), now_ns)
        await self._writer.keep(left_behind)
        await self._withdraw(before.keys() - subjects.keys(), now_ns)
        # Last, because it is the only trace of the subjects that are to be withdrawn.
        expected = self._states.expected
        await asyncio.to_thread(notes.note, EXPECTED_SOURCES, expected)
        await self._announcements.settled()
        self._out.announce()

    async def _withdraw(self, gone: Collection[str], now_ns: int) -> None:
        """End the alarms of removed subjects, and delete their retained messages."""
        forgotten = [self._topics.forget(name, now_ns) for name in gone]
        deleted = [self._topics.forget_alarms(name, now_ns) for name in gone]
        empty = dict.fromkeys(gone, SubjectState())
        async with self._desk.changing():  # after each report that still knew them
            kept, kept_messages = self._kept.changes(empty, now_ns)
            changed = self._desk.of_removed(gone, self._dates.utc_ns())
            messages = [*forgotten, *kept_messages, *self._desk.messages(changed)]
            await self._writer.keep([*messages, *deleted], alarms=changed)
            self._desk.keep(changed)
        await self._kept.sent(kept)

    async def deliver_to(self, site: Site) -> None:
        """Send alarms to the phones, webhooks and Alertmanager of a changed site.

        Clips of subjects that consent no more are deleted. Every other setting of the
        site must be the one that the hub was started with.
        """
        self._wake()
        await self._out.targets.note(site)
        self._site = site
        self._out.change(site)
        await self._clips.settle(site)
        self._out.targets.known()

    async def accept(self, report: Report) -> None:
        """Keep a report's events and alerts; return once they are on the disk.

        Its watcher may report a removed subject for a while. Such events are stored and
        published, but raise no alarm, because nothing would end it.

        Raises:
            StoreError: If they cannot be written; the watcher must send them again.
        """
        self._wake()
        await self._out.targets.wait()
        now_ns = self._clock.now_ns()
        known = self._states.known(report)
        summaries, changes = self._states.changes(known, now_ns)
        kept, kept_messages = self._kept.changes(known, now_ns)
        events = {self._topics.event(event).key: event for event in report.events}
        async with self._desk.changing():
            watched = [
                event
                for event in report.events
                if event.subject_id in self._states.expected
            ]
            alarms = self._desk.of_events(watched, self._dates.utc_ns())
            messages = [
                *(self._topics.event(event) for event in report.events),
                *self._desk.messages(alarms),
                *(self._topics.drift(alert) for alert in report.alerts),
                *changes,
                *kept_messages,
            ]
            new = await self._writer.keep(messages, events, alarms)
            self._desk.keep(alarms)
        await self._kept.sent(kept)
        self._states.announced(summaries)
        for key, event in events.items():
            if key in new:
                self._metrics.subjects.happened(event)
        self._states.reported(report, now_ns)
        self._seen.keep(known, report.events, alarms)

    async def open_events(self, subject_ids: Sequence[str]) -> list[ActionEvent]:
        """Return the subjects' episodes that have started and not ended."""
        self._wake()
        return await asyncio.to_thread(self._store.events.open, subject_ids)

    async def keep_clip(self, clip: SealedClip) -> None:
        """Keep the encrypted clip of an alarm.

        Raises:
            StoreError: If it cannot be written; the watcher may send it again.
        """
        self._wake()
        await self._out.targets.wait()
        await self._clips.keep(clip)

    async def stop(self) -> None:
        """Deliver what the broker accepts in time, then end everything."""
        await self._out.flush()
        if self._server is not None:  # cancelled, it would leave its sockets registered
            self._server.should_exit = True
            http = [task for task in self._tasks if task.get_name() == "hub http"]
            await asyncio.wait(http, timeout=_HTTP_END_S)
        await end_tasks(self._tasks)
        await self._round.end()
        await self._seen.write()
        self._listener.close()
        self._store.close()

    def _listen(self) -> socket:
        """Listen on the configured port, or where the hub before this one did."""
        hub, notes = self._site.hub, self._store.notes
        kept_port = cast("int | None", notes.recall(HUB_PORT))
        listener = listen_again(hub.host, hub.port, kept_port)
        with suppress(StoreError):  # a full disk must not prevent the start
            notes.note(HUB_PORT, listener.getsockname()[1])
        return listener

    def _wake(self) -> None:
        """Start all tasks; an actor has no event loop before its first call."""
        if self._tasks:
            return
        ways_out = self._out.open(self._greeting, inbox=self._rounds)
        self._server = server = make_server(
            self._metrics.registry, self._troubles, self._out.notes
        )
        targets = self._out.targets
        tasks = {
            **ways_out,
            "http": server.serve(sockets=[self._listener]),
            "round": self._round.run(),
            "seen": self._seen.run(),
            "canary": self._canary.run(self._site.hub.canary_every_s),
            "alarms": targets.then(self._rounds.move_on),
            "heard answers": targets.then(self._rounds.take_heard),
            "technical alarms": targets.then(self._technical.run),
            "stored answers": targets.then(self._rounds.take_stored),
            "retention": self._retention.run(),
        }
        self._tasks = [
            asyncio.create_task(task, name=f"hub {name}")
            for name, task in tasks.items()
        ]
        for task in self._tasks:
            task.add_done_callback(die_of_failure)

    def _troubles(self) -> list[str]:
        """Return the reasons why the system is not ready."""
        return [
            trouble
            for trouble in (
                self._writer.trouble,
                *self._out.troubles(),
                self._canary.trouble,
                *self._states.troubles(self._clock.now_ns()),
            )
            if trouble
        ]

    async def _publish(self, message: Message) -> None:
        """Store a message, which is then published."""
        await self._writer.keep([message])

    def _notices_of(self, alarms: Sequence[Alarm]) -> list[Notice]:
        """Return the notices of alarms to the targets of the site as it is now."""
        return self._desk.notices(alarms, self._site)

    async def _keep_alarms(
        self, alarms: Sequence[Alarm], outcomes: Mapping[int, str]
    ) -> None:
        """Store changed alarms with their messages; ``changing`` must be held."""
        messages = self._desk.messages(alarms)
        await self._writer.keep(messages, alarms=alarms, outcomes=outcomes)
        self._desk.keep(alarms)

    def _faults(self) -> Faults:
        """Return what is known of the faults of all subjects and of recognition."""
        found = faults_of(self._states.current)
        if self._canary.has_tested:
            found[SITE_SUBJECT, RECOGNITION_FAILS] = bool(self._canary.trouble)
        return found

    def _greeting(self) -> list[Message]:
        """Return the states, which the broker may have forgotten while it was down."""
        now_ns = self._clock.now_ns()
        return [
            self._topics.service("online"),
            *(
                self._topics.status(name, state, now_ns)
                for name, state in self._states.current.items()
            ),
            *self._kept.greeting(now_ns),
            *self._desk.greeting(),
        ]
