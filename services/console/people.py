"""Who uses the console, and what they may do."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

Role = Literal["viewer", "carer", "administrator"]
Scope = Literal["read", "answer"]

ROLES: Final = get_args(Role)
"""From the least to the most rights: each has those of the roles before it."""

SCOPES: Final = get_args(Scope)


USER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is logged in, or a program with a token of theirs.

    Attributes:
        name: Name of the user.
        role: Rights of the user.
        subjects: Subjects that the user may see; None for all.
        language: Language that the user has chosen; None for the browser's.
        must_change: Whether the password must be changed before anything else.
        token: Name of the token; None in a browser.
        scopes: What the token allows; both in a browser.
        has_password: Whether the person has a password here, and not at a provider.
    """

    name: str
    role: Role
    subjects: frozenset[str] | None = None
    language: str | None = None
    must_change: bool = False
    token: str | None = None
    scopes: frozenset[Scope] = frozenset(SCOPES)
    has_password: bool = True

    def has(self, role: Role) -> bool:
        """Return whether the person has at least the rights of a role."""
        return ROLES.index(self.role) >= ROLES.index(role)

    @property
    def may_answer(self) -> bool:
        """Whether the person may answer alarms."""
        return self.has("carer") and "answer" in self.scopes

    def may_see(self, subject_id: str) -> bool:
        """Return whether the person may see a subject."""
        return self.subjects is None or subject_id in self.subjects

    def visible(self, subject_ids: Iterable[str]) -> list[str]:
        """Return the subjects that the person may see, in their order."""
        return [name for name in subject_ids if self.may_see(name)]

    @property
    def signature(self) -> str:
        """What the audit and an alarm's history call the person."""
        return self.name if self.token is None else f"{self.name} ({self.token})"
