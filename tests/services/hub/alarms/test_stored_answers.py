"""Answers that a console writes into the store, on SQLite and on PostgreSQL."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, select

from pipelines.clock import SystemClock
from pipelines.live.alarm_hours import AlarmRules, RuleLayer
from pipelines.live.alarms import AlarmRule
from services.demo.broker import Broker
from services.errors import StoreError
from services.hub.alarms.answers import Answer
from services.hub.alarms.desk import AlarmDesk
from services.hub.topics import Topics
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.pages import Filters
from services.store.store import Store
from services.store.tables import coverage
from tests.mqtt_listener import listening
from tests.services.hub.alarms.test_desk import states_of
from tests.services.hub.test_hub import SOON_S, report, running
from tests.services.store.rows import HOUR_NS, alarm, event, message


def site_of(broker: Broker, url: URL, folder: Path, **fall: object) -> Site:
    return Site.model_validate(
        {
            "site": "ward-3",
            "broker": {"port": broker.port},
            "hub": {
                "folder": str(folder),
                "database": url.render_as_string(hide_password=False),
                "port": 0,
                "canary_every_s": 60,
            },
            "alarms": {"fall": fall},
        }
    )


async def outcome_of(console: Store, number: int) -> str:
    """Return what became of an answer, once the hub has looked at it."""
    async with asyncio.timeout(SOON_S):
        while True:
            answer = await asyncio.to_thread(console.answers.one, number)
            assert answer is not None
            if answer.outcome is not None:
                return answer.outcome
            await asyncio.sleep(0.05)


def test_answers_of_a_console_are_applied_and_their_outcome_is_stored(
    store_url: URL, tmp_path: Path
) -> None:
    async def scene(broker: Broker) -> list[str]:
        site = site_of(broker, store_url, tmp_path)
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(report(event()))
            console = Store.joined(store_url)

            async def give(about: str, kind: str, **facts: Any) -> str:
                number = console.answers.give(about, kind, facts, "kim", 1)
                return await outcome_of(console, number)

            outcomes = [
                await give("e1", "ack"),
                await give("e1", "ack"),
                await give("e9", "ack"),
                await give("e1", "snooze", minutes=-1),
                await give("bed-4", "resolve", verdict="false", note="was sitting"),
            ]
            await heard.until(lambda it: "resolved" in states_of(it), SOON_S)
            assert states_of(heard) == ["confirmed", "acknowledged", "resolved"]
            assert console.alarms.open() == []
            (over,) = console.alarms.page(Filters(), 9)
            assert (over.verdict, over.history[-1].by) == ("false", "kim")
            assert console.events.page(Filters(), 9) == [event()]
            console.close()
            return outcomes

    with Broker() as broker:
        outcomes = asyncio.run(scene(broker))
    assert outcomes == [
        "",
        "alarm e1 is already acknowledged",
        "alarm e9 does not exist",
        "minutes must be a number above 0, up to 1440",
        "",
    ]


def test_an_answer_from_while_the_hub_was_down_comes_before_what_is_due(
    store_url: URL, tmp_path: Path
) -> None:
    async def scene(broker: Broker, console: Store, number: int) -> None:
        site = site_of(broker, store_url, tmp_path, escalate_s=[1], long_lie_s=0)
        async with running(site):
            assert await outcome_of(console, number) == ""
            (kept,) = console.alarms.open()
            assert [it.step for it in kept.history][2:] == ["acknowledged"]

    console = Store.migrated(store_url)
    long_ago_ns = SystemClock().now_ns() - HOUR_NS
    console.take([message("1")], {}, 1, [alarm("e1", long_ago_ns)])
    number = console.answers.give("e1", "ack", {}, "kim", 1)
    with Broker() as broker:
        asyncio.run(scene(broker, console, number))
    console.close()


def test_watched_time_is_stored_when_the_hub_ends(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> None:
        site = site_of(broker, sqlite_url(tmp_path), tmp_path)
        async with running(site) as hub:
            await hub.accept(report())

    with Broker() as broker:
        asyncio.run(scene(broker))
    store = Store.joined(sqlite_url(tmp_path))
    rows = store.database.rows(select(coverage))
    online = {it.subject_id: it.seconds for it in rows if it.reason == "online"}
    assert online.keys() == {"bed-4"}
    assert online["bed-4"] > 0
    store.close()


def test_after_a_lost_connection_the_alarms_are_read_again(tmp_path: Path) -> None:
    """The change may be on the disk although its transaction seemed to fail."""
    store = Store.migrated(sqlite_url(tmp_path))
    store.take([message("1")], {}, 1, [alarm()])
    rules = AlarmRules((RuleLayer({"fall": AlarmRule()}),))
    desk = AlarmDesk(store, Topics("wardwatch", "ward"), rules, SystemClock())
    answer = Answer("e1", "ack", {"by": "kim"})
    lost = StoreError("db.local", "the connection was lost")

    async def lose_the_connection() -> None:
        async with desk.changing():
            changed = desk.of_answer(answer, alarm().raised_ns)
            store.take(desk.messages(changed), {}, 1, changed)
            raise lost

    async def scene() -> None:
        with pytest.raises(StoreError):
            await lose_the_connection()
        assert desk.unanswered == {"bed-4": 1}
        async with desk.changing():
            assert desk.unanswered == {"bed-4": 0}

    asyncio.run(scene())
    store.close()
