"""The hub's HTTP server: ``/metrics``, ``/healthz``, ``/readyz``."""

import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.errors import PortTaken

_BACKLOG = 64
_SETTING = "hub.port"


def listen(host: str, port: int, setting: str = "the port") -> socket.socket:
    """Return a socket that listens; ``setting`` is what a message calls the port.

    Raises:
        PortTaken: If another program listens there, or if the address is not this
            machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as err:
        listener.close()
        address, problem = f"{host}:{port}", (err.strerror or str(err)).lower()
        raise PortTaken(address, problem, setting) from err
    return listener


def listen_again(host: str, port: int, kept_port: int | None) -> socket.socket:
    """Listen on a hub's port; for port 0, on that of the previous hub if it is free."""
    if port == 0 and kept_port:
        with suppress(PortTaken):
            return listen(host, kept_port, _SETTING)
    return listen(host, port, _SETTING)


def make_server(
    registry: CollectorRegistry,
    troubles: Callable[[], list[str]],
    notes: Callable[[], list[str]],
) -> uvicorn.Server:
    """Return a server for ``serve(sockets=[…])``.

    ``troubles`` returns the reasons why the system is not ready, ``notes`` further
    facts for ``/readyz``.
    """

    async def metrics(request: Request) -> Response:
        del request
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def healthz(request: Request) -> Response:
        del request
        return JSONResponse({"alive": True})

    async def readyz(request: Request) -> Response:
        del request
        found = troubles()
        answer: dict[str, object] = {"ready": not found, "troubles": found}
        if further := notes():
            answer["notes"] = further
        return JSONResponse(answer, status_code=503 if found else 200)

    pages = (metrics, healthz, readyz)
    app = Starlette(routes=[Route(f"/{page.__name__}", page) for page in pages])
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    return uvicorn.Server(config)
