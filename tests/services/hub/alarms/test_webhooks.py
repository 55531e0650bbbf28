"""Alarms reach a web server, signed, over their whole life."""

import asyncio
import hashlib
import hmac
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.command_line import app
from services.demo.broker import Broker
from services.errors import SettingsError
from services.hub.topics import alarm_line
from services.site.file import read_site
from services.site.settings import Site
from services.store.alarms import Alarms
from services.store.database import Database, sqlite_url
from tests.mqtt_listener import listening
from tests.services.hub.alarms.test_desk import answer, states_of
from tests.services.hub.alarms.test_notices import until
from tests.services.hub.test_hub import SOON_S, report, running
from tests.services.store.rows import event
from tests.web_receiver import Posted, Receiver, receiver

KEY = b"a key that both sides know"
GUIDE = Path(__file__).parents[4] / "docs" / "site.md"


def hook(name: str, url: str, **more: object) -> dict[str, object]:
    return {"name": name, "url": url, "secret": KEY.decode(), **more}


def site_of(broker: Broker, folder: Path, *webhooks: object, **fall: object) -> Site:
    return Site.model_validate(
        {
            "site": "ward-3",
            "broker": {"port": broker.port},
            "hub": {"folder": str(folder), "port": 0, "canary_every_s": 60},
            "alarms": {"fall": fall},
            "webhooks": list(webhooks),
        }
    )


def states(hook: Receiver) -> list[str]:
    return [posted.facts["state"] for posted in hook.taken]


def is_signed(posted: Posted) -> bool:
    """Check a signature as the site guide shows it."""
    (block,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(block, names)
    check = names["is_genuine"]
    assert callable(check)
    return bool(check(posted.headers, posted.body, KEY))


def test_a_webhook_gets_the_whole_life_of_an_alarm_signed(tmp_path: Path) -> None:
    async def scene(broker: Broker, every: Receiver, loud: Receiver) -> None:
        file = tmp_path / "key"
        file.write_bytes(KEY + b"\n")
        of_file = {"name": "loud", "url": loud.url, "secret_file": str(file)}
        site = site_of(
            broker, tmp_path, hook("every", every.url), {**of_file, "changes": "loud"}
        )
        async with listening(broker.port) as heard, running(site) as hub:
            for sent_ns in (1, 2):  # told twice
                await hub.accept(report(event(), sent_ns=sent_ns))
            await until(lambda: states(every) == ["confirmed"])
            await answer(broker, "e1", "ack", by="kim")
            await heard.until(lambda it: "acknowledged" in states_of(it), SOON_S)
            await answer(broker, "e1", "resolve", by="kim", verdict="true")
            await until(lambda: states(every)[-1] == "resolved")
            await until(lambda: loud.taken)

    with Broker() as broker, receiver() as every, receiver() as loud:
        asyncio.run(scene(broker, every, loud))
    assert states(every) == ["confirmed", "acknowledged", "resolved"]
    assert states(loud) == ["confirmed"]
    database = Database(sqlite_url(tmp_path))
    alarm = Alarms(database).one("e1")
    database.close()
    assert alarm is not None
    site_facts = {"v": 1, "type": "alarm", "site": "ward-3", "subject": "bed-4"}
    assert every.taken[-1].facts == {**site_facts, **alarm_line(alarm)}
    assert len({it.headers["X-Wardwatch-Id"] for it in every.taken}) == 3
    assert all(is_signed(it) for it in (*every.taken, *loud.taken))
    first = every.taken[0]
    assert first.headers["Content-Type"] == "application/json"
    for changed in (
        Posted(first.path, first.headers, first.body + b" "),
        Posted(first.path, {**first.headers, "X-Wardwatch-Timestamp": "1"}, first.body),
    ):
        assert not is_signed(changed)
    text = first.headers["X-Wardwatch-Timestamp"].encode() + b"." + first.body
    signed = hmac.new(KEY, text, hashlib.sha256).hexdigest()
    assert first.headers["X-Wardwatch-Signature"] == f"sha256={signed}"


def test_a_webhook_gets_only_what_its_priority_and_step_ask_for(tmp_path: Path) -> None:
    async def scene(broker: Broker, all_of_it: Receiver, late: Receiver) -> None:
        site = site_of(
            broker,
            tmp_path,
            hook("all", all_of_it.url, priorities=["low"]),
            hook("late", late.url, priorities=["low"], from_step=1),
            hook("high", late.url),
            priority="low",
            escalate_s=[1],
        )
        async with running(site) as hub:
            await hub.accept(report(event()))
            await until(lambda: states(all_of_it) == ["confirmed", "escalated"])
            await until(lambda: late.taken)

    with Broker() as broker, receiver() as all_of_it, receiver() as late:
        asyncio.run(scene(broker, all_of_it, late))
    assert states(late) == ["escalated"]
    assert late.taken[0].headers["X-Wardwatch-Id"].startswith("late ")


def test_an_end_that_waits_for_its_webhook_survives_a_restart(tmp_path: Path) -> None:
    async def scene(broker: Broker, every: Receiver) -> None:
        site = site_of(broker, tmp_path, hook("every", every.url))
        every.status_of = lambda _: 503
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(report(event()))
            await until(lambda: every.refused)
            await answer(broker, "e1", "resolve", verdict="false")
            await heard.until(lambda it: "resolved" in states_of(it), SOON_S)
        every.status_of = lambda _: 200
        async with running(site):
            await until(lambda: states(every) == ["confirmed", "resolved"])

    with Broker() as broker, receiver() as every:
        asyncio.run(scene(broker, every))


def test_check_sends_each_webhook_a_signed_test(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    with receiver() as well, receiver() as ill:
        ill.status_of = lambda _: 404
        hooks = [
            hook("well", well.url),
            hook("record", well.url, format="fhir"),
            hook("ill", ill.url),
        ]
        file.write_text(f"site: ward-3\nwebhooks: {json.dumps(hooks)}\n")
        check = ["check", str(file), "--offline", "--notify"]
        told = CliRunner().invoke(app, check)
    assert told.exit_code == 1
    assert "webhook well: has taken the test message" in told.output
    assert "webhook ill: answers HTTP 404" in told.output
    assert well.taken[0].facts == {"v": 1, "type": "test", "site": "ward-3"}
    assert all(is_signed(it) for it in well.taken)
    bundle = well.taken[1]
    assert bundle.headers["Content-Type"] == "application/fhir+json"
    assert bundle.facts == {"resourceType": "Bundle", "type": "transaction"}


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("webhooks: [{name: a, secret: s}]", "needs either url or url_file"),
        ("webhooks: [{name: a, url: 'https://h'}]", "needs either secret or secret_f"),
        (
            "webhooks: [{name: a, secret: s, url: 'ftp://x:hunter2@y'}]",
            "expected https://HOST/PATH or http://HOST/PATH",
        ),
        (
            "webhooks: [{name: a, secret: s, url: 'https://h', ca_file: /nowhere}]",
            "/nowhere: No such file or directory",
        ),
        (
            "webhooks: [{name: a, secret: s, url: 'https://h', ca_file: /dev/null}]",
            "/dev/null: holds no CA certificates in PEM",
        ),
        (
            "{webhooks: [{name: a, secret: s, url: 'https://h'}],"
            " notify: [{name: a, url: 'json://h'}]}",
            "two are 'a'",
        ),
    ],
)
def test_webhooks_that_cannot_be_used_are_one_line_each(
    section: str, problem: str, tmp_path: Path
) -> None:
    file = tmp_path / "site.yaml"
    text = section[1:-1] if section.startswith("{") else section
    file.write_text("site: ward-3\n" + text.replace("}], notify", "}]\nnotify") + "\n")
    with pytest.raises(SettingsError) as told:
        read_site(file)
    (line,) = told.value.problems
    assert line.startswith(f"{file}:2")
    assert problem in line
    assert "hunter2" not in line
