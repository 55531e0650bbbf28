"""Find the message at which a broker closes the connection instead of refusing it.

Some brokers close the connection at a forbidden message, or never acknowledge it.
Published first on every new connection, that message would block all others.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, final

from services.delivery.session import Step

_LOSSES: Final = 2
"""Number of losses of the connection at one topic that prove it to be the cause."""
_UNRELATED_CODES: Final = frozenset({0x8B, 0x8D, 0x8E, 0x98, 0x9C, 0x9D})
"""Reason codes of MQTT 5 that no message causes: shutdown, keep-alive timeout,
takeover, administrative action, and another server."""


@final
class Suspects:
    """Counts how often the connection was lost at a topic."""

    def __init__(self) -> None:
        self._losses: Counter[tuple[str, Step]] = Counter()
        self._topics: set[str] = set()

    @property
    def exist(self) -> bool:
        """Whether messages must be sent one by one, to find the cause of a loss."""
        return bool(self._topics)

    def answered(self, topic: str) -> None:
        """Clear a topic, because the broker answered to its message."""
        self._topics.discard(topic)
        for step in ("publish", "subscribe"):
            self._losses.pop((topic, step), None)

    def connection_lost(
        self, in_flight: Mapping[str, Step], code: int | None
    ) -> tuple[str, Step] | None:
        """Count a loss of the connection.

        ``code`` is the reason code of MQTT 5, if the broker sent one.

        Returns:
            The topic and the step that caused repeated losses, or None if not known.
        """
        if code in _UNRELATED_CODES or not in_flight:
            return None
        self._topics |= in_flight.keys()
        if len(in_flight) > 1:
            return None
        ((topic, step),) = in_flight.items()
        self._losses[topic, step] += 1
        if self._losses[topic, step] < _LOSSES:
            return None
        self.answered(topic)
        return topic, step
