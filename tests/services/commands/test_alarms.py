"""``wardwatch alarms`` on a real broker, with a real hub that answers."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.command_line import app
from services.demo.broker import Broker
from tests.mqtt_listener import listening
from tests.services.hub.alarms.test_desk import bed_exit, site_of, states_of
from tests.services.hub.test_hub import SOON_S, report, running
from tests.services.store.rows import event

MOSQUITTO = Path(__file__).parents[3] / "deploy/mosquitto/mosquitto.conf"


async def ask(folder: Path, broker: Broker, *options: str) -> Result:
    file = folder / "site.yaml"
    login = "" if broker.user is None else f", user: {broker.user}, password: secret"
    file.write_text(f"site: ward-3\nbroker: {{port: {broker.port}{login}}}\n")
    command = ["alarms", str(file), *options]
    return await asyncio.to_thread(CliRunner().invoke, app, command)


def ward(folder: Path, scene: Callable[[Broker], Any]) -> None:
    """Run a scene beside a hub with two open alarms of one subject."""

    async def play(broker: Broker) -> None:
        site = site_of(broker, folder / "hub")
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(report(event(), bed_exit("started")))
            await heard.until(lambda it: len(states_of(it)) == 2, SOON_S)
            await scene(broker)

    with Broker() as broker:
        asyncio.run(play(broker))


@pytest.mark.slow
def test_open_alarms_are_listed_answered_and_gone(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> None:
        asked = await ask(tmp_path, broker, "--json")
        assert asked.exit_code == 0
        (first, second) = json.loads(asked.stdout)
        assert (first["subject"], first["alarm_id"], first["name"]) == (
            "bed-4",
            "e1",
            "fall",
        )
        assert (second["name"], second["state"]) == ("bed exit", "confirmed")

        asked = await ask(tmp_path, broker, "--ack", "e1", "--by", "kim")
        assert asked.exit_code == 0
        assert "acknowledged" in asked.stdout
        asked = await ask(tmp_path, broker, "--escalate", "e1", "--by", "kim", "--json")
        (called,) = json.loads(asked.stdout)
        assert (called["state"], called["escalations"]) == ("escalated", 1)
        assert called["history"][-1]["by"] == "kim"
        options = ("--resolve", "bed-4", "--verdict", "false", "--note", "was sitting")
        asked = await ask(tmp_path, broker, *options, "--json")
        ended = json.loads(asked.stdout)
        assert {each["alarm_id"] for each in ended} == {"e1", "x1"}
        assert {each["verdict"] for each in ended} == {"false"}
        assert ended[0]["history"][-1]["note"] == "was sitting"

        asked = await ask(tmp_path, broker)
        assert asked.stdout == "ward-3: no open alarm\n"

    ward(tmp_path, scene)


@pytest.mark.slow
def test_an_answer_that_nobody_takes_is_exit_code_1(tmp_path: Path) -> None:
    async def scene(broker: Broker) -> None:
        asked = await ask(tmp_path, broker, "--snooze", "e9", "--minutes", "5")
        assert asked.exit_code == 1
        assert "has not taken the answer" in asked.output

    ward(tmp_path, scene)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--ack", "e1", "--resolve", "e1"), "--escalate and --resolve"),
        (("--resolve", "e1", "--verdict", "maybe"), "true or false"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    options: tuple[str, ...], problem: str, tmp_path: Path
) -> None:
    asked = CliRunner().invoke(app, ["alarms", str(tmp_path / "no.yaml"), *options])
    assert asked.exit_code == 2
    assert problem in asked.output


def documented_acl() -> str:
    lines = re.findall(r"^#     ((?:user|topic) .*)$", MOSQUITTO.read_text(), re.M)
    return "\n".join(lines) + "\n"


def ask_with(acl: str, folder: Path) -> Result:
    with Broker(user="wardwatch", password="secret", acl=acl) as broker:
        return asyncio.run(ask(folder, broker))


@pytest.mark.slow
def test_the_documented_access_list_lets_alarms_be_read(tmp_path: Path) -> None:
    asked = ask_with(documented_acl(), tmp_path)
    assert (asked.exit_code, asked.stdout) == (0, "ward-3: no open alarm\n")


@pytest.mark.slow
def test_alarms_that_may_not_be_read_are_said(tmp_path: Path) -> None:
    acl = documented_acl().replace("topic read wardwatch/ward-3/+/alarm\n", "")
    asked = ask_with(acl, tmp_path)
    assert asked.exit_code != 0
    assert "passes on nothing of wardwatch/ward-3/+/alarm" in str(asked.exception)


def test_a_broker_that_is_away_is_one_line(tmp_path: Path) -> None:
    with Broker() as broker:
        broker.stop()
        asked = asyncio.run(ask(tmp_path, broker))
    assert asked.exit_code != 0
    assert "cannot be reached" in str(asked.exception)
