"""``${NAME}`` in a value of a site's file: finding and replacing it.

    camera: rtsp://admin:${CAM_PW}@${CAM_HOST}/${CAM_PATH}?token=${TOKEN}

In an address, the parts are separated before anything is replaced:

- In user and password, and after a ``=``, the value is percent-encoded, so that the
  camera receives exactly this value.
- A variable that is the whole login has the form ``user:password``.
- Elsewhere (the whole address, a host, a path) the value is inserted unchanged.

In other texts the value is inserted unchanged.
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


def has_malformed_variable(text: str) -> bool:
    """Return whether a ``${`` is not followed by the name of a variable and ``}``.

    A name is a letter or ``_``, then letters, digits or ``_``.
    """
    return _NO_VARIABLE.search(text) is not None


def replace_variables(text: str, value_of: Lookup) -> str:
    """Return a text with each variable replaced by its value."""
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
