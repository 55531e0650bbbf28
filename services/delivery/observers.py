"""Interface between delivery and its user."""

from typing import Protocol

from services.store.outbox import Message, Queued


class DeliveryObserver(Protocol):
    """Receives the results of delivery; its methods must return at once."""

    def connected(self, is_up: bool, reason: str) -> None:
        """Record whether the broker is connected, and why not."""
        ...

    def delivered(self, queued: Queued, now_ns: int) -> None:
        """Record a delivered message."""
        ...


class Inbox(Protocol):
    """Receives messages of others."""

    @property
    def topics(self) -> str:
        """Filter of the topics."""
        ...

    def receive(self, topic: str, payload: bytes) -> None:
        """Receive a message; it must return at once."""
        ...


class Announcer(Protocol):
    """Knows which retained announcements to publish, and which to withdraw."""

    def messages(self) -> list[Message]:
        """Return all announcements and withdrawals, in their order."""
        ...

    async def announced(self, message: Message) -> None:
        """Record that one of the messages is delivered."""
        ...
