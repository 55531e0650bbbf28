"""A hub whose PostgreSQL goes away and comes back."""

import asyncio
from pathlib import Path

import pytest

from services.demo.broker import Broker
from services.errors import StoreError
from services.store.pages import Filters
from services.store.store import Store
from tests.mqtt_listener import Heard, listening
from tests.postgres_server import PASSWORD, PostgresServer
from tests.services.hub.alarms.test_desk import states_of
from tests.services.hub.alarms.test_stored_answers import site_of
from tests.services.hub.test_hub import SOON_S, fetch, report, running
from tests.services.store.rows import event


@pytest.mark.slow
def test_what_a_hub_without_its_database_refuses_it_takes_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(broker: Broker, server: PostgresServer) -> tuple[Heard, str]:
        url = server.new_schema()
        site = site_of(broker, url, tmp_path)
        async with listening(broker.port) as heard, running(site) as hub:
            await heard.until(lambda it: bool(it.of("ward-3/status")), SOON_S)
            await asyncio.to_thread(server.stop)
            with pytest.raises(StoreError):
                await hub.accept(report(event()))
            address = f"http://127.0.0.1:{hub.port}/readyz"
            _, ready = await asyncio.to_thread(fetch, address)
            await asyncio.to_thread(server.start)
            await hub.accept(report(event()))
            await heard.until(lambda it: "confirmed" in states_of(it), SOON_S)
            store = Store.joined(url)
            assert store.events.page(Filters(), 9) == [event()]
            store.close()
            return heard, ready

    with Broker() as broker, PostgresServer() as server:
        heard, ready = asyncio.run(scene(broker, server))
    assert set(states_of(heard)) == {"confirmed"}  # again with each greeting
    assert len(heard.of("bed-4/event")) == 1
    assert "postgresql 127.0.0.1:" in ready
    assert PASSWORD not in ready + caplog.text
