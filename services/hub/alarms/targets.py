"""Whether a restarted hub knows who gets alarms now.

Targets of alarms hold secrets, so they are not in the store. Ray restarts a hub with
those that the service was started with, which a SIGHUP may have changed since. The
store says only whether it has. Then the hub sends no alarm until the supervisor has
given it the present targets, which it does every two seconds.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, final

from pipelines.clock import Clock
from services.errors import StoreError
from services.site.settings import Site
from services.store.notes import Notes
from services.tasks import sleep_or

logger = logging.getLogger(__name__)

_ARE_CHANGED: Final = "targets were changed"
_LONGEST_S: Final = 10.0
"""An alarm must not wait for ever: then it goes to the targets of the start."""


@final
class PresentTargets:
    """Waits until the targets of alarms are the present ones.

    Args:
        first: The site that the service was started with.
        notes: Notes of the store.
        clock: Clock of the wait.

    Raises:
        StoreError: If the store cannot be read.
    """

    def __init__(self, first: Site, notes: Notes, clock: Clock) -> None:
        self._first, self._notes, self._clock = first, notes, clock
        self._noted = notes.recall(_ARE_CHANGED) is True
        self._are_known = asyncio.Event()
        if not self._noted:
            self._are_known.set()

    async def note(self, site: Site) -> None:
        """Note whether these targets are those of the start; repeated ones are free."""
        are_changed = _targets_of(site) != _targets_of(self._first)
        if are_changed == self._noted:
            return
        try:
            await asyncio.to_thread(self._notes.note, _ARE_CHANGED, are_changed)
        except StoreError as error:  # the supervisor gives them again
            logger.warning("that targets of alarms changed is not noted: %s", error)
        else:
            self._noted = are_changed

    def known(self) -> None:
        """Go on: the present targets are in use."""
        self._are_known.set()

    async def wait(self) -> None:
        """Return once the present targets are in use, or after ten seconds."""
        if self._are_known.is_set():
            return
        await sleep_or(self._are_known, self._clock, _LONGEST_S)
        if not self._are_known.is_set():
            logger.error(
                "who gets alarms was changed, and nobody has said how for %g s: alarms"
                " go to the targets that the service was started with",
                _LONGEST_S,
            )
            self._are_known.set()

    async def then(self, run: Callable[[], Awaitable[None]]) -> None:
        """Wait, then run what sends alarms or lets them escalate."""
        await self.wait()
        await run()


def _targets_of(site: Site) -> tuple[object, ...]:
    return site.notify, site.webhooks, site.alertmanager
