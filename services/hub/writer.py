"""The hub's writing: everything that belongs together goes in one transaction."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import final

from pipelines.clock import Clock
from pipelines.live.alarms import Alarm
from pipelines.records import ActionEvent
from services.errors import StoreError
from services.store.notices import Notice
from services.store.outbox import Message
from services.store.store import Store

logger = logging.getLogger(__name__)


@final
class StoreWriter:
    """Stores messages with what they are about, and wakes whoever sends them.

    Args:
        store: Where to.
        clock: The hub's clock.
        notices_of: Returns the notices of changed alarms.
        on_messages: Called after new messages are stored.
        on_notices: Called after notices are stored.

    Attributes:
        trouble: Why the store cannot be written; empty if it can.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        notices_of: Callable[[Sequence[Alarm]], list[Notice]],
        on_messages: Callable[[], None],
        on_notices: Callable[[], None],
    ) -> None:
        self._store, self._clock = store, clock
        self._notices_of = notices_of
        self._on_messages, self._on_notices = on_messages, on_notices
        self.trouble = ""

    async def keep(
        self,
        messages: Sequence[Message],
        events: Mapping[str, ActionEvent] = MappingProxyType({}),
        alarms: Sequence[Alarm] = (),
        outcomes: Mapping[int, str] = MappingProxyType({}),
    ) -> frozenset[str]:
        """Store messages with their events and alarms, and the outcomes of answers.

        Returns:
            The keys of the new messages.

        Raises:
            StoreError: If they cannot be stored. The first time it is logged.
        """
        if not messages and not outcomes:
            return frozenset()
        now_ns = self._clock.now_ns()
        notices = self._notices_of(alarms)
        try:
            new = await asyncio.to_thread(
                self._store.take, messages, events, now_ns, alarms, notices, outcomes
            )
        except StoreError as err:
            if not self.trouble:
                logger.error(
                    "%s; watchers keep their events until it can be written", err
                )
            self.trouble = str(err)
            raise
        self.trouble = ""
        if new:
            self._on_messages()
        if notices:
            self._on_notices()
        return new
