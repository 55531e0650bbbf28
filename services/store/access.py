"""Who may use the console: users, their sessions, and tokens of their programs.

Only hashes of secrets are stored. Every change is one transaction with its entry in the
audit.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, final

from sqlalchemy import Connection, Executable, delete, func, insert, select, update

from services.errors import StoreError
from services.store.audit import add_audit
from services.store.database import AnyRow, Database, insert_new
from services.store.tables import sessions, tokens, users

_USED_EVERY_NS: Final = 60 * 1_000_000_000
"""Precision of the last use: not every request writes."""
_ARE_LASTING: Final = (users.c.role == "administrator", users.c.identity.is_(None))
"""Conditions of the administrators who need no provider to log in."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in.

    Attributes:
        name: Name of the user, in small letters.
        password_hash: Argon2 hash of the password.
        role: viewer, carer or administrator.
        subjects: Subjects that the user may see; None for all.
        language: Language of the pages; None for the browser's.
        must_change: Whether the password was set by somebody else.
        identity: Who the user is at an OpenID Connect provider; such a user has no
            password here. None for a user with a password.
    """

    name: str
    password_hash: str
    role: str
    subjects: tuple[str, ...] | None = None
    language: str | None = None
    must_change: bool = False
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """The right of a program to act for a user.

    Attributes:
        number: Its number.
        user_name: The user.
        name: What it is for.
        scopes: What it allows.
        created_ns: When it was made, UTC.
        used_ns: When it was last used, to the minute, UTC; None before that.
    """

    number: int
    user_name: str
    name: str
    scopes: tuple[str, ...]
    created_ns: int
    used_ns: int | None


@dataclass(frozen=True, slots=True)
class Act:
    """What is written into the audit with a change."""

    at_ns: int
    who: str


@final
class Access:
    """Users, sessions and tokens of a store. Every method raises ``StoreError``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def user(self, name: str) -> User | None:
        """Return a user, or None."""
        row = self._database.row(select(users).where(users.c.name == name))
        return None if row is None else _user_of(row)

    def user_of(self, identity: str) -> User | None:
        """Return the user with an identity at a provider, or None."""
        row = self._database.row(select(users).where(users.c.identity == identity))
        return None if row is None else _user_of(row)

    def users(self) -> list[User]:
        """Return all users by their names."""
        rows = self._database.rows(select(users).order_by(users.c.name))
        return [_user_of(row) for row in rows]

    def has_administrator(self) -> bool:
        """Return whether anybody can manage users, even while no provider answers."""
        query = select(users.c.name).where(*_ARE_LASTING).limit(1)
        return self._database.row(query) is not None

    def add(self, user: User, act: Act) -> bool:
        """Add a user; return whether the name was free."""
        row = {
            "name": user.name,
            "password_hash": user.password_hash,
            "role": user.role,
            "subjects": _listed(user.subjects),
            "language": user.language,
            "must_change": user.must_change,
            "identity": user.identity,
        }
        detail = {"role": user.role, "subjects": _listed(user.subjects)}

        def work(connection: Connection) -> bool:
            is_new = insert_new(connection, users, row, "name")
            if is_new:
                _note(connection, act, "user added", user.name, detail)
            return is_new

        return self._database.do(work)

    def set_rights(
        self, name: str, role: str, subjects: Collection[str] | None, act: Act
    ) -> bool:
        """Set a user's role and subjects; None stands for all subjects.

        Returns:
            False, with nothing changed, if nobody would be left to manage users.
        """
        facts = {"role": role, "subjects": _listed(subjects)}
        change = update(users).where(users.c.name == name).values(**facts)

        def work(connection: Connection) -> bool:
            if role != "administrator" and _is_last(connection, name):
                return False
            connection.execute(change)
            _note(connection, act, "rights changed", name, facts)
            return True

        return self._database.do(work)

    def set_password(
        self, name: str, password_hash: str, act: Act, *, must_change: bool
    ) -> None:
        """Set a user's password, and end the user's sessions.

        If the user must change it, somebody else has set it, perhaps because a secret
        was lost: then the user's tokens end as well.
        """
        change = update(users).where(users.c.name == name)
        facts = {"password_hash": password_hash, "must_change": must_change}

        def work(connection: Connection) -> None:
            connection.execute(change.values(**facts))
            for table in (sessions, tokens) if must_change else (sessions,):
                connection.execute(delete(table).where(table.c.user_name == name))
            _note(connection, act, "password changed", name, {})

        self._database.do(work)

    def set_language(self, name: str, language: str | None, act: Act) -> None:
        """Set the language of a user's pages; None for the browser's."""
        change = update(users).where(users.c.name == name).values(language=language)
        self._noted(change, act, "language changed", name, {"language": language})

    def remove(self, name: str, act: Act) -> bool:
        """Remove a user with sessions and tokens.

        Returns:
            False, with nothing changed, if nobody would be left to manage users.
        """

        def work(connection: Connection) -> bool:
            if _is_last(connection, name):
                return False
            for table in (sessions, tokens):
                connection.execute(delete(table).where(table.c.user_name == name))
            connection.execute(delete(users).where(users.c.name == name))
            _note(connection, act, "user removed", name, {})
            return True

        return self._database.do(work)

    def open_session(
        self,
        name: str,
        secret_hash: str,
        act: Act,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Start a session of a user; ``detail`` is for the audit."""
        row = {"secret_hash": secret_hash, "user_name": name}
        opened = insert(sessions).values(**row, created_ns=act.at_ns, used_ns=act.at_ns)
        self._noted(opened, act, "logged in", name, detail)

    def session(
        self, secret_hash: str, now_ns: int, idle_ns: int, most_ns: int
    ) -> User | None:
        """Return the user of a session that goes on, and note its use.

        Args:
            secret_hash: Hash of the session's secret.
            now_ns: UTC.
            idle_ns: Time without use after which it is over.
            most_ns: Longest time from its start.
        """
        joined = users.join(sessions, sessions.c.user_name == users.c.name)
        query = (
            select(users, sessions.c.used_ns)
            .select_from(joined)
            .where(
                sessions.c.secret_hash == secret_hash,
                sessions.c.used_ns > now_ns - idle_ns,
                sessions.c.created_ns > now_ns - most_ns,
            )
        )
        row = self._database.row(query)
        if row is None:
            return None
        if now_ns - row.used_ns > _USED_EVERY_NS:
            one = update(sessions).where(sessions.c.secret_hash == secret_hash)
            self._note_use(one.values(used_ns=now_ns))
        return _user_of(row)

    def close_session(self, secret_hash: str, act: Act) -> None:
        """End a session."""
        ended = delete(sessions).where(sessions.c.secret_hash == secret_hash)
        self._noted(ended, act, "logged out", act.who)

    def drop_old_sessions(self, used_before_ns: int) -> None:
        """Delete the sessions that were last used before a time, UTC."""
        old = sessions.c.used_ns < used_before_ns
        self._database.execute(delete(sessions).where(old))

    def failed_login(self, name: str, at_ns: int, detail: Mapping[str, Any]) -> None:
        """Note a failed login in the audit."""
        self._database.do(
            lambda connection: add_audit(
                connection, at_ns, "", "login failed", name, detail
            )
        )

    def add_token(
        self, user: str, name: str, scopes: Sequence[str], secret_hash: str, act: Act
    ) -> None:
        """Add a token of a user."""
        added = insert(tokens).values(
            user_name=user,
            name=name,
            scopes=list(scopes),
            secret_hash=secret_hash,
            created_ns=act.at_ns,
        )
        detail = {"token": name, "scopes": list(scopes)}
        self._noted(added, act, "token added", user, detail)

    def tokens(self, user: str | None = None) -> list[Token]:
        """Return the tokens of a user, or of all, in the order of their making."""
        query = select(tokens).order_by(tokens.c.number)
        if user is not None:
            query = query.where(tokens.c.user_name == user)
        return [_token_of(row) for row in self._database.rows(query)]

    def token(self, secret_hash: str, now_ns: int) -> tuple[User, Token] | None:
        """Return whose token a secret is, and note its use; None if it is nobody's."""
        found = self._database.row(
            select(tokens).where(tokens.c.secret_hash == secret_hash)
        )
        user = None if found is None else self.user(found.user_name)
        if found is None or user is None:
            return None
        if now_ns - (found.used_ns or 0) > _USED_EVERY_NS:
            one = update(tokens).where(tokens.c.number == found.number)
            self._note_use(one.values(used_ns=now_ns))
        return user, _token_of(found)

    def remove_token(self, number: int, act: Act) -> None:
        """Remove a token, which then allows nothing."""
        ended = delete(tokens).where(tokens.c.number == number)
        self._noted(ended, act, "token removed", str(number))

    def _note_use(self, change: Executable) -> None:
        """Note a use; a store that can only be read still lets people see the ward."""
        with suppress(StoreError):
            self._database.execute(change)

    def _noted(
        self,
        change: Executable,
        act: Act,
        what: str,
        about: str,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Change something, with its entry in the audit."""

        def work(connection: Connection) -> None:
            connection.execute(change)
            _note(connection, act, what, about, detail or {})

        self._database.do(work)


def _note(
    connection: Connection, act: Act, what: str, about: str, detail: Mapping[str, Any]
) -> None:
    add_audit(connection, act.at_ns, act.who, what, about, detail)


def _is_last(connection: Connection, name: str) -> bool:
    """Return whether no other administrator with a password is left."""
    others = select(func.count()).where(*_ARE_LASTING, users.c.name != name)
    return connection.execute(others).scalar_one() == 0


def _listed(subjects: Collection[str] | None) -> list[str] | None:
    return None if subjects is None else list(subjects)


def _user_of(row: AnyRow) -> User:
    return User(
        name=row.name,
        password_hash=row.password_hash,
        role=row.role,
        subjects=None if row.subjects is None else tuple(row.subjects),
        language=row.language,
        must_change=row.must_change,
        identity=row.identity,
    )


def _token_of(row: AnyRow) -> Token:
    return Token(
        row.number,
        row.user_name,
        row.name,
        tuple(row.scopes),
        row.created_ns,
        row.used_ns,
    )
