"""The hub's section of a site's configuration."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from services.site.section import Section

if TYPE_CHECKING:
    from sqlalchemy import URL


class HubSettings(Section):
    """The store and the HTTP server."""

    folder: Path = Field(
        Path("wardwatch-data"),
        description="Folder of the store and of drift baselines.",
    )
    host: str = Field(
        "127.0.0.1", description="Address of /metrics, /healthz and /readyz."
    )
    port: int = Field(
        9464, ge=0, le=65535, description="Port of the HTTP server; 0 for a free one."
    )
    canary_every_s: float = Field(
        60.0,
        ge=1,
        le=86400,
        description="Seconds between tests of recognition by a known clip.",
    )

    def store_url(self, folder: Path | None = None) -> "URL":
        """Return the URL of the store; ``folder`` replaces the configured one."""
        from services.store.database import sqlite_url

        return sqlite_url(folder or self.folder)
