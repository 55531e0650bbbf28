"""The hub's deletion of old rows, once an hour."""

import asyncio
import logging
from contextlib import suppress
from typing import Final, final

from pipelines.clock import NS_PER_S, Clock
from services.errors import StoreError
from services.hub.clock import HubClock
from services.site.hub import KeepDays
from services.store.database import Database
from services.store.retention import KeepFrom, delete_old

logger = logging.getLogger(__name__)

_EACH_S: Final = 3600.0
_DAY_NS: Final = 24 * 3600 * NS_PER_S


@final
class Retention:
    """Deletes what is older than the site wants to keep.

    It begins an hour after the start: a machine without a battery-backed clock has the
    right date by then, and a wrong one could delete everything.
    """

    def __init__(
        self, keep: KeepDays, database: Database, clock: Clock, dates: HubClock
    ) -> None:
        self._keep, self._database = keep, database
        self._clock, self._dates = clock, dates

    async def run(self) -> None:
        """Delete until cancelled."""
        while True:
            await self._clock.sleep_s(_EACH_S)
            with suppress(StoreError):  # the regular round says so; again in an hour
                await self.delete()

    async def delete(self) -> None:
        """Delete all that is too old now, some thousand rows at a time.

        Raises:
            StoreError: If the store cannot be written.
        """
        now_ns = self._dates.utc_ns()
        keep = KeepFrom(
            **{
                kind: now_ns - days * _DAY_NS
                for kind, days in self._keep.model_dump().items()
            }
        )
        while deleted := await asyncio.to_thread(
            delete_old, self._database, keep, now_ns
        ):
            shown = ", ".join(f"{count} {kind}" for kind, count in deleted.items())
            logger.info("deleted because of their age: %s", shown)
