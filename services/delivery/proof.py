"""Whether there is proof that the broker delivers what it acknowledges."""

from typing import Final, final

_MISSES: Final = 2
"""So many test messages in a row may stay unheard where one was heard before."""


@final
class Proof:
    """What test messages on the present connection have shown.

    Args:
        test_topic: Where they go; None if no proof is asked for.
    """

    def __init__(self, test_topic: str | None) -> None:
        self._test_topic = test_topic
        self._has_reasons: bool | None = None
        self._reason: str | None = None
        self._was_heard = False
        self._misses = 0

    def begin(self, *, has_reasons: bool) -> None:
        """Begin with a connection, which has the reason codes of MQTT 5 or not."""
        self.lost()
        self._has_reasons = has_reasons

    def lost(self) -> None:
        """End with the connection."""
        self._has_reasons = None
        self._reason = None
        self._was_heard = False
        self._misses = 0

    def tested(self, reason: str) -> bool:
        """Take why a test message was not heard, or nothing if it was.

        Returns:
            Whether it was heard and the one before it was not.
        """
        is_news = not reason and self._reason != ""
        self._reason = reason
        self._was_heard = self._was_heard or not reason
        self._misses = self._misses + 1 if reason else 0
        return is_news

    @property
    def is_confirmed(self) -> bool | None:
        """Whether our own test message is heard; None if no proof is asked for."""
        return None if self._test_topic is None else self._reason == ""

    @property
    def is_missing(self) -> bool:
        """Whether nothing at all proves a delivery, though proof is asked for."""
        return self._has_reasons is False and bool(self._reason)

    def troubles(self) -> list[str]:
        """Say why no delivery is proven."""
        if self.is_missing:
            return [
                "delivery cannot be confirmed: the broker speaks MQTT 3.1.1, and our"
                f" test message on {self._test_topic} {self._reason}; let our user read"
                " what it publishes, or set broker.confirm to false"
            ]
        if self._was_heard and self._misses >= _MISSES:
            return [
                "the broker acknowledges messages and does not pass them on: our test"
                f" message on {self._test_topic} {self._reason}"
            ]
        return []

    def notes(self) -> list[str]:
        """Say what the proof rests on, where that is less than it could be."""
        if self._test_topic is None:
            if self._has_reasons is not False:
                return []
            return [
                "delivery is not confirmed: broker.confirm is false, and MQTT 3.1.1"
                " acknowledges even what it drops"
            ]
        if self._has_reasons and self._reason and not self._was_heard:
            return [
                "delivery rests on the broker's reason codes alone: our test message on"
                f" {self._test_topic} {self._reason}"
            ]
        return []
