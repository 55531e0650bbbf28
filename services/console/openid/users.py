"""Users whom a provider has named: made at their first login, and kept up to date."""

from typing import Final

from services.console.openid.refusal import LoginRefused
from services.console.openid.rights import Admitted
from services.store.access import Access, Act, User

_NO_PASSWORD: Final = ""
"""No hash of Argon2: nothing fits it."""


def enrolled(
    access: Access, admitted: Admitted, at_ns: int, *, sets_subjects: bool
) -> str:
    """Return the name of the user that somebody is here, with the rights of now.

    A name that another user has is refused: who may choose a name at the provider must
    not become that user here.

    Args:
        access: The users.
        admitted: Whom the provider has named.
        at_ns: UTC, for the audit.
        sets_subjects: Whether the provider says what a user may see, and not an
            administrator.

    Raises:
        LoginRefused: If another user has the name.
        StoreError: If the store cannot be written.
    """
    act = Act(at_ns, admitted.name)
    if (known := access.user_of(admitted.identity)) is None:
        user = User(
            admitted.name,
            _NO_PASSWORD,
            admitted.role,
            admitted.subjects,
            identity=admitted.identity,
        )
        if access.add(user, act):
            return user.name
        known = access.user_of(admitted.identity)  # by a second login at once
    if known is None:
        reason = f"{admitted.name} is the name of another user here"
        raise LoginRefused(reason, "login.openid_taken", admitted.name)
    subjects = admitted.subjects if sets_subjects else known.subjects
    if (known.role, known.subjects) != (admitted.role, subjects):
        access.set_rights(known.name, admitted.role, subjects, Act(at_ns, known.name))
    return known.name
