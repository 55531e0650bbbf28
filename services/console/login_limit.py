"""Slows down the guessing of passwords."""

from collections import deque
from typing import Final, final

from pipelines.clock import Clock, ns_to_seconds, seconds_to_ns

_WINDOW_NS: Final = seconds_to_ns(300)
_MOST_OF_NAME: Final = 5
_MOST_OF_ADDRESS: Final = 20
_MOST_KEYS: Final = 10_000


@final
class LoginLimit:
    """Counts failed logins of the last five minutes, by name and by address.

    A name has five tries. An address has twenty, since a ward may share one. Counts are
    in memory: a restart forgets them.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[tuple[str, str], deque[int]] = {}

    def wait_s(self, name: str, address: str) -> float:
        """Return the seconds until another try is allowed; 0 if it is allowed now."""
        return max(
            self._wait_s(("name", name), _MOST_OF_NAME),
            self._wait_s(("address", address), _MOST_OF_ADDRESS),
        )

    def failed(self, name: str, address: str) -> None:
        """Count a failed login."""
        now_ns = self._clock.now_ns()
        if len(self._failures) >= _MOST_KEYS:
            self._forget_old(now_ns)
        for key in (("name", name), ("address", address)):
            if key in self._failures or len(self._failures) < _MOST_KEYS:
                tries = self._failures.setdefault(key, deque(maxlen=_MOST_OF_ADDRESS))
                tries.append(now_ns)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of a name, and one of its address.

        A login is counted before its password is checked, so that many at once do not
        all pass; this takes that count back.
        """
        self._failures.pop(("name", name), None)
        tries = self._failures.get(("address", address))
        if tries:
            tries.pop()
            if not tries:
                del self._failures["address", address]

    def _wait_s(self, key: tuple[str, str], most: int) -> float:
        tries = self._failures.get(key, ())
        since_ns = self._clock.now_ns() - _WINDOW_NS
        recent = [at_ns for at_ns in tries if at_ns > since_ns]
        if len(recent) < most:
            return 0.0
        return ns_to_seconds(recent[-most] - since_ns)

    def _forget_old(self, now_ns: int) -> None:
        old = [
            key
            for key, tries in self._failures.items()
            if tries[-1] <= now_ns - _WINDOW_NS
        ]
        for key in old:
            del self._failures[key]
