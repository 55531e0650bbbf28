"""From an event to an answer: a real hub, a real broker, and the console."""

import asyncio
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pipelines.clock import SystemClock
from services.console.app import make_app
from services.console.passwords import hash_of_password
from services.console.server import open_console
from services.demo.broker import Broker
from services.hub.hub import Hub
from services.site.console import ConsoleSettings
from services.store.access import Act, User
from services.store.store import Store
from tests.console_rig import PASSWORD, log_in
from tests.fakes import ColourRecognizer
from tests.mqtt_listener import listening
from tests.services.hub.test_hub import report, site_of
from tests.services.store.rows import event

SOON_S = 20.0


@pytest.mark.slow
def test_an_answer_on_the_console_is_applied_by_the_hub_and_published(
    tmp_path: Path,
) -> None:
    async def scene(broker: Broker) -> tuple[str, str]:
        site = site_of(broker, tmp_path)
        hub = Hub(site, ColourRecognizer())
        await hub.expect({"bed-4": ["camera"]})
        store = Store.joined(site.hub.store_url())
        console = open_console(site, ConsoleSettings(port=0), store, SystemClock())
        hashed = hash_of_password(PASSWORD)
        console.access.add(User("kim", hashed, "carer"), Act(0, "test"))
        try:
            async with listening(broker.port) as heard:
                await hub.accept(report(event()))
                await heard.until(lambda it: bool(it.of("/alarm")), SOON_S)
                number = await asyncio.to_thread(answered, make_app(console))
                await heard.until(
                    lambda it: (
                        it.of("/alarm")[-1]["changed"]["state"] == "acknowledged"
                    ),
                    SOON_S,
                )
                changed = heard.of("/alarm")[-1]["changed"]
            stored = store.answers.one(number)
            assert stored is not None
            return changed["history"][-1]["by"], str(stored.outcome)
        finally:
            store.close()
            await hub.stop()

    with Broker() as broker:
        assert asyncio.run(scene(broker)) == ("kim", "")


def answered(app: object) -> int:
    with TestClient(app, base_url="http://ward", follow_redirects=False) as client:  # type: ignore[arg-type]
        csrf = log_in(client, "kim")
        (alarm,) = client.get("/api/alarms").json()
        path = f"/api/alarms/{alarm['alarm_id']}/answer"
        answer = client.post(path, json={"kind": "ack"}, headers={"x-csrf-token": csrf})
        number: int = answer.json()["number"]
        return number
