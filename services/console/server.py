"""The process of the console: makes the first administrator, and serves the pages."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from pipelines.clock import Clock
from services import signals
from services.clips.key import require_library as require_cryptography
from services.console.app import make_app
from services.console.context import Console
from services.console.feed import Feed
from services.console.login_limit import LoginLimit
from services.console.openid.provider import Provider, require_library
from services.console.openid.under_way import LoginsUnderWay
from services.console.passwords import hash_of_password, new_password
from services.console.people import USER_NAME
from services.errors import ConsoleError
from services.hub.http import listen
from services.site.console import ConsoleSettings
from services.site.settings import Site
from services.store.access import Access, Act, User
from services.store.store import Store
from services.tasks import end_tasks

FIRST_NAME: Final = "admin"
_END_S: Final = 3
_LOCAL: Final = ("127.0.0.1", "localhost", "::1")
_WHO: Final = "wardwatch console"


def open_console(
    site: Site, settings: ConsoleSettings, store: Store, clock: Clock
) -> Console:
    """Return the console of a site on its store.

    Raises:
        ConsoleError: If the settings need a library that is not installed.
        ClipError: If clips need one.
    """
    if site.clips is not None:
        require_cryptography()
    if settings.oidc is not None:
        require_library()
    names = tuple(subject.id for subject in site.subjects)
    return Console(
        site=site,
        settings=settings,
        store=store,
        access=Access(store.database),
        clock=clock,
        feed=Feed(store, clock, names),
        limit=LoginLimit(clock),
        streams=Counter(),
        provider=None if settings.oidc is None else Provider(settings.oidc, clock),
        under_way=LoginsUnderWay(clock),
    )


def make_first_administrator(console: Console) -> str | None:
    """Add an administrator if there is none; return the password, or None.

    Raises:
        StoreError: If the store cannot be written.
    """
    if console.access.has_administrator():
        return None
    return set_new_password(console, FIRST_NAME)


def set_new_password(console: Console, name: str) -> str:
    """Give a user a new password, and return it.

    Where there is no administrator, the user becomes one, and may be new.

    Raises:
        ConsoleError: If there is no such user, or the name is none.
        StoreError: If the store cannot be written.
    """
    name = name.lower()
    if USER_NAME.fullmatch(name) is None:
        raise ConsoleError(name, "this is no name of a user")
    password = new_password()
    hashed, act = hash_of_password(password), Act(console.utc_ns(), _WHO)
    user = User(name, hashed, "administrator", must_change=True)
    is_first = not console.access.has_administrator()
    if is_first and console.access.add(user, act):
        return password
    known = console.access.user(name)
    if known is None:
        raise ConsoleError(name, "there is no such user")
    if known.identity is not None:
        raise ConsoleError(name, "logs in by OpenID Connect, with no password here")
    if is_first:  # nobody else could give the rights of an administrator
        console.access.set_rights(name, "administrator", None, act)
    console.access.set_password(name, hashed, act, must_change=True)
    return password


async def serve(
    console: Console, say: Callable[[str], None], port: int | None = None
) -> None:
    """Serve the pages until a signal asks for the end.

    Raises:
        PortTaken: If another program listens on the port.
        ConsoleError: If the certificate or its key cannot be used.
        StoreError: If the store cannot be written.
    """
    settings = console.settings
    _check_tls(settings)
    chosen = settings.port if port is None else port
    listener = listen(settings.host, chosen, "console.port")
    number = listener.getsockname()[1]
    if (password := make_first_administrator(console)) is not None:
        say(f"first login: name {FIRST_NAME}, password {password}")
    scheme = "https" if console.has_tls else "http"
    say(f"the console is at {scheme}://{settings.host}:{number}/")
    if not console.has_tls and settings.host not in _LOCAL:
        say("without tls_cert and tls_key, passwords cross the network in the clear")
    stop = asyncio.Event()
    with signals.setting(stop, _END_S * 3):
        await serve_until(stop, console, listener)


async def serve_until(
    stop: asyncio.Event, console: Console, listener: socket.socket
) -> None:
    """Serve the pages on a listening socket, which is closed at the end."""
    settings = console.settings
    config = uvicorn.Config(
        make_app(console),
        log_level="warning",
        access_log=False,
        server_header=False,
        # Whoever asks may write these headers, and be any address.
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.proxy_networks(),
        ws="none",
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        timeout_graceful_shutdown=_END_S,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]), name="console http")
    stopping = asyncio.create_task(stop.wait(), name="wait for the end")
    try:
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        await console.feed.close()  # open streams end, or they would be waited for
        server.should_exit = True
        await serving
    finally:
        await end_tasks([serving, stopping])
        listener.close()


class _Server(uvicorn.Server):
    """Leaves the signals to ``services.signals``."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Set no handlers."""
        yield


def _check_tls(settings: ConsoleSettings) -> None:
    """Load the certificate with its key.

    Raises:
        ConsoleError: If that fails.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as err:
        reason = str(err.strerror)
        if isinstance(err, ssl.SSLError):
            reason = "is no certificate with its key"
        raise ConsoleError(str(settings.tls_cert), reason) from err
