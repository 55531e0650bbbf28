"""Phones, chats and mailboxes, by apprise."""

import asyncio
import logging
from typing import final

from services.delivery.outcome import Outcome
from services.site.notify import NotifySettings
from services.store.notices import Notice


@final
class Phone:
    """A ``NoticeTarget`` with an address of apprise."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        self.name, self.label = settings.name, f"notify {settings.name}"

    async def send(self, notice: Notice, utc_ns: int) -> Outcome:
        """Try once to deliver a notice."""
        del utc_ns
        return Outcome(await asyncio.to_thread(self._send, notice))

    def _send(self, notice: Notice) -> str:
        """Return why it was not taken, or nothing."""
        from apprise import Apprise, NotifyType  # slow, and needed by few

        try:
            address = self._settings.address()
        except OSError as error:
            return f"{error.filename}: {error.strerror}"
        logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it names addresses
        sender = Apprise()
        if not sender.add(address):
            return "not an address that apprise knows"
        taken = sender.notify(
            title=notice.title, body=notice.body, notify_type=NotifyType.WARNING
        )
        return "" if taken else "it does not take the message"
