"""What every MQTT client here shares: reconnection, and the reasons of failures."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import aiomqtt

from pipelines.clock import Clock

# Each client reports a lost connection in its own words, so the library stays quiet.
quiet_logger = logging.getLogger(f"{__name__}.aiomqtt")
quiet_logger.setLevel(logging.CRITICAL)

CREDENTIAL_CODES: Final = frozenset({4, 5, 134, 135})
"""Reason codes of MQTT 3.1.1 and 5: bad user name or password; not authorised."""


async def reconnecting(
    use_connection: Callable[[], Awaitable[None]],
    clock: Clock,
    pause_s: Callable[[Exception], float],
    failures: tuple[type[Exception], ...] = (aiomqtt.MqttError, OSError),
) -> None:
    """Call ``use_connection`` after each failure again, until it returns.

    ``pause_s`` reports a failure, and returns the pause before the next attempt.
    """
    while True:
        try:
            return await use_connection()
        except failures as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():  # disconnecting has failed
                raise asyncio.CancelledError from error
            wait_s = pause_s(error)
        await clock.sleep_s(wait_s)


def reason_code(error: BaseException) -> int | None:
    """Return the code that the broker gave with an error, or None without one."""
    cause: BaseException | None = error
    while cause is not None:
        code = getattr(cause, "rc", None)
        code = getattr(code, "value", code)
        if isinstance(code, int):
            return code
        cause = cause.__cause__
    return None
