"""Logins that have begun here and go on at the provider."""

from dataclasses import dataclass
from typing import Final, final

from pipelines.clock import Clock, seconds_to_ns
from services.console.login_limit import network_of

LONGEST_S: Final = 600
"""Seconds for a login at the provider, with a second factor."""
_MOST_OF_ADDRESS: Final = 50
_MOST: Final = 10_000


@final
@dataclass(frozen=True, slots=True)
class Begun:
    """What a login has begun with.

    Attributes:
        browser: Hash of the secret in the browser's cookie.
        nonce: What the ID token must repeat.
        verifier: Proof of PKCE that the code was asked for by us.
        target: Path of the page to show in the end.
    """

    browser: str
    nonce: str
    verifier: str
    target: str


@final
class LoginsUnderWay:
    """Keeps what logins have begun with, in memory, each for ten minutes.

    An address has at most fifty at once, and all have ten thousand; then the oldest is
    forgotten, so that nobody fills the memory.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun: dict[str, tuple[int, str, Begun]] = {}  # the oldest first

    def add(self, state: str, begun: Begun, address: str) -> None:
        """Keep a login that ``state`` names; ``address`` is that of the browser."""
        network = network_of(address)
        self._drop_old()
        same = [key for key, (_, other, _) in self._begun.items() if other == network]
        if len(same) >= _MOST_OF_ADDRESS:
            del self._begun[same[0]]
        elif len(self._begun) >= _MOST:
            del self._begun[next(iter(self._begun))]
        self._begun[state] = (self._clock.now_ns(), network, begun)

    def take(self, state: str, browser: str) -> Begun | None:
        """Return a login once, if it is this browser's; None if there is none."""
        self._drop_old()
        _, _, begun = self._begun.pop(state, (0, "", None))
        return begun if begun is not None and begun.browser == browser else None

    def _drop_old(self) -> None:
        since_ns = self._clock.now_ns() - seconds_to_ns(LONGEST_S)
        for state, (at_ns, _, _) in [*self._begun.items()]:
            if at_ns > since_ns:
                return
            del self._begun[state]
