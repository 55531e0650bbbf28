"""One attempt to reach an RTSP camera: its transport, its certificate, its errors."""

import hashlib
import ssl
from collections.abc import Callable
from typing import final

from gi.repository import Gio, GLib

from pipelines.errors import SourceError, SourceNotFound, SourceUnreadable
from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.camera.rtsp_access import RtspAccess, shown_fingerprint
from pipelines.sources.gstreamer.core import Gst

_PROTOCOLS = {"tcp": "tcp", "udp": "udp", "multicast": "udp-mcast"}
_NAMES = {"tcp": "TCP", "udp": "UDP", "multicast": "multicast"}
_ORDER = ("tcp", "udp", "multicast")


@final
class TransportRefused(SourceUnreadable):
    """The camera answers, but does not support this transport."""


@final
class RtspTransports:
    """The transport of each attempt; a transport that works is kept."""

    def __init__(self, access: RtspAccess) -> None:
        self._choice = _ORDER if access.transport == "auto" else (access.transport,)
        self._place = 0

    @property
    def now(self) -> str:
        """The transport of the next attempt."""
        return self._choice[self._place]

    def refused(self) -> bool:
        """Select the next transport; return whether one is left to try."""
        self._place = (self._place + 1) % len(self._choice)
        return self._place > 0

    def problem(self) -> str:
        """Return the message for a camera that refuses all allowed transports."""
        if len(self._choice) > 1:
            return "the camera sends its pictures neither by TCP nor UDP nor multicast"
        name = _NAMES[self._choice[0]]
        return f"the camera does not send its pictures by {name}; set transport to auto"


@final
class RtspConnection:
    """Set-up of an ``rtspsrc`` for one attempt, and translation of its errors.

    Raises:
        SourceUnreadable: If TLS is not installed, or the CA file cannot be used.
    """

    def __init__(
        self,
        source: Gst.Element,
        address: CameraAddress,
        access: RtspAccess,
        transport: str,
        connect: Callable[[Gst.Element, str, Callable[..., object]], None],
    ) -> None:
        self._address, self._access = address, access
        self._certificate_problem = ""
        Gst.util_set_object_arg(source, "protocols", _PROTOCOLS[transport])
        self._secure = address.location.startswith("rtsps:")
        if self._secure:
            self._set_trust(source)
            connect(source, "accept-certificate", self._on_doubtful)

    def _set_trust(self, source: Gst.Element) -> None:
        shown = str(self._address)
        if not Gio.TlsBackend.get_default().supports_tls():
            problem = "TLS is not installed; install the package glib-networking"
            raise SourceUnreadable(shown, problem)
        if not self._access.verified:
            Gst.util_set_object_arg(source, "tls-validation-flags", "no-flags")
        if self._access.ca_file is not None:
            try:
                anchors = Gio.TlsFileDatabase.new(str(self._access.ca_file))
            except GLib.Error as err:
                problem = f"{self._access.ca_file}: {err.message}"
                raise SourceUnreadable(shown, problem) from None
            source.set_property("tls-database", anchors)

    def _on_doubtful(
        self,
        _source: Gst.Element,
        _connection: Gio.TlsConnection,
        certificate: Gio.TlsCertificate,
        doubts: Gio.TlsCertificateFlags,
    ) -> bool:
        """Accept a certificate that failed validation if its fingerprint is trusted."""
        encoded = ssl.PEM_cert_to_DER_cert(certificate.get_property("certificate-pem"))
        digits = hashlib.sha256(encoded).hexdigest()
        if digits == self._access.fingerprint:
            return True
        self._certificate_problem = self._doubt(doubts, digits)
        return False

    def _doubt(self, doubts: Gio.TlsCertificateFlags, digits: str) -> str:
        flags = Gio.TlsCertificateFlags
        reasons = [
            text
            for flag, text in (
                (flags.EXPIRED, "has expired"),
                (flags.NOT_ACTIVATED, "is not valid yet"),
                (flags.BAD_IDENTITY, "is for another host"),
                (flags.UNKNOWN_CA, "is not signed by a trusted CA"),
                (flags.REVOKED, "is revoked"),
            )
            if doubts & flag
        ]
        if self._access.fingerprint is not None:
            reasons = ["does not have the configured fingerprint"]
        reason = " and ".join(reasons) or "is not valid"
        return (
            f"its certificate {reason} (SHA-256 fingerprint"
            f" {shown_fingerprint(digits)}); set trust to this fingerprint or to a file"
            " of CA certificates"
        )

    def error(self, message: Gst.Message) -> SourceError | None:
        """Return the error of transport or trust in a message; None if it has none."""
        problem, detail = message.parse_error()
        shown = str(self._address)
        if self._certificate_problem:
            return SourceUnreadable(shown, self._certificate_problem)
        words = f"{problem.message} {detail or ''}"
        if "No supported stream was found" in words or "no protocols left" in words:
            return TransportRefused(shown, "the camera refuses this transport")
        if "receive any UDP packets" in words:
            reason = "no picture arrives by UDP; check for a firewall"
            return SourceUnreadable(shown, reason)
        opening = problem.matches(
            Gst.ResourceError.quark(), int(Gst.ResourceError.OPEN_READ_WRITE)
        )
        if self._secure and opening:
            hint = "check host and port, or use rtsp:// if the camera has no TLS"
            return SourceNotFound(shown, f"the camera does not answer with TLS; {hint}")
        return None
