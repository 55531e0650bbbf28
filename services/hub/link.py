"""Connection to the hub from other processes, which survives the hub's restarts."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast, final

import ray
from ray.exceptions import RayError, RayTaskError

from pipelines.records import ActionEvent
from services.clips.sealed import SealedClip
from services.hub.reports import Report

logger = logging.getLogger(__name__)

HUB = "hub"
"""Name of the hub's actor in the namespace of its deployment."""
_PAUSE_S = 0.5
_PATIENCE_S = 10.0
_CLIP_TRIES, _CLIP_PAUSE_S = 4, 5.0
"""A hub that dies is back within about 10 s."""


class HubLink(Protocol):
    """Connection of a watcher to the hub."""

    async def accept(self, report: Report) -> None:
        """Send a report; return once its events and alerts are on the disk."""
        ...

    async def open_events(self, subject_ids: Sequence[str]) -> list[ActionEvent]:
        """Return the subjects' episodes that have started and not ended."""
        ...

    async def keep_clip(self, clip: SealedClip) -> bool:
        """Send a clip, a few times at most; return whether the hub has taken it."""
        ...


def _find_hub(namespace: str) -> object:
    return ray.get_actor(HUB, namespace=namespace)


@final
class RayHubLink:
    """The hub as a named Ray actor; a request is repeated until the hub answers.

    ``find`` returns the hub's handle in a namespace; ValueError if there is no hub.
    """

    def __init__(self, namespace: str, find: Callable[[str], Any] = _find_hub) -> None:
        self._namespace, self._find = namespace, find

    async def accept(self, report: Report) -> None:
        """Send a report; return once its events and alerts are on the disk."""
        await self._ask("accept", report)

    async def open_events(self, subject_ids: Sequence[str]) -> list[ActionEvent]:
        """Return the subjects' episodes that have started and not ended."""
        events = await self._ask("open_events", list(subject_ids))
        return cast("list[ActionEvent]", events)

    async def keep_clip(self, clip: SealedClip) -> bool:
        """Send a clip, a few times at most; return whether the hub has taken it."""
        for _ in range(_CLIP_TRIES):
            try:
                await self._ask_once("keep_clip", clip)
            except (RayError, ValueError, TimeoutError):
                await asyncio.sleep(_CLIP_PAUSE_S)
            else:
                return True
        return False

    async def _ask(self, method: str, *arguments: object) -> object:
        while True:
            try:
                return await self._ask_once(method, *arguments)
            except RayTaskError as error:  # the hub cannot write, and logs that itself
                logger.warning("hub: %s; trying again", error.cause)
            except (RayError, ValueError, TimeoutError) as error:
                logger.warning("hub: %s; trying again", type(error).__name__)
            await asyncio.sleep(_PAUSE_S)

    async def _ask_once(self, method: str, *arguments: object) -> object:
        hub = self._find(self._namespace)
        asked = getattr(hub, method).remote(*arguments)
        return await asyncio.wait_for(asked, _PATIENCE_S)
