"""What every route of the console works with."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final, cast, final

from pipelines.clock import Clock, seconds_to_ns, zone_of
from services.clips.sealed import ClipCipher, SealedClip
from services.console.feed import Feed
from services.console.login_limit import LoginLimit
from services.console.openid.provider import Provider
from services.console.openid.under_way import LoginsUnderWay
from services.console.passwords import hash_of_secret
from services.console.people import SCOPES, Person, Role, Scope
from services.errors import ClipError
from services.site.console import ConsoleSettings
from services.site.settings import Site
from services.store.access import Access, Act, User
from services.store.store import Store

_MOST_SESSION_NS: Final = seconds_to_ns(30 * 24 * 3600)
"""After this a login ends even if it is used, as on a wall board."""

_NO_KEY: Final = ("clips.key_file", "is not in the site's file")


@final
@dataclass(frozen=True, slots=True)
class Console:
    """The console of one site.

    Attributes:
        site: The site's settings.
        settings: Those of the console.
        store: The site's store.
        access: Users, sessions and tokens.
        clock: The clock.
        feed: What the store holds now.
        limit: Slows down the guessing of passwords.
        streams: Number of open streams of each user.
        provider: The OpenID Connect provider, if there is one.
        under_way: Logins that go on there.
    """

    site: Site
    settings: ConsoleSettings
    store: Store
    access: Access
    clock: Clock
    feed: Feed
    limit: LoginLimit
    streams: Counter[str]
    provider: Provider | None
    under_way: LoginsUnderWay

    @property
    def zone(self) -> tzinfo:
        """Time zone of the pages."""
        return zone_of(self.site.timezone)

    @property
    def has_tls(self) -> bool:
        """Whether browsers come over TLS."""
        return self.settings.tls_cert is not None

    def utc_ns(self) -> int:
        """Return UTC, by the system clock as it is now."""
        return self.clock.now_ns() + self.clock.correction_ns()

    def act(self, person: Person) -> Act:
        """Return who does something now, for the audit."""
        return Act(self.utc_ns(), person.signature)

    def audit(
        self, person: Person, what: str, about: str, detail: Mapping[str, Any]
    ) -> None:
        """Note what a person does.

        Raises:
            StoreError: If it cannot be written; then it must not be done.
        """
        self.store.audit.add(self.utc_ns(), person.signature, what, about, detail)

    def open_clip(self, clip: SealedClip) -> dict[str, Any]:
        """Return what an encrypted clip holds; the key is read each time.

        Raises:
            ClipError: If there is no key, or another one.
        """
        if self.site.clips is None:
            raise ClipError(*_NO_KEY)
        return ClipCipher(self.site.clips.key()).open(clip)

    def of_session(self, secret: str) -> Person | None:
        """Return who has a session, and note its use; None if it is over."""
        hashed, idle_ns = hash_of_secret(secret), self._idle_ns
        user = self.access.session(hashed, self.utc_ns(), idle_ns, _MOST_SESSION_NS)
        return None if user is None else _person_of(user)

    def drop_old_sessions(self) -> None:
        """Delete the sessions that were not used for too long."""
        self.access.drop_old_sessions(self.utc_ns() - self._idle_ns)

    @property
    def _idle_ns(self) -> int:
        return seconds_to_ns(self.settings.session_hours * 3600)

    def of_token(self, secret: str) -> Person | None:
        """Return for whom a token acts; None if it is unknown."""
        found = self.access.token(hash_of_secret(secret), self.utc_ns())
        if found is None:
            return None
        user, token = found
        return _person_of(user, token.name, frozenset(token.scopes))


def _person_of(
    user: User, token: str | None = None, scopes: frozenset[str] = frozenset(SCOPES)
) -> Person:
    return Person(
        name=user.name,
        role=cast("Role", user.role),
        subjects=None if user.subjects is None else frozenset(user.subjects),
        language=user.language,
        must_change=user.must_change,
        token=token,
        scopes=cast("frozenset[Scope]", scopes),
        has_password=user.identity is None,
    )
