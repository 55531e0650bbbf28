"""Whether there is proof that the broker delivers what it acknowledges."""

from typing import Final, final

_MISSES: Final = 2
"""Number of test messages in a row without an echo that count as a fault."""


@final
class Proof:
    """Results of the test messages on the present connection.

    Without a test topic no proof is required.
    """

    def __init__(self, test_topic: str | None) -> None:
        self._test_topic = test_topic
        self._has_reasons: bool | None = None
        self._reason: str | None = None
        self._was_heard = False
        self._misses = 0

    def begin(self, *, has_reasons: bool) -> None:
        """Start with a new connection.

        MQTT 5 has reason codes.
        """
        self.lost()
        self._has_reasons = has_reasons

    def lost(self) -> None:
        """Forget the results, because the connection is lost."""
        self._has_reasons = None
        self._reason = None
        self._was_heard = False
        self._misses = 0

    def tested(self, reason: str) -> bool:
        """Record a test message.

        An empty reason means that it came back.

        Returns:
            Whether it came back and the one before it did not.
        """
        is_news = not reason and self._reason != ""
        self._reason = reason
        self._was_heard = self._was_heard or not reason
        self._misses = self._misses + 1 if reason else 0
        return is_news

    @property
    def is_confirmed(self) -> bool | None:
        """Whether our test message comes back; None if no proof is required."""
        return None if self._test_topic is None else self._reason == ""

    @property
    def is_missing(self) -> bool:
        """Whether nothing at all proves a delivery, although proof is required."""
        return self._has_reasons is False and bool(self._reason)

    def troubles(self) -> list[str]:
        """Return why no delivery is proven."""
        if self.is_missing:
            return [
                "delivery cannot be confirmed: the broker speaks MQTT 3.1.1, and our"
                f" test message on {self._test_topic} {self._reason}; let our user read"
                " what it publishes, or set broker.confirm to false"
            ]
        if self._was_heard and self._misses >= _MISSES:
            return [
                "the broker acknowledges messages but does not pass them on: our test"
                f" message on {self._test_topic} {self._reason}"
            ]
        return []

    def notes(self) -> list[str]:
        """Return the limits of the proof, if it could be stronger."""
        if self._test_topic is None:
            if self._has_reasons is not False:
                return []
            return [
                "delivery is not confirmed: broker.confirm is false, and MQTT 3.1.1"
                " acknowledges even what it drops"
            ]
        if self._has_reasons and self._reason and not self._was_heard:
            return [
                "only the broker's reason codes prove delivery: our test message on"
                f" {self._test_topic} {self._reason}"
            ]
        return []
