"""Passwords, and the secrets of sessions and tokens.

A password is stored as an Argon2id hash. Secrets that we make ourselves are long and
random, so their SHA-256 is enough.
"""

import hashlib
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST_LENGTH: Final = 10
MOST_LENGTH: Final = 200
"""Longest password in characters: hashing a longer one would be work for nothing."""

_SECRET_BYTES = 32
_GROUPS, _GROUP_LENGTH = 4, 5
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that look alike on paper."""

_hasher = PasswordHasher()
_turns = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")
"""A hash takes 64 MiB and a core: many logins at once must not stop the pages."""
_NOBODY = _hasher.hash(secrets.token_hex())
"""Compared with for a name that does not exist, so that the time does not tell."""


def hash_of_password(password: str) -> str:
    """Return the Argon2id hash of a password, with its salt and parameters."""
    return _hasher.hash(password)


def fits(password: str, hashed: str | None) -> bool:
    """Return whether a password has this hash; None takes the same time, and is False.

    A damaged hash fits nothing.
    """
    if len(password) > MOST_LENGTH:
        return False
    try:
        _hasher.verify(hashed or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return hashed is not None


def check(password: str, hashed: str | None) -> "Future[bool]":
    """Return the coming answer of ``fits``; at most two are worked out at once."""
    return _turns.submit(fits, password, hashed)


def new_password() -> str:
    """Return a random password of about 99 bits that can be read out and typed."""
    groups = (
        "".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LENGTH))
        for _ in range(_GROUPS)
    )
    return "-".join(groups)


def new_secret() -> str:
    """Return a random secret of 256 bits for a session or a token."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def hash_of_secret(secret: str) -> str:
    """Return the SHA-256 of one of our own secrets, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_of(secret: str) -> str:
    """Return the proof that a form came from a page of this session."""
    return hash_of_secret(f"form of {secret}")
