"""How an RTSP camera is reached and trusted."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

RtspTransport = Literal["auto", "tcp", "udp", "multicast"]

_FINGERPRINT = re.compile(r"(?:[0-9a-f]{2}:?){31}[0-9a-f]{2}", re.IGNORECASE)
_OFF = "off"


@dataclass(frozen=True, slots=True)
class RtspAccess:
    """How an RTSP camera is reached and trusted.

    Attributes:
        transport: How pictures travel. ``auto`` asks for TCP, then UDP, then multicast,
            and keeps what worked.
        verified: Whether the certificate of an ``rtsps://`` camera is checked at all.
        ca_file: Certificates that may have signed it; those of the system if None.
        fingerprint: SHA-256 of a certificate that is trusted whoever signed it, 64
            lower-case hexadecimal digits.
    """

    transport: RtspTransport = "auto"
    verified: bool = True
    ca_file: Path | None = None
    fingerprint: str | None = None

    @classmethod
    def of(cls, transport: RtspTransport, trust: str | None) -> "RtspAccess":
        """Read what a person configured.

        Args:
            transport: How pictures travel.
            trust: ``off``, a SHA-256 fingerprint with or without colons, or a file of
                CA certificates; None trusts what the system trusts.

        Raises:
            ValueError: If it is none of these, or the file cannot be read.
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
    """Write a fingerprint as other programs do, ``AB:CD:…``."""
    return ":".join(digits[n : n + 2] for n in range(0, len(digits), 2)).upper()
