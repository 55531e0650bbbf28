"""Find the message at which a broker closes the connection instead of refusing it.

Some brokers close the connection at a message that is not allowed, or acknowledge it
never. Published again first thing, it would keep everything else from going out.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, final

from services.delivery.session import Step

_STRIKES: Final = 2
_NOT_ITS_FAULT: Final = frozenset({0x8B, 0x8D, 0x8E, 0x98, 0x9C, 0x9D})
"""Ends of MQTT 5 that no message causes: shutdown, silence, takeover, an administrator,
and another server."""


@final
class Strikes:
    """Counts how often the connection ended at a topic."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Step]] = Counter()
        self._suspects: set[str] = set()

    @property
    def are_suspected(self) -> bool:
        """Whether messages must go one by one, to find the one at which it ends."""
        return bool(self._suspects)

    def took(self, topic: str) -> None:
        """Note that the broker answered to a topic's message."""
        self._suspects.discard(topic)
        for step in ("publish", "subscribe"):
            self._counts.pop((topic, step), None)

    def strike(
        self, in_flight: Mapping[str, Step], code: int | None
    ) -> tuple[str, Step] | None:
        """Note an end of the connection.

        Args:
            in_flight: Topics that the broker had not answered to.
            code: Reason code of MQTT 5, if the broker gave one.

        Returns:
            The topic that it ended at again and again, and the step, if there is one.
        """
        if code in _NOT_ITS_FAULT or not in_flight:
            return None
        self._suspects |= in_flight.keys()
        if len(in_flight) > 1:
            return None
        ((topic, step),) = in_flight.items()
        self._counts[topic, step] += 1
        if self._counts[topic, step] < _STRIKES:
            return None
        self.took(topic)
        return topic, step
