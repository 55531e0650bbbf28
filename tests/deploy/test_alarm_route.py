"""An alarm reaches carers through the real Alertmanager with our route, and its end."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.demo.broker import Broker
from services.site.settings import Site
from tests.deploy.test_monitoring import ROUTES, call, fetch, free_port, program
from tests.mqtt_listener import listening
from tests.services.hub.alarms.test_desk import answer, states_of
from tests.services.hub.alarms.test_notices import until
from tests.services.hub.test_hub import report, running
from tests.services.store.rows import event
from tests.web_receiver import Receiver, receiver

SOON_S = 30.0


@contextmanager
def alertmanager(folder: Path, carers: Receiver) -> Iterator[str]:
    """Run Alertmanager with our routes; carers are told at a server of the test."""
    config = yaml.safe_load(ROUTES.read_text())
    (theirs,) = [it for it in config["receivers"] if it["name"] == "carers"]
    theirs["webhook_configs"][0]["url"] = carers.url
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(config))
    port = free_port()
    with program(
        "prometheus-alertmanager",
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'silences'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ):
        yield f"http://127.0.0.1:{port}"


def active(address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = fetch(f"{address}/api/v2/alerts?active=true") or []
    return found


def test_an_alarm_has_a_route_of_its_own() -> None:
    route = ("amtool", "config", "routes", "test", "--config.file", ROUTES)
    alarm = "alertname=WardwatchAlarm"
    assert call(*route, alarm, "kind=person").strip() == "carers"
    assert call(*route, alarm, "kind=technical").strip() == "technicians"


@pytest.mark.slow
def test_carers_are_told_of_each_alarm_and_of_its_end(tmp_path: Path) -> None:
    async def scene(broker: Broker, carers: Receiver, address: str) -> None:
        site = Site.model_validate(
            {
                "site": "ward-3",
                "broker": {"port": broker.port},
                "hub": {"folder": str(tmp_path), "port": 0, "canary_every_s": 60},
                "alertmanager": {"url": address, "repeat_s": 1},
            }
        )
        async with listening(broker.port) as heard, running(site) as hub:
            await hub.accept(report(event(), event(event_id="e2")))
            await until(lambda: len(carers.taken) == 2, SOON_S)
            firing = await asyncio.to_thread(active, address)
            assert {it["labels"]["alarm_id"] for it in firing} == {"e1", "e2"}
            await answer(broker, "e1", "resolve", by="kim", verdict="true")
            await heard.until(lambda it: "resolved" in states_of(it), SOON_S)
            await until(lambda: len(carers.taken) == 3, SOON_S)
            (left,) = await asyncio.to_thread(active, address)
            assert left["labels"]["alarm_id"] == "e2"

    with (
        Broker() as broker,
        receiver() as carers,
        alertmanager(tmp_path, carers) as address,
    ):
        asyncio.run(scene(broker, carers, address))
    *first, last = [posted.facts for posted in carers.taken]
    told = {it["groupLabels"]["alarm_id"]: it["status"] for it in first}
    assert told == {"e1": "firing", "e2": "firing"}
    assert (last["groupLabels"], last["status"]) == ({"alarm_id": "e1"}, "resolved")
    assert last["commonLabels"] == {
        "alertname": "WardwatchAlarm",
        "site": "ward-3",
        "subject": "bed-4",
        "event": "fall",
        "kind": "person",
        "priority": "high",
        "alarm_id": "e1",
    }
