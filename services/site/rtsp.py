"""Settings of the connection to an RTSP camera, in a site's file."""

from typing import Literal

from pydantic import Field, model_validator

from pipelines.sources.camera.rtsp_access import RtspAccess, RtspTransport
from services.site.section import Section


class RtspSettings(Section):
    """Transport of an RTSP camera, and trust in its certificate."""

    transport: RtspTransport = Field(
        "auto",
        description="Transport of the pictures; auto tries tcp, then udp, then"
        " multicast, and keeps the one that worked.",
    )
    trust: str | Literal[False] | None = Field(
        None,
        description="For rtsps://: a file of CA certificates, the SHA-256 fingerprint"
        " of the camera's certificate, or off; the system's certificates if none.",
    )

    @model_validator(mode="after")
    def _is_usable(self) -> "RtspSettings":
        self.build()
        return self

    def build(self) -> RtspAccess:
        """Return the settings in the form that a camera needs.

        Raises:
            ValueError: If ``trust`` has none of its forms, or if its file cannot be
                read.
        """
        trust = "off" if self.trust is False else self.trust  # YAML reads off as false
        return RtspAccess.of(self.transport, trust)
