"""Waiting for the answers of Ray's actors, and what their errors say."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

from ray.exceptions import RayActorError, RayTaskError

from pipelines.errors import PipelineError

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

ANSWER_S = 10.0
"""Time in which a living actor answers."""


async def unwrapped(asked: Awaitable[Answer]) -> Answer:
    """Wait for an actor's answer; raise our own errors as the actor raised them."""
    try:
        return await asked
    except RayTaskError as error:
        raise error.cause from None
    except RayActorError as error:  # its constructor failed
        cause = error.__cause__
        while cause is not None and not isinstance(cause, RayTaskError):
            cause = cause.__cause__
        if isinstance(cause, RayTaskError):
            raise cause.cause from None
        raise


async def quietly(*asked: Awaitable[object]) -> None:
    """Wait for answers in bounded time; log failures."""
    waits = (asyncio.wait_for(answer, ANSWER_S * 2) for answer in asked)
    for failure in await asyncio.gather(*waits, return_exceptions=True):
        if failure is not None:
            logger.warning("while ending: %s", type(failure).__name__)


def name_of(error: Exception) -> str:
    """Return the text of our own errors that an actor raised, and the name of others.

    The text of others may hold credentials.
    """
    cause = error.cause if isinstance(error, RayTaskError) else error
    return str(cause) if isinstance(cause, PipelineError) else type(cause).__name__
