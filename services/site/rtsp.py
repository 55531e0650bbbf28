"""How an RTSP camera is reached and trusted, in a site's file."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipelines.sources.camera.rtsp_access import RtspAccess, RtspTransport


class RtspSettings(BaseModel):
    """How an RTSP camera is reached and trusted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transport: RtspTransport = Field(
        "auto",
        description="How pictures travel; auto asks for tcp, then udp, then multicast,"
        " and keeps what worked.",
    )
    trust: str | Literal[False] | None = Field(
        None,
        description="For rtsps://: a file of CA certificates, the SHA-256 fingerprint"
        " of the camera's certificate, or off; what the system trusts if none.",
    )

    @model_validator(mode="after")
    def _is_usable(self) -> "RtspSettings":
        self.build()
        return self

    def build(self) -> RtspAccess:
        """Return it for a camera.

        Raises:
            ValueError: If ``trust`` is none of its forms, or the file cannot be read.
        """
        trust = "off" if self.trust is False else self.trust  # YAML reads off as false
        return RtspAccess.of(self.transport, trust)
