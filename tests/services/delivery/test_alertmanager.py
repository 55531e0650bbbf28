"""What an Alertmanager is sent, and when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.live.alarms import Alarm, AlarmRule
from services.delivery.alertmanager import AlertmanagerFeed, alerts_of
from services.site.alertmanager import AlertmanagerSettings
from tests.fakes import FakeClock
from tests.services.delivery.test_notices import until
from tests.services.store.rows import START_NS, alarm
from tests.web_receiver import Receiver, receiver


@asynccontextmanager
async def feeding(
    server: Receiver, alarms: list[Alarm], **more: object
) -> AsyncIterator[tuple[AlertmanagerFeed, FakeClock]]:
    address = f"http://127.0.0.1:{server.port}/prefix/"
    settings = AlertmanagerSettings.model_validate({"url": address, **more})
    clock = FakeClock(START_NS)
    feed = AlertmanagerFeed(settings, "ward-3", lambda: list(alarms), clock)
    task = asyncio.create_task(feed.run())
    try:
        yield feed, clock
    finally:
        task.cancel()
        await asyncio.wait([task])


async def pass_s(clock: FakeClock, duration_s: float) -> None:
    await clock.wait_for_sleepers()
    clock.advance_s(duration_s)
    await asyncio.sleep(0)
    await clock.wait_for_sleepers()


def alerts(posted: Any) -> dict[tuple[str, str], timedelta]:
    """Return each alert's id and priority, with how long it will last."""
    now = datetime.fromisoformat("2023-11-14T22:13:20+00:00")
    return {
        (it["labels"]["alarm_id"], it["labels"]["priority"]): (
            datetime.fromisoformat(it["endsAt"]) - now
        )
        for it in posted.facts
    }


def seconds(posted: Any) -> dict[tuple[str, str], int]:
    return {key: round(it.total_seconds()) for key, it in alerts(posted).items()}


def test_an_open_alarm_is_repeated_and_its_end_is_sent_once() -> None:
    async def scene(server: Receiver) -> None:
        open_alarms = [alarm()]
        async with feeding(server, open_alarms, repeat_s=10) as (feed, clock):
            await pass_s(clock, 5)
            await pass_s(clock, 5)
            open_alarms.clear()
            await pass_s(clock, 5)
            await pass_s(clock, 500)
            assert not feed.trouble

    with receiver() as server:
        asyncio.run(scene(server))
    key = ("e1", "high")
    assert [seconds(it) for it in server.taken] == [{key: 40}, {key: 50}, {key: 15}]
    assert {it.path for it in server.taken} == {"/prefix/api/v2/alerts"}


def test_a_higher_priority_is_another_alert_and_a_suspicion_is_none() -> None:
    async def scene(server: Receiver) -> None:
        suspected = replace(alarm("e2"), state="suspected")
        open_alarms = [replace(alarm(), priority="low"), suspected]
        async with feeding(server, open_alarms) as (_, clock):
            await clock.wait_for_sleepers()
            open_alarms[0] = replace(open_alarms[0], priority="high")
            await pass_s(clock, 1)

    with receiver() as server:
        asyncio.run(scene(server))
    first, second = [seconds(it) for it in server.taken]
    assert first == {("e1", "low"): 120}
    assert second == {("e1", "high"): 121, ("e1", "low"): 1}


def test_an_alert_says_its_kind_and_who_answered_last() -> None:
    answered = alarm().acknowledged("kim", START_NS + 1)
    recovered = answered.ended(AlarmRule(), START_NS + 2)
    technical = replace(alarm("e2"), kind="technical")
    found = alerts_of([recovered, technical], "ward-3").values()
    told = [(it["labels"]["kind"], it["annotations"]["by"]) for it in found]
    assert told == [("person", "kim"), ("technical", "")]


def test_no_token_and_no_alarm_can_end_the_sending(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    token = tmp_path / "token"
    token.write_text("hünter2")

    async def scene(server: Receiver) -> None:
        open_alarms = [alarm()]
        more = {"token_file": str(token)}
        async with feeding(server, open_alarms, **more) as (feed, clock):
            await clock.wait_for_sleepers()
            ascii_only = "alertmanager: its login or address is not ASCII"
            assert feed.trouble == ascii_only
            token.write_text("hunter2")
            open_alarms[0] = replace(alarm(), raised_ns=2**80)  # after year 9999
            for _ in range(2):
                await pass_s(clock, 30)
                assert feed.trouble.startswith("alertmanager: ValueError at clock.py:")
            open_alarms[0] = alarm()
            await pass_s(clock, 30)
            assert not feed.trouble

    with receiver() as server:
        asyncio.run(scene(server))
    assert len(server.taken) == 1
    assert caplog.text.count("trying again") == 1
    assert "nter2" not in caplog.text


def test_an_end_that_was_not_taken_is_sent_again_with_the_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("hunter2\n")

    async def scene(server: Receiver) -> None:
        open_alarms = [alarm()]
        more = {"token_file": str(token)}
        async with feeding(server, open_alarms, **more) as (feed, clock):
            await clock.wait_for_sleepers()
            open_alarms.clear()
            server.status_of = lambda _: 401
            await pass_s(clock, 1)
            assert feed.trouble == "alertmanager: answers HTTP 401"
            server.status_of = lambda _: 200
            await pass_s(clock, 30)
            await until(lambda: len(server.taken) == 2)
            await clock.wait_for_sleepers()
            assert not feed.trouble
            token.unlink()
            open_alarms.append(alarm("e2"))
            await pass_s(clock, 1)
            assert feed.trouble == f"alertmanager: {token}: No such file or directory"

    with receiver() as server:
        asyncio.run(scene(server))
    assert [set(seconds(it)) for it in server.taken] == [{("e1", "high")}] * 2
    assert {it.headers["Authorization"] for it in server.taken} == {"Bearer hunter2"}


def test_another_alertmanager_gets_all_that_is_open_at_once() -> None:
    async def scene(server: Receiver, other: Receiver) -> None:
        async with feeding(server, [alarm()], repeat_s=10) as (feed, clock):
            await clock.wait_for_sleepers()
            url = f"http://127.0.0.1:{other.port}"
            feed.change(AlertmanagerSettings.model_validate({"url": url}))
            await until(lambda: other.taken)
            other.status_of = lambda _: 503
            await pass_s(clock, 30)
            assert feed.trouble
            feed.change(None)
            assert not feed.trouble
            await pass_s(clock, 500)

    with receiver() as server, receiver() as other:
        asyncio.run(scene(server, other))
    assert [seconds(it) for it in server.taken] == [{("e1", "high"): 40}]
    assert [seconds(it) for it in other.taken] == [{("e1", "high"): 120}]
    assert len(other.refused) == 1
