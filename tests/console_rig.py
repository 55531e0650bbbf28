"""A real console on a real store, served in a thread or asked in this process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, final

from starlette.testclient import TestClient

from pipelines.clock import Clock, SystemClock
from services.console.app import make_app
from services.console.context import Console
from services.console.passwords import hash_of_password
from services.console.server import open_console, serve_until
from services.hub.http import listen
from services.site.console import ConsoleSettings
from services.site.settings import Site
from services.store.access import Act, User
from services.store.database import sqlite_url
from services.store.store import Store

PASSWORD = "correct horse battery"
_HASH = hash_of_password(PASSWORD)
USERS: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "vera": ("viewer", None),
    "kim": ("carer", None),
    "ada": ("administrator", None),
    "nina": ("carer", ("bed-1", "bed-2")),
}


def open_rig(
    folder: Path,
    clock: Clock | None = None,
    key_file: Path | None = None,
    **settings: Any,
) -> Console:
    """A console with one user of each role, and one who sees two beds.

    ``key_file`` is that of blurred clips.
    """
    store = Store.migrated(sqlite_url(folder))
    site = Site.model_validate(
        {
            "site": "ward-3",
            "timezone": "Europe/Berlin",
            "hub": {"folder": str(folder)},
            "clips": key_file and {"key_file": str(key_file)},
        }
    )
    options = ConsoleSettings.model_validate({"port": 0, **settings})
    console = open_console(site, options, store, clock or SystemClock())
    for name, (role, subjects) in USERS.items():
        console.access.add(User(name, _HASH, role, subjects), Act(0, "test"))
    return console


@contextmanager
def asking(console: Console) -> Iterator[TestClient]:
    """A client of the application in this process, not logged in."""
    app = make_app(console)
    with TestClient(app, base_url="http://ward", follow_redirects=False) as client:
        yield client
    console.store.close()


def log_in(client: TestClient, name: str) -> str:
    """Log a client in; return what its forms must hold against forgery."""
    client.cookies.clear()
    answer = client.post("/login", data={"name": name, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    page = client.get("/account", headers={"accept": "text/html"})
    return page.text.partition('name="csrf" content="')[2].partition('"')[0]


@final
@dataclass(frozen=True, slots=True)
class Served:
    """A console at an address."""

    url: str
    console: Console


@contextmanager
def serving(console: Console, port: int = 0) -> Iterator[Served]:
    """Serve the console by HTTP in a thread until the block ends."""
    listener = listen("127.0.0.1", port)
    number = listener.getsockname()[1]
    stop, loops = asyncio.Event(), Queue[asyncio.AbstractEventLoop]()

    async def serve() -> None:
        loops.put(asyncio.get_running_loop())
        await serve_until(stop, console, listener)

    thread = Thread(target=lambda: asyncio.run(serve()), name="console")
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{number}", console)
    finally:
        loops.get().call_soon_threadsafe(stop.set)
        thread.join()
