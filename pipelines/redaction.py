"""Removal of credentials from addresses, for messages, logs and files.

The scheme, host, port and path of an address are shown. The user, password, query and
fragment are left out. Some cameras accept credentials in the path too
(``/user=admin_password=secret_channel=1``), so a part of the path is shown only if it
looks like a name, and is ``***`` otherwise.

``redact`` is for text from elsewhere that may contain addresses. ``shown_address`` is
for a text that is an address, or was meant to be one. Both are idempotent: a second
call changes nothing.
"""

import re
import string
from collections.abc import Iterable
from urllib.parse import unquote

HIDDEN = "***"

_SEPARATOR = re.compile(r"(?::|%3a)(?:[/\\]|%2f)+|(?<=[a-z])//", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_SCHEME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "+.-")
_AUTHORITY = re.compile(
    r"(?:\[[0-9A-Fa-f:.]*(?:%[\w.]+)?\]|[\w.\-]+|\*{3})?(?::\d{0,5})?"
)
_AFTER_AUTHORITY = re.compile(r"[/\\?#;]|%2f", re.IGNORECASE)
_NAME = re.compile(r"[\w.~+,()\- ]*|\*{3}")
_PUNCTUATION = ")]}>'\",;:.!"
_SPACE = re.compile(r"\s")

_SECRET_WORD = re.compile(
    r"passw|passc|passp|loginpas|pwd|psw|token|secret|credential|api_?key"
    r"|(?<![a-z])(?:pass|pas|pw|auth|authorization|login)(?![a-z])",
    re.IGNORECASE,
)
_USER_WORD = re.compile(
    r"(?<![a-z])(?:user|usr|username|loginuse|key|sid|session)(?![a-z])", re.IGNORECASE
)
# Some cameras are protected only by a random, secret path.
_RANDOM = re.compile(
    r"(?=[^\W_]{0,15}\d)(?=[^\W_]{0,15}[^\W\d_])[^\W_]{16}"
    r"|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
    re.IGNORECASE,
)
_LEAST_SECRET = 3
"""Least length of a hidden word, in characters: shorter ones occur in any text."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return a text without the credentials of the addresses in it.

    ``secrets`` are words to hide wherever they occur.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _LEAST_SECRET:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    if not any(character in text for character in ":=@%"):
        return text
    return "".join(_redacted_line(line) for line in text.splitlines(keepends=True))


def shown_address(text: str) -> str:
    """Return one address, well formed or not, without its credentials."""
    found = _SEPARATOR.search(text)
    if found is None:
        return _without_fields(_without_login(text))
    scheme = text[: found.start()].strip()
    if not _SCHEME.fullmatch(scheme):
        scheme = HIDDEN
    return f"{scheme}{found.group()}{_shown_place(text[found.end() :])}"


def shown_path(path: str) -> str:
    """Return the path of an address without its query and its secret parts."""
    path = re.split(r"[?#;]", path, maxsplit=1)[0]
    parts: list[str] = []
    for part in path.split("/"):
        name = unquote(part)
        secret = _SECRET_WORD.search(name)
        if not _NAME.fullmatch(name) or _RANDOM.search(name):
            parts.append(HIDDEN)
        elif secret is None:
            parts.append(part)
        elif secret.group() == name:  # the next part may be the secret itself
            parts += [part, HIDDEN]
            break
        else:
            parts.append(HIDDEN)
    return "/".join(parts)


def _shown_place(text: str) -> str:
    """Return the host, port and path in the text after ``scheme://``."""
    end = _AFTER_AUTHORITY.search(text)
    cut = len(text) if end is None else end.start()
    login_and_host, path = text[:cut], text[cut:]
    if "@" in path:  # a login that holds a slash, or a path that holds an @
        return HIDDEN
    host = login_and_host.rpartition("@")[2]
    if not _AUTHORITY.fullmatch(host):
        return HIDDEN
    return host + shown_path(path)


def _redacted_line(line: str) -> str:
    """Return a line with its addresses and its ``password=`` fields redacted."""
    shown: list[str] = []
    done = 0
    while (found := _SEPARATOR.search(line, done)) is not None:
        begin, after = found.start(), found.end()
        while begin > done and line[begin - 1] in _SCHEME_CHARACTERS:
            begin -= 1
        before = line[done:begin]
        body = line[after : _end_of_address(line, after)]
        name = body.rstrip(_PUNCTUATION)
        if "@" in body and ":" in unquote(_last_word(before)):  # in a login without ://
            before, begin = before.removesuffix(_last_word(before)) + HIDDEN, after
        shown.append(_redacted_words(before))
        shown += (line[begin:after], _shown_place(name), body[len(name) :])
        done = after + len(body)
    shown.append(_redacted_words(line[done:]))
    return "".join(shown)


def _end_of_address(line: str, after: int) -> int:
    """Return the end of the address whose ``://`` ends at ``after``.

    An address ends at a space, unless it has no ``@`` yet and looks like the start of
    a login (``rtsp://user:two words@host``).
    """
    end = _end_of_word(line, after)
    word = line[after:end]
    complete = _AFTER_AUTHORITY.search(word) or ":" not in word
    if "@" in word or word.endswith(tuple(_PUNCTUATION)):
        return end
    if complete and _shown_place(word) != HIDDEN:
        return end
    following = _SEPARATOR.search(line, after)
    last = len(line) if following is None else following.start()
    at_sign = line.rfind("@", end, last)
    return end if at_sign < 0 else _end_of_word(line, at_sign)


def _end_of_word(line: str, begin: int) -> int:
    space = _SPACE.search(line, begin)
    return len(line) if space is None else space.start()


def _last_word(text: str) -> str:
    return re.split(r"\s", text)[-1]


def _redacted_words(text: str) -> str:
    """Hide ``user:password@`` and ``password=`` in words that are not addresses."""
    words = re.split(r"(\s+)", text)
    return "".join(_without_fields(_without_login(word)) for word in words)


def _without_login(text: str) -> str:
    login, at_sign, place = text.rpartition("@")
    login = unquote(login)
    if not at_sign or not (":" in login or "//" in login):
        return text
    return f"{HIDDEN}@{_shown_place(place)}"


def _without_fields(text: str) -> str:
    """Hide a query, and the value of every field whose name suggests a secret."""
    place, question_mark, query = text.partition("?")
    if question_mark and ("=" in query or "%3d" in query.lower()):
        text = f"{place}?{HIDDEN}"
    parts = re.split(r"(=|%3d)", text, flags=re.IGNORECASE)
    for index in range(0, len(parts) - 1, 2):
        name = unquote(parts[index])
        if _SECRET_WORD.search(name) or _USER_WORD.search(name):
            return "".join((*parts[: index + 2], HIDDEN))
    return text
