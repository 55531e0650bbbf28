"""The alarms of a site: raised by events, moved on by time, answered by people.

    report ─▶ events ─┐
    time ─────────────┼─▶ Alarm ─▶ store, with its message in one transaction ─▶ MQTT
    …/alarm/ID/ack ───┘

``pipelines.live.alarms`` says what can happen to an alarm. Here is what holds them: one
alarm for an episode, whatever is reported twice or restarted.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import Any, Final, cast, final

from pydantic import TypeAdapter

from pipelines.clock import Clock
from pipelines.live.alarm_hours import AlarmRules
from pipelines.live.alarms import (
    Alarm,
    AlarmError,
    AlarmRule,
    raise_alarm,
)
from pipelines.records import ActionEvent
from services.errors import StoreError
from services.hub.alarms.answers import Answer, AnswerError, answered
from services.hub.alarms.notices import notices_of
from services.hub.topics import Topics
from services.site.settings import Site
from services.store.notices import Notice
from services.store.outbox import Message
from services.store.store import Store

_RULES: Final = "alarm rules by hour"
_KEPT_RULES: Final = TypeAdapter(AlarmRules)
_NO_RULE = AlarmRule(escalate_s=(), long_lie_s=0.0)
"""Of an alarm whose event alarms no more: it waits for its answer."""


@final
class AlarmDesk:
    """Keeps the alarms; ``changing`` must be entered from a change until ``keep``.

    Args:
        store: Keeps the alarms over restarts.
        topics: Topics of the site.
        rules: Rules of subjects without rules of their own.
        clock: The hub's clock, whose corrections the times of alarms follow.

    Raises:
        StoreError: If the store cannot be read.
    """

    def __init__(
        self, store: Store, topics: Topics, rules: AlarmRules, clock: Clock
    ) -> None:
        self._store, self._topics, self._common = store, topics, rules
        self._clock, self._correction_ns = clock, clock.correction_ns()
        kept = cast("dict[str, Any]", store.notes.recall(_RULES) or {})
        self._rules = {
            name: _KEPT_RULES.validate_python(it) for name, it in kept.items()
        }
        self._open: dict[str, Alarm] = {}
        self._known: set[str] = set()
        self._lock = asyncio.Lock()
        self._is_unsure = False
        self._read()

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """Hold the lock of all changes; first move the alarms if the clock was set.

        A ``StoreError`` in the block leaves open whether the change is on the disk: a
        PostgreSQL may have gone away after it was. Then the store is read again before
        the next change.

        Raises:
            StoreError: If the store cannot be read again, or moved times not be stored.
        """
        async with self._lock:
            if self._is_unsure:
                await asyncio.to_thread(self._read)
                self._is_unsure = False
            try:
                await self._follow_clock()
                yield
            except StoreError:
                self._is_unsure = True
                raise

    def _read(self) -> None:
        self._open = {it.alarm_id: it for it in self._store.alarms.open()}
        self._known = set(self._store.alarms.ids())

    async def _follow_clock(self) -> None:
        """Move the times of the open alarms by what the clock was set, and store them.

        This comes before every change, because a change is dated by the set clock.
        """
        while moved_ns := self._clock.correction_ns() - self._correction_ns:
            moved = {name: each.moved(moved_ns) for name, each in self._open.items()}
            now_ns, alarms = self._clock.now_ns(), list(moved.values())
            await asyncio.to_thread(self._store.take, [], {}, now_ns, alarms)
            self._open = moved
            self._correction_ns += moved_ns

    def set_rules(self, rules: Mapping[str, AlarmRules]) -> None:
        """Set the rules of subjects that have their own, and keep them for a restart.

        Raises:
            StoreError: If they cannot be stored.
        """
        self._rules = dict(rules)
        facts = {name: asdict(each) for name, each in rules.items()}
        self._store.notes.note(_RULES, facts)

    @property
    def open_alarms(self) -> tuple[Alarm, ...]:
        """The alarms that are not over."""
        return tuple(self._open.values())

    @property
    def unanswered(self) -> dict[str, int]:
        """Number of alarms about each person that wait for an answer.

        One that is only suspected calls nobody, so it waits for none.
        """
        counts: dict[str, int] = {}
        for alarm in self._open.values():
            waits = alarm.state in ("confirmed", "escalated")
            waits = waits and alarm.kind == "person"
            counts[alarm.subject_id] = counts.get(alarm.subject_id, 0) + waits
        return counts

    def of_events(self, events: Iterable[ActionEvent], now_ns: int) -> list[Alarm]:
        """Return the alarms that events raise or end.

        An event that was reported before changes nothing.
        """
        changed: dict[str, Alarm] = {}
        for event in events:
            known = changed.get(event.event_id) or self._open.get(event.event_id)
            if event.state == "started":
                is_new = event.event_id not in self._known and known is None
                rule = self._rules_of(event.subject_id).of(event.name, now_ns)
                if rule is not None and is_new:
                    changed[event.event_id] = raise_alarm(event, rule, now_ns)
            elif known is not None:
                after = known.ended(self._rule(known), now_ns)
                if after != known:
                    changed[event.event_id] = after
        return list(changed.values())

    def of_time(self, now_ns: int) -> list[Alarm]:
        """Return the alarms that something was due for."""
        changed = []
        for before in self._open.values():
            after = before.passed(self._rule(before), now_ns)
            if after != before:
                changed.append(after)
        return changed

    def of_answer(self, answer: Answer, now_ns: int) -> list[Alarm]:
        """Return the alarms that a person has answered.

        Raises:
            AnswerError: If the answer cannot be understood, or does not fit.
        """
        meant = self._open.get(answer.about)
        if meant is not None:
            try:
                return [answered(meant, answer, now_ns)]
            except AlarmError as err:
                raise AnswerError(str(err)) from None
        theirs = [it for it in self._open.values() if it.subject_id == answer.about]
        if not theirs:
            state = "is over" if answer.about in self._known else "does not exist"
            msg = f"alarm {answer.about} {state}"
            raise AnswerError(msg)
        changed = []
        for alarm in theirs:
            with suppress(AlarmError):  # as of those acknowledged before
                changed.append(answered(alarm, answer, now_ns))
        return changed

    def of_removed(self, subject_ids: Iterable[str], now_ns: int) -> list[Alarm]:
        """Return the alarms of subjects that are watched no more, resolved."""
        gone = set(subject_ids)
        return [
            alarm.resolved("", None, now_ns, "the subject was removed")
            for alarm in self._open.values()
            if alarm.subject_id in gone
        ]

    def messages(self, changed: Sequence[Alarm]) -> list[Message]:
        """Return the message of each changed alarm."""
        after = {**self._open, **{alarm.alarm_id: alarm for alarm in changed}}
        return [
            self._topics.alarm(alarm, _open_of(alarm.subject_id, after.values()))
            for alarm in changed
        ]

    def notices(self, changed: Sequence[Alarm], site: Site) -> list[Notice]:
        """Return the notices of changed alarms for the targets of a site."""
        return [
            notice
            for alarm in changed
            for notice in notices_of(site, self._open.get(alarm.alarm_id), alarm)
        ]

    def greeting(self) -> list[Message]:
        """Return a message for each subject with open alarms."""
        latest = {alarm.subject_id: alarm for alarm in self._open.values()}
        return self.messages(list(latest.values()))

    def keep(self, changed: Sequence[Alarm]) -> None:
        """Record that the changed alarms are stored."""
        for alarm in changed:
            self._known.add(alarm.alarm_id)
            self._open[alarm.alarm_id] = alarm
            if alarm.is_over:
                del self._open[alarm.alarm_id]

    def _rules_of(self, subject_id: str) -> AlarmRules:
        return self._rules.get(subject_id, self._common)

    def _rule(self, alarm: Alarm) -> AlarmRule:
        """Return the rule of the time at which the alarm was raised."""
        rules = self._rules_of(alarm.subject_id)
        if alarm.kind == "technical":
            return _NO_RULE
        return rules.of(alarm.name, alarm.raised_ns) or _NO_RULE


def _open_of(subject_id: str, alarms: Iterable[Alarm]) -> list[Alarm]:
    mine = (alarm for alarm in alarms if alarm.subject_id == subject_id)
    return [alarm for alarm in mine if not alarm.is_over]
