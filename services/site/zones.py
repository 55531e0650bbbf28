"""Zones in a subject's section of the file, or in a file of their own."""

from typing import Annotated, final

from pydantic import AfterValidator, Field, field_validator

from pipelines.live.zones import Point, Zone, ZoneKind, check_polygon
from services.site.section import Name, Section


@final
class ZoneSettings(Section):
    """A named part of a camera's picture."""

    name: Name = Field(description="Name of the zone, unique among its camera's.")
    kind: ZoneKind = Field(description="What it shows: bed, chair, floor or door.")
    points: tuple[Point, ...] = Field(
        description="Corners in order around the zone, each [x, y] in shares of the"
        " whole picture: 0, 0 is the upper left corner and 1, 1 the lower right one;"
        " `wardwatch zones` draws them.",
    )

    @field_validator("points")
    @classmethod
    def _are_corners(cls, points: tuple[Point, ...]) -> tuple[Point, ...]:
        check_polygon(points)
        return points

    def build(self) -> Zone:
        """Return the zone for the chain."""
        return Zone(self.name, self.kind, self.points)


def _check_names(zones: tuple[ZoneSettings, ...]) -> tuple[ZoneSettings, ...]:
    names = [zone.name for zone in zones]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"every zone needs another name, two are {twice[0]!r}"
        raise ValueError(msg)
    return zones


Zones = Annotated[tuple[ZoneSettings, ...], AfterValidator(_check_names)]
"""The zones of one camera."""


@final
class ZoneFile(Section):
    """A file of zones, for ``wardwatch watch`` and ``wardwatch zones``."""

    zones: Zones = Field(description="Zones of the camera.")
