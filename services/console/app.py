"""The application: the gate, the routes behind it, and what becomes of errors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from services.console.context import Console
from services.console.gate import Gate, is_page
from services.console.routes import (
    alarms,
    api,
    board,
    openid,
    records,
    session,
    subjects,
    users,
)
from services.console.web import needs, page
from services.errors import StoreError
from services.tasks import die_of_failure, end_tasks
from services.version import installed_version

_PARTS = (session, board, alarms, subjects, records, users, api)


def make_app(console: Console) -> FastAPI:
    """Return the console of a site as an ASGI application."""

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        del app
        await console.feed.look()
        reading = asyncio.create_task(console.feed.run(), name="console feed")
        reading.add_done_callback(die_of_failure)  # or every page would stand still
        try:
            yield
        finally:
            await console.feed.close()
            await end_tasks([reading])

    app = FastAPI(
        title="wardwatch console",
        version=installed_version(),
        lifespan=living,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    app.state.console = console
    for opened in (session, openid):
        app.include_router(opened.open_routes, include_in_schema=False)
    for part in _PARTS:
        app.include_router(part.routes, include_in_schema=part is api)

    @app.get(
        "/api/openapi.json", include_in_schema=False, dependencies=[needs("viewer")]
    )
    def description() -> dict[str, Any]:
        """Return the description of the programming interface."""
        return app.openapi()

    static = files("services.console").joinpath("static")
    app.mount("/static", StaticFiles(directory=str(static)), name="static")
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(StoreError, _no_store)
    app.add_middleware(Gate, of_session=console.of_session, of_token=console.of_token)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _answer(request, error.status_code, str(error.detail), error.headers)


async def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        for problem in error.errors()
    ]
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return _answer(request, status, "; ".join(problems))


async def _no_store(request: Request, error: Exception) -> Response:
    assert isinstance(error, StoreError)
    return _answer(request, HTTPStatus.SERVICE_UNAVAILABLE, error.problem)


def _answer(
    request: Request,
    status: int,
    detail: str,
    headers: Any = None,  # noqa: ANN401
) -> Response:
    if is_page(request):
        return page(request, "error.html", status, status=status, detail=detail)
    return JSONResponse({"detail": detail}, status, headers)
