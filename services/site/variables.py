"""``${NAME}`` in a value of a site's file: finding and replacing it.

    camera: rtsp://admin:${CAM_PW}@${CAM_HOST}/${CAM_PATH}?token=${TOKEN}

In an address, the parts are separated before anything is replaced:

- In user and password, and after a ``=``, a value is encoded: it arrives as it is.
- A variable that is the whole login is read as ``user:password``.
- Elsewhere (the whole address, a host, a path) a value is part of the address as it is.

A value that is no address is taken as it is.
"""

import re
from collections.abc import Callable
from urllib.parse import quote

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE = re.compile(rf"\$\{{({_NAME})\}}")
_AFTER_EQUALS = re.compile(rf"=\$\{{({_NAME})\}}")
_NO_VARIABLE = re.compile(rf"\$\{{(?!{_NAME}\}})")
_AFTER_AUTHORITY = re.compile(r"[/?#]")

Lookup = Callable[[str], str]


def names_no_variable(text: str) -> bool:
    """Tell whether a ``${`` begins no variable: a letter, then letters, digits, _."""
    return _NO_VARIABLE.search(text) is not None


def put_in(text: str, value_of: Lookup) -> str:
    """Return a text with the value of each variable in its place."""
    scheme, mark, place = text.partition("://")
    if not mark:
        return _as_written(text, value_of)
    end = _AFTER_AUTHORITY.search(place)
    cut = len(place) if end is None else end.start()
    login, at_sign, host = place[:cut].rpartition("@")
    path = _AFTER_EQUALS.sub(
        lambda found: f"={quote(value_of(found[1]), '')}", place[cut:]
    )
    # A user name holds no colon, so the first one of a whole login ends it.
    as_it_is = "" if ":" in login else ":"
    login = _VARIABLE.sub(lambda found: quote(value_of(found[1]), as_it_is), login)
    before, after = f"{scheme}{mark}", f"{at_sign}{host}{path}"
    return _as_written(before, value_of) + login + _as_written(after, value_of)


def _as_written(text: str, value_of: Lookup) -> str:
    return _VARIABLE.sub(lambda found: value_of(found[1]), text)
