"""Transport and TLS trust of an RTSP camera."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

RtspTransport = Literal["auto", "tcp", "udp", "multicast"]

_FINGERPRINT = re.compile(r"(?:[0-9a-f]{2}:?){31}[0-9a-f]{2}", re.IGNORECASE)
_OFF = "off"


@dataclass(frozen=True, slots=True)
class RtspAccess:
    """Transport and TLS trust of an RTSP camera.

    Attributes:
        transport: Transport of the pictures. ``auto`` tries TCP, then UDP, then
            multicast, and keeps the first that works.
        verified: Whether the certificate of an ``rtsps://`` camera is verified.
        ca_file: File of trusted CA certificates; None for those of the system.
        fingerprint: SHA-256 of a certificate that is trusted with any signature, 64
            lower-case hexadecimal digits.
    """

    transport: RtspTransport = "auto"
    verified: bool = True
    ca_file: Path | None = None
    fingerprint: str | None = None

    @classmethod
    def of(cls, transport: RtspTransport, trust: str | None) -> "RtspAccess":
        """Parse the configured transport and trust.

        Args:
            transport: Transport of the pictures.
            trust: ``off``, a SHA-256 fingerprint with or without colons, or a file of
                CA certificates; None trusts the CA certificates of the system.

        Raises:
            ValueError: If ``trust`` is none of these, or the file cannot be read.
        """
        if trust is None:
            return cls(transport)
        if trust == _OFF:
            return cls(transport, verified=False)
        if _FINGERPRINT.fullmatch(trust):
            digits = trust.replace(":", "").lower()
            return cls(transport, fingerprint=digits)
        path = Path(trust)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as err:
            cause = err.strerror if isinstance(err, OSError) else "no text"
            msg = (
                f"expected off, a SHA-256 fingerprint or a file of CA certificates, got"
                f" {trust!r} ({cause})"
            )
            raise ValueError(msg) from None
        if "BEGIN CERTIFICATE" not in text:
            msg = f"{path}: holds no certificate in PEM form"
            raise ValueError(msg)
        return cls(transport, ca_file=path.absolute())


SYSTEM_TRUST = RtspAccess()
"""Any transport, and the certificates that the system trusts."""


def shown_fingerprint(digits: str) -> str:
    """Format a fingerprint in the usual form, ``AB:CD:…``."""
    return ":".join(digits[n : n + 2] for n in range(0, len(digits), 2)).upper()
