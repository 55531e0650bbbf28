"""One POST to a web server, with every limit that a service needs.

Redirects are not followed, the answer's body is never read, proxies and logins of the
environment are not used, and the whole request has a time limit.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final

from services.delivery.outcome import Outcome

_CONNECT_S: Final = 5.0
_WHOLE_S: Final = 15.0
_LATER: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
        HTTPStatus.INSUFFICIENT_STORAGE,
    }
)
"""Answers that ask for another attempt, whatever the message is."""


async def post(
    address: str, body: bytes, headers: Mapping[str, str], ca_file: Path | None = None
) -> Outcome:
    """Post JSON; an answer of 2xx means that it was taken.

    Args:
        address: Address of HTTP or HTTPS; it may hold a token, and is never logged.
        body: JSON, as UTF-8.
        headers: More headers; a Content-Type is instead of that of JSON.
        ca_file: CA certificates in PEM to trust, instead of those of the machine.
    """
    import httpx2  # slow, and needed by few

    for name in ("httpx2", "httpcore2"):  # they name addresses and headers
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        trust = True if ca_file is None else _context(ca_file)
        async with (
            asyncio.timeout(_WHOLE_S),
            httpx2.AsyncClient(
                verify=trust,
                timeout=httpx2.Timeout(_WHOLE_S, connect=_CONNECT_S),
                trust_env=False,
            ) as client,
            client.stream(
                "POST",
                address,
                content=body,
                headers={"Content-Type": "application/json", **headers},
            ) as answer,
        ):
            return _outcome(answer.status_code)
    except (TimeoutError, httpx2.TimeoutException):
        return Outcome(f"no answer within {_WHOLE_S:g} s")
    except httpx2.InvalidURL:
        return Outcome("its address is not understood", is_refused=True)
    except httpx2.ConnectError as error:
        return Outcome(f"cannot be reached: {_first_line(error)}")
    except httpx2.HTTPError as error:
        return Outcome(f"the connection failed: {type(error).__name__}")
    except OSError as error:  # of the CA file
        return Outcome(f"{ca_file}: {error.strerror or type(error).__name__}")
    except UnicodeError:  # its text would show a character of a token
        return Outcome("its login or address is not ASCII", is_refused=True)


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome()
    return Outcome(f"answers HTTP {status}", is_refused=status not in _LATER)


def _context(ca_file: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca_file))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
