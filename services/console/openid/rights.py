"""What the claims of a provider allow: a name, a role and subjects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from services.console.openid.refusal import LoginRefused
from services.console.people import ROLES, USER_NAME, Role
from services.site.openid import OpenIdSettings

_MOST_IDENTITY: Final = 512


@final
@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody whom the provider's claims let in.

    Attributes:
        identity: Issuer and subject: the person, whatever the name becomes.
        name: Name for a new user.
        role: The role.
        subjects: Subjects that the person may see; None for all.
    """

    identity: str
    name: str
    role: Role
    subjects: tuple[str, ...] | None


def admitted(claims: Mapping[str, Any], settings: OpenIdSettings) -> Admitted:
    """Return what the claims allow.

    Args:
        claims: Those of an ID token that was checked.
        settings: What the claims mean here.

    Raises:
        LoginRefused: If a name or a role is missing.
    """
    identity = f"{settings.issuer} {claims.get('sub', '')}"
    given = claim_at(claims, settings.user_claim)
    name = given.strip().lower() if isinstance(given, str) else ""
    if USER_NAME.fullmatch(name) is None or len(identity) > _MOST_IDENTITY:
        reason = f"the claim {settings.user_claim} gives no name that a user can have"
        raise LoginRefused(reason, "login.openid_name")
    groups = _groups(claim_at(claims, settings.roles_claim))
    roles = [settings.roles[group] for group in groups if group in settings.roles]
    if not roles and settings.default_role is not None:
        roles = [settings.default_role]
    if not roles:
        reason = f"the claim {settings.roles_claim} gives no role"
        raise LoginRefused(reason, "login.openid_rights", name)
    subjects = _subjects(groups, settings)
    return Admitted(identity, name, max(roles, key=ROLES.index), subjects)


def claim_at(claims: Mapping[str, Any], place: str) -> object:
    """Return a claim; ``a.b`` is b inside a, unless a claim has the whole name."""
    if place in claims:
        return claims[place]
    found: object = claims
    for part in place.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def _groups(claim: object) -> list[str]:
    given = claim if isinstance(claim, list) else [claim]
    return [group for group in given if isinstance(group, str)]


def _subjects(groups: list[str], settings: OpenIdSettings) -> tuple[str, ...] | None:
    """Return the subjects of all groups together; None for all subjects."""
    given = [settings.subjects[name] for name in groups if name in settings.subjects]
    if not settings.subjects or "all" in given:
        return None
    return tuple(sorted({name for names in given for name in names}))
