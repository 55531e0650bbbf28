"""What the hub says of itself."""

import asyncio
import threading
from pathlib import Path

from prometheus_client import CollectorRegistry

from services.console.hub_state import hub_troubles
from services.hub.http import listen, make_server
from services.site.settings import Site
from services.store.database import sqlite_url
from services.store.store import Store


def test_a_hub_that_answers_says_its_troubles_and_one_that_does_not_is_none(
    tmp_path: Path,
) -> None:
    store = Store.migrated(sqlite_url(tmp_path))
    site = Site.model_validate({"site": "ward-3"})
    assert hub_troubles(site, store) is None
    listener = listen("127.0.0.1", 0)
    store.notes.note("port", listener.getsockname()[1])
    troubles = ["broker: not connected"]
    server = make_server(CollectorRegistry(), lambda: troubles, list)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listener]))
    )
    thread.start()
    assert hub_troubles(site, store) == troubles
    server.should_exit = True
    thread.join()
    listener.close()
    assert hub_troubles(site, store) is None
    store.close()
