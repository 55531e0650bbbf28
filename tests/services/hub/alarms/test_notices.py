"""Alarms reach a phone's gateway: a real HTTP server that apprise posts to."""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.clock import NS_PER_S
from services.command_line import app
from services.demo.broker import Broker
from services.errors import SettingsError
from services.hub.alarms.notices import notices_of
from services.hub.hub import Hub
from services.site.file import read_site
from services.site.settings import Site
from tests.mqtt_listener import listening
from tests.services.hub.alarms.test_desk import answer, states_of
from tests.services.hub.test_hub import SOON_S, report, running
from tests.services.store.rows import alarm, event
from tests.web_receiver import Receiver, receiver


def titles_of(phone: Receiver) -> list[str]:
    return [posted.facts["title"] for posted in phone.taken]


def bodies_of(phone: Receiver) -> list[str]:
    return [posted.facts["message"] for posted in phone.taken]


def site_of(broker: Broker, folder: Path, *targets: object, **fall: object) -> Site:
    return Site.model_validate(
        {
            "site": "ward-3",
            "broker": {"port": broker.port},
            "hub": {"folder": str(folder), "port": 0, "canary_every_s": 60},
            "alarms": {"fall": fall},
            "notify": list(targets),
        }
    )


async def until_troubles(hub: Hub, is_so: Callable[[tuple[str, ...]], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not is_so((await hub.state()).troubles):  # noqa: ASYNC110  its own tasks
            await asyncio.sleep(0.02)


async def until(holds: object, within_s: float = SOON_S) -> None:
    assert callable(holds)
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110  the server is in another thread
            await asyncio.sleep(0.05)


def test_a_phone_gets_the_alarm_at_once_and_another_when_nobody_answers(
    tmp_path: Path,
) -> None:
    async def scene(broker: Broker, first: Receiver, second: Receiver) -> None:
        file = tmp_path / "url"
        file.write_text(f"json://127.0.0.1:{second.port}/b\n")
        nurse = {"name": "nurse", "url": f"json://127.0.0.1:{first.port}/a"}
        doctor = {"name": "doctor", "url_file": str(file), "from_step": 1}
        site = site_of(broker, tmp_path, nurse, doctor, escalate_s=[1])
        async with running(site) as hub:
            for sent_ns in (1, 2):  # told twice
                await hub.accept(report(event(), sent_ns=sent_ns))
            await until(lambda: second.taken)
            await until(lambda: len(first.taken) == 2)

    with Broker() as broker, receiver() as first, receiver() as second:
        asyncio.run(scene(broker, first, second))
    assert titles_of(first) == ["bed-4: fall"] * 2
    assert titles_of(second) == ["bed-4: fall"]
    assert bodies_of(first)[0].startswith("confirmed at ")
    end = "priority high; the camera is sure to 90%; alarm e1"
    assert bodies_of(first)[0].endswith(end)
    assert bodies_of(second)[0].startswith("escalated at ")


def test_a_phone_that_is_added_while_the_hub_runs_gets_the_next_alarm(
    tmp_path: Path,
) -> None:
    async def scene(broker: Broker, phone: Receiver) -> None:
        before = site_of(broker, tmp_path)
        nurse = {"name": "nurse", "url": f"json://127.0.0.1:{phone.port}/a"}
        async with running(before) as hub:
            await hub.deliver_to(site_of(broker, tmp_path, nurse))
            await hub.accept(report(event()))
            await until(lambda: phone.taken)

    with Broker() as broker, receiver() as phone:
        asyncio.run(scene(broker, phone))
    assert titles_of(phone) == ["bed-4: fall"]


@pytest.mark.parametrize(
    ("timezone", "at"),
    [
        ("UTC", "22:13:20 UTC on 2023-11-14"),
        ("Europe/Berlin", "23:13:20 CET on 2023-11-14"),
        ("Asia/Tokyo", "07:13:20 JST on 2023-11-15"),
    ],
)
def test_a_phone_reads_the_time_of_the_wards_clock(timezone: str, at: str) -> None:
    target = {"name": "nurse", "url": "json://127.0.0.1/a"}
    site = Site.model_validate(
        {"site": "ward-3", "timezone": timezone, "notify": [target]}
    )
    (notice,) = notices_of(site, None, alarm())
    assert notice.body.startswith(f"confirmed at {at}; priority high; ")


def test_who_calls_for_help_calls_the_next_step_at_once() -> None:
    targets = [
        {"name": name, "url": "json://127.0.0.1/a", "from_step": step}
        for name, step in (("nurse", 0), ("doctor", 1), ("head", 2))
    ]
    site = Site.model_validate({"site": "ward-3", "notify": targets})
    before = alarm()
    called = before.escalated("kim", before.raised_ns + 9 * NS_PER_S)
    notices = notices_of(site, before, called)
    assert [each.target for each in notices] == ["nurse", "doctor"]
    assert {each.body.partition(" at ")[0] for each in notices} == {"escalated by kim"}


@pytest.mark.slow
def test_a_notice_waits_for_its_gateway_over_a_restart_and_is_told_as_a_trouble(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(broker: Broker, phone: Receiver) -> None:
        url = f"json://kim:hunter2@127.0.0.1:{phone.port}/a"
        site = site_of(broker, tmp_path, {"name": "nurse", "url": url})
        phone.status_of = lambda _: 503
        async with running(site) as hub:
            await hub.accept(report(event()))
            await until(lambda: phone.refused)
            trouble = "notify nurse: it does not take the message"
            await until_troubles(hub, lambda told: trouble in told)
        async with running(site) as hub:
            await until(lambda: len(phone.refused) > 1)
            phone.status_of = lambda _: 200
            await until(lambda: phone.taken)
            await until_troubles(
                hub, lambda told: not any(it.startswith("notify") for it in told)
            )

    caplog.set_level(logging.DEBUG)
    with Broker() as broker, receiver() as phone:
        asyncio.run(scene(broker, phone))
    assert titles_of(phone) == ["bed-4: fall"]
    assert "hunter2" not in caplog.text


def test_who_has_answered_is_not_called_any_more(tmp_path: Path) -> None:
    async def scene(broker: Broker, phone: Receiver) -> None:
        url = f"json://127.0.0.1:{phone.port}/a"
        site = site_of(broker, tmp_path, {"name": "nurse", "url": url})
        phone.status_of = lambda _: 503
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(report(event()))
            await until(lambda: phone.refused)
            await answer(broker, "e1", "resolve", verdict="false")
            await heard.until(lambda it: "resolved" in states_of(it), SOON_S)
            phone.status_of = lambda _: 200
            refused = len(phone.refused)
            await hub.accept(report(event(event_id="e2"), sent_ns=2))
            await until(lambda: phone.taken)
            assert len(phone.refused) <= refused + 1

    with Broker() as broker, receiver() as phone:
        asyncio.run(scene(broker, phone))
    assert [body.split()[-1] for body in bodies_of(phone)] == ["e2"]


def test_check_sends_each_target_a_test_message(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    with receiver() as phone, receiver() as deaf:
        deaf.status_of = lambda _: 503
        targets = [
            {"name": name, "url": f"json://127.0.0.1:{each.port}/a"}
            for name, each in (("nurse", phone), ("doctor", deaf))
        ]
        file.write_text(f"site: ward-3\nnotify: {json.dumps(targets)}\n")
        check = ["check", str(file), "--offline", "--notify"]
        told = CliRunner().invoke(app, check)
    assert told.exit_code == 1
    assert "notify nurse: has taken the test message" in told.output
    assert "notify doctor: it does not take the message" in told.output
    assert titles_of(phone) == ["ward-3: test"]


@pytest.mark.parametrize(
    ("targets", "problem"),
    [
        ("[{name: a, url: 'nonsense://x:hunter2@y'}]", "an address that apprise knows"),
        ("[{name: a}]", "needs either url or url_file"),
        ("[{name: a, url: 'json://h'}, {name: a, url: 'json://h'}]", "two are 'a'"),
    ],
)
def test_targets_that_cannot_be_used_are_one_line_each(
    targets: str, problem: str, tmp_path: Path
) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(f"site: ward-3\nnotify: {targets}\n")
    with pytest.raises(SettingsError) as told:
        read_site(file)
    (line,) = told.value.problems
    assert line.startswith(f"{file}:2")
    assert problem in line
    assert "hunter2" not in line
