"""The command ``wardwatch zones``: a camera's picture to write zones by."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.sources.camera.rtsp_access import SYSTEM_TRUST

if TYPE_CHECKING:
    from pipelines.live.zones import Zone
    from pipelines.records import Frame
    from pipelines.sources.camera.rtsp_access import RtspAccess
    from services.site.settings import SubjectSettings

_SIDE_PX = 1024
_STEP_NS = 500_000_000


def zones(
    camera: Annotated[
        str | None,
        typer.Argument(
            help="A video file, rtsp://…, a device such as /dev/video0, or test.",
            show_default="the subject's",
        ),
    ] = None,
    *,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE.png", help="File of the picture.")
    ],
    site: Annotated[
        Path | None,
        typer.Option("--site", help="Site's YAML file; with --subject."),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option("--subject", help="Subject in --site whose zones are drawn."),
    ] = None,
    zone_file: Annotated[
        Path | None,
        typer.Option("--zones", help="YAML file of zones to draw, instead of a site."),
    ] = None,
) -> None:
    """Save a picture of a camera with a grid, coordinates and its zones.

    The coordinates along the edges are those of the points in a site's file.
    """
    from services.zone_picture import zone_picture

    access, drawn = SYSTEM_TRUST, _zones_of(zone_file)
    if (site is None) != (subject is None):
        msg = "--site and --subject go together"
        raise typer.BadParameter(msg, param_hint="--subject")
    if site is not None and subject is not None:
        found = _subject_of(site, subject)
        access = found.rtsp.build()
        drawn = drawn or tuple(zone.build() for zone in found.zones)
        camera = camera or found.camera_address
    if camera is None:
        msg = "name a camera, or a subject that has one"
        raise typer.BadParameter(msg, param_hint="CAMERA")
    frame = asyncio.run(_first_frame(camera, access))
    zone_picture(frame, drawn).save(out, "PNG")
    names = ", ".join(zone.name for zone in drawn) or "none"
    typer.echo(f"{out}: zones: {names}")


def _zones_of(path: Path | None) -> "tuple[Zone, ...]":
    from services.site.file import read_zones

    return () if path is None else read_zones(path)


def _subject_of(site: Path, subject: str) -> "SubjectSettings":
    from services.site.file import read_site

    subjects = {each.id: each for each in read_site(site).subjects}
    if subject not in subjects:
        known = ", ".join(subjects) or "none"
        msg = f"no subject {subject}; the site's subjects: {known}"
        raise typer.BadParameter(msg, param_hint="--subject")
    return subjects[subject]


async def _first_frame(camera: str, access: "RtspAccess") -> "Frame":
    """Return the first picture of a camera.

    Raises:
        SourceError: If the camera cannot be reached, or shows no picture.
    """
    from pipelines.clock import SystemClock
    from pipelines.errors import SourceUnreadable
    from pipelines.records import Frame
    from pipelines.sources.camera.address import CameraAddress
    from pipelines.sources.camera.source import CameraSource

    source = CameraSource(
        "zones",
        camera,
        clock=SystemClock(),
        image_size_px=_SIDE_PX,
        step_ns=_STEP_NS,
        rtsp=access,
        fail_fast=True,
    )
    async with source:
        async for item in source:
            if isinstance(item, Frame):
                return item
    raise SourceUnreadable(str(CameraAddress.parse(camera)), "shows no picture")
