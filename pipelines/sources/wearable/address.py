"""Addresses of MQTT topics: ``mqtt://[user[:password]@]host[:port]/topic``.

User and password may be percent-encoded. The last ``@`` ends the login, so that a
password may contain any character unencoded, and a topic no ``@``. The topic is
everything after the first slash behind the host.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pipelines.errors import SourceError
from pipelines.redaction import shown_address, shown_path
from pipelines.sources.camera.address import decoded_login, is_host

_SCHEME = "mqtt://"
_DEFAULT_PORT = 1883
_MOST_TOPIC_BYTES = 65_535


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """One topic on one broker; its ``str`` and ``repr`` contain no credentials."""

    host: str
    port: int
    topic: str = field(repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @staticmethod
    def parse(address: str) -> "MqttAddress":
        """Parse an address.

        Raises:
            SourceError: If the address is malformed, or its topic has a wildcard.
        """
        login, at_sign, place = address.removeprefix(_SCHEME).rpartition("@")
        shown = shown_address(address)
        authority, _, topic = place.partition("/")
        host, port = _host_and_port(authority)
        if not address.startswith(_SCHEME) or host is None:
            problem = (
                "expected mqtt://host/topic, a login before and a port after the host"
            )
            raise SourceError(shown, problem)
        _check_topic(topic, shown)
        if not at_sign:
            return MqttAddress(host, port, topic)
        user, colon, password = login.partition(":")
        try:
            decoded = decoded_login(user, password if colon else None)
        except ValueError as err:
            raise SourceError(shown, str(err)) from None
        return MqttAddress(host, port, topic, *decoded)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{_SCHEME}{host}:{self.port}/{self.shown_topic}"

    @property
    def shown_topic(self) -> str:
        """The topic for messages, redacted in case that it contains a login."""
        return shown_path(self.topic)


def _host_and_port(authority: str) -> tuple[str | None, int]:
    """Return host and port; the host is None if either is malformed."""
    try:
        parts = urlsplit(f"//{authority}")
        host, port = parts.hostname, parts.port
        if host is not None:
            host.encode("idna")  # raises here; the resolver raises other errors
    except ValueError:
        return None, 0
    if host is None or not is_host(host) or port == 0:
        return None, 0
    return host, _DEFAULT_PORT if port is None else port


def _check_topic(topic: str, shown_address: str) -> None:
    if not topic:
        problem = "names no topic; write one after the host, as in mqtt://host/topic"
        raise SourceError(shown_address, problem)
    if "+" in topic or "#" in topic:
        problem = "a wildcard (+ or #) would mix the samples of several wearables"
        raise SourceError(shown_address, problem)
    size_bytes = len(topic.encode(errors="replace"))
    no_text = re.search(r"[\x00\ud800-\udfff]", topic)
    if no_text or size_bytes > _MOST_TOPIC_BYTES:
        problem = f"a topic has 1 to {_MOST_TOPIC_BYTES} bytes and no NUL"
        raise SourceError(shown_address, problem)
