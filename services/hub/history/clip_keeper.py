"""Keeps the encrypted clips of alarms; the hub has no key and cannot read them."""

import asyncio
import logging
from typing import final

from services.clips.sealed import MOST_BYTES, SealedClip
from services.hub.clock import HubClock
from services.hub.metrics.hub import HubMetrics
from services.site.settings import Site
from services.store.notes import CLIP_SUBJECTS
from services.store.retention import HUB
from services.store.store import Store

logger = logging.getLogger(__name__)


@final
class ClipKeeper:
    """Stores clips of subjects with a consent, and deletes those of all others.

    Args:
        site: The site, whose subjects may have a consent.
        store: Keeps the clips.
        dates: The hub's clock, for UTC.
        metrics: Counts the clips.
    """

    def __init__(
        self, site: Site, store: Store, dates: HubClock, metrics: HubMetrics
    ) -> None:
        self._store, self._dates, self._metrics = store, dates, metrics
        self._consenting = frozenset(site.clip_subjects)
        self._settled: frozenset[str] | None = None
        self._changing = asyncio.Lock()

    async def keep(self, clip: SealedClip) -> None:
        """Store a clip, if its subject consents and there is an alarm of its event.

        Raises:
            StoreError: If it cannot be stored.
        """
        async with self._changing:
            is_kept = False
            if clip.subject_id in self._consenting and len(clip.sealed) <= MOST_BYTES:
                is_kept = await asyncio.to_thread(self._store.clips.put, clip)
        self._metrics.clips("kept" if is_kept else "unwanted", 1)

    async def settle(self, site: Site) -> None:
        """Delete the clips of subjects that consent no more, and note who does.

        Raises:
            StoreError: If the store cannot be written.
        """
        async with self._changing:
            self._consenting = consenting = frozenset(site.clip_subjects)
            if self._settled == consenting:
                return
            names = sorted(consenting)
            deleted = await asyncio.to_thread(
                self._store.clips.remove_others, names, self._dates.utc_ns(), HUB
            )
            await asyncio.to_thread(self._store.notes.note, CLIP_SUBJECTS, names)
            self._settled = consenting
        for name, count in deleted.items():
            logger.info("%s consents no more: %d clips are deleted", name, count)
