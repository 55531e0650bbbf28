"""What all targets of alarms share, in a site's configuration."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from models.prompts.prompt_set import Priority
from services.site.section import Name, Section, read_password


class AlarmTarget(Section):
    """Somebody who gets alarms beside MQTT."""

    name: Name = Field(description="Its name in logs and troubles.")
    priorities: tuple[Priority, ...] = Field(
        ("high",), min_length=1, description="Priorities of the alarms that it gets."
    )
    from_step: int = Field(
        0,
        ge=0,
        le=16,
        description="0 gets an alarm at once, 1 from the first step of its escalation"
        " on.",
    )


def one_secret(given: SecretStr | None, file: Path | None) -> str:
    """Return what is given, else the line of the file; one of them must be there.

    Raises:
        OSError: If the file cannot be read, or is not one line of text.
    """
    if given is not None:
        return given.get_secret_value()
    assert file is not None  # the section has checked it
    return read_password(file).strip()


def checked_http_address(address: str) -> str:
    """Return an address of HTTP or HTTPS.

    Raises:
        ValueError: If it is another; without the text itself, which may hold a token.
    """
    try:
        parts = urlsplit(address)
        is_http = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_http = is_http and parts.port != 0  # raises for what is not a number
    except ValueError:
        is_http = False
    if not is_http or not address.isascii() or not address.isprintable():
        msg = "expected https://HOST/PATH or http://HOST/PATH"
        raise ValueError(msg)
    return address


def checked_ca_file(path: Path) -> Path:
    """Return the path of a file of CA certificates.

    Raises:
        ValueError: If it cannot be read, or holds none.
    """
    try:
        ssl.create_default_context(cafile=str(path))
    except OSError as err:  # ssl.SSLError is one, too
        problem = "holds no CA certificates in PEM"
        if not isinstance(err, ssl.SSLError):
            problem = err.strerror or problem
        msg = f"{path}: {problem}"
        raise ValueError(msg) from None
    return path
