"""Interface between delivery and its user."""

from typing import Protocol

from services.hub.store import Message, Queued


class DeliveryObserver(Protocol):
    """Learns what becomes of messages; must return at once."""

    def connected(self, is_up: bool, reason: str) -> None:
        """Take that the broker is there, or is not and why."""
        ...

    def delivered(self, queued: Queued, now_ns: int) -> None:
        """Take that a message is delivered."""
        ...


class Announcer(Protocol):
    """Knows what is announced to others, retained, and what is withdrawn."""

    def messages(self) -> list[Message]:
        """Return all that is to be announced or withdrawn, in its order."""
        ...

    async def announced(self, message: Message) -> None:
        """Take that one of them is delivered."""
        ...
