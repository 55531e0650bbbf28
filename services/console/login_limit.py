"""Slows down the guessing of passwords."""

import ipaddress
from collections import deque
from typing import Final, Literal, final

from pipelines.clock import Clock, ns_to_seconds, seconds_to_ns

_Kind = Literal["pair", "address", "name"]
_Key = tuple[_Kind, str, str]

_WINDOW_NS: Final = seconds_to_ns(300)
_MOST: Final[dict[_Kind, int]] = {"pair": 5, "address": 20, "name": 50}
_MOST_KEYS: Final = 10_000
_IPV6_NETWORK_BITS: Final = 64
"""What one household has of IPv6: its addresses are one."""


@final
class LoginLimit:
    """Counts failed logins of the last five minutes.

    A name has five tries from one address, so that nobody locks out others from
    elsewhere, and fifty from all together. An address has twenty, since a ward may
    share one. Counts are in memory: a restart forgets them. When they are too many, the
    oldest is forgotten.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[_Key, deque[int]] = {}  # the one counted last at the end

    def wait_s(self, name: str, address: str) -> float:
        """Return the seconds until another try is allowed; 0 if it is allowed now."""
        return max(self._wait_s(key) for key in _keys(name, address))

    def failed(self, name: str, address: str) -> None:
        """Count a failed login."""
        now_ns = self._clock.now_ns()
        for key in _keys(name, address):
            tries = self._failures.pop(key, None)
            if tries is None:
                tries = deque(maxlen=_MOST[key[0]])
            tries.append(now_ns)
            self._failures[key] = tries
        while len(self._failures) > _MOST_KEYS:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of a name from an address, and one of each alone.

        A login is counted before its password is checked, so that many at once do not
        all pass; this takes that count back.
        """
        pair, *others = _keys(name, address)
        self._failures.pop(pair, None)
        for key in others:
            tries = self._failures.get(key)
            if tries:
                tries.pop()
                if not tries:
                    del self._failures[key]

    def _wait_s(self, key: _Key) -> float:
        tries, most = self._failures.get(key, ()), _MOST[key[0]]
        since_ns = self._clock.now_ns() - _WINDOW_NS
        recent = [at_ns for at_ns in tries if at_ns > since_ns]
        if len(recent) < most:
            return 0.0
        return ns_to_seconds(recent[-most] - since_ns)


def _keys(name: str, address: str) -> tuple[_Key, _Key, _Key]:
    network = network_of(address)
    return ("pair", name, network), ("address", "", network), ("name", name, "")


def network_of(address: str) -> str:
    """Return the network of an IPv6 address; any other text as it is."""
    try:
        found = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    interface = (found, _IPV6_NETWORK_BITS)
    return str(ipaddress.IPv6Network(interface, strict=False))
