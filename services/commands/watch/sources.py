"""The sources of ``wardwatch watch``: a camera, a wearable, or both."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, final

import typer

from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.camera.framing import PAD, Framing
from pipelines.sources.camera.rtsp_access import RtspAccess

if TYPE_CHECKING:
    from pipelines.clock import Clock
    from pipelines.live.subject import Subject
    from pipelines.live.zones import Zone
    from pipelines.records import SourceStatus
    from pipelines.sources.recording.report import RecordingReport
    from pipelines.sources.wearable.replay import ImuFileSource
    from pipelines.sources.wearable.source import ImuSource

_SUBJECT_ID = "subject"


@final
@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of one subject.

    ``source`` is the camera's address as given, with credentials. A recording is played
    ``speed`` times as fast as real time; None is as fast as possible.
    """

    camera: CameraAddress | None
    source: str | None = field(repr=False)
    imu: str | None = field(repr=False)
    framing: Framing = PAD
    speed: float | None = None
    zones: "tuple[Zone, ...]" = ()

    @classmethod
    def parse(
        cls,
        source: str | None,
        imu: str | None,
        *,
        framing: Framing = PAD,
        speed: float | None = None,
        zones: Path | None = None,
    ) -> "Sources":
        """Read the sources from the command line.

        Raises:
            typer.BadParameter: If there is no source, or if an option does not apply to
                this kind of source.
            SourceError: If the camera's address is malformed.
            SettingsError: If the file of zones has mistakes.
        """
        from services.site.file import read_zones

        if source is None and imu is None:
            msg = "name a camera or a recording, or a wearable with --imu"
            raise typer.BadParameter(msg, param_hint="SOURCE")
        camera = None if source is None else CameraAddress.parse(source)
        if camera is None and zones is not None:
            msg = "a wearable alone has no zones"
            raise typer.BadParameter(msg, param_hint="--zones")
        found = () if zones is None else read_zones(zones)
        sources = cls(camera, source, imu, framing, speed, found)
        sources._refuse_mixtures()
        return sources

    @property
    def worn_live(self) -> bool:
        """Whether the wearable publishes to a broker."""
        return self.imu is not None and "://" in self.imu

    @property
    def live(self) -> bool:
        """Whether pictures and samples come at their own pace."""
        return self.worn_live if self.camera is None else self.camera.live

    def __str__(self) -> str:
        if self.camera is not None:
            return str(self.camera)
        return "wearable" if self.worn_live else str(self.imu)

    def _refuse_mixtures(self) -> None:
        """Refuse options that do not apply to this kind of source."""
        if self.live and self.speed is not None:
            msg = f"{self} is live: its speed cannot be chosen"
            raise typer.BadParameter(msg, param_hint="--speed")
        if self.camera is None or self.imu is None or self.worn_live == self.live:
            return
        if self.live:
            msg = f"{self} is live: its wearable must be mqtt://host/topic, not a file"
        else:
            msg = f"{self} is a recording: its wearable must be a file, not a topic"
        raise typer.BadParameter(msg, param_hint="--imu")


@asynccontextmanager
async def open_subject(
    watched: Sources,
    *,
    clock: "Clock",
    origin_ns: int,
    image_size_px: int,
    step_ns: int,
    rtsp: RtspAccess,
    on_report: "Callable[[RecordingReport], None]",
    on_status: "Callable[[SourceStatus], None] | None" = None,
) -> "AsyncIterator[Subject]":
    """Open the sources; those of a recording are merged in order of time.

    ``on_report`` gets the faults of a recording at its end, and ``on_status`` each
    status of a live source at once. Presentation time 0 of a recording is
    ``origin_ns``.

    Raises:
        SourceError: If a source is malformed, or cannot be reached at first.
    """
    from pipelines.live.recorded import in_time_order
    from pipelines.live.subject import Subject
    from pipelines.sources.camera.source import CameraSource

    async with AsyncExitStack() as stack:
        wearable = await _open_wearable(stack, watched, clock, origin_ns, on_status)
        if watched.camera is None or watched.source is None:
            yield Subject(_SUBJECT_ID, None, wearable, camera_name="no camera")
            return
        camera = CameraSource(
            _SUBJECT_ID,
            watched.source,
            clock=clock,
            image_size_px=image_size_px,
            step_ns=step_ns,
            framing=watched.framing,
            rtsp=rtsp,
            fail_fast=True,
            origin_ns=origin_ns,
            speed=watched.speed,
            on_status=on_status,
        )
        video = await stack.enter_async_context(camera)
        # Another region of the picture is another view, with another normal.
        name = f"{watched.camera.view_name} {watched.framing}"
        if wearable is None or watched.worn_live:
            subject = Subject(_SUBJECT_ID, video, wearable, camera_name=name)
        else:
            both = in_time_order(video, wearable)
            subject = Subject(_SUBJECT_ID, both, camera_name=name)
        yield replace(subject, zones=watched.zones)
        if not watched.live:
            on_report(camera.report)


async def _open_wearable(
    stack: AsyncExitStack,
    watched: Sources,
    clock: "Clock",
    origin_ns: int,
    on_status: "Callable[[SourceStatus], None] | None",
) -> "ImuSource | ImuFileSource | None":
    from pipelines.sources.wearable.replay import ImuFileSource
    from pipelines.sources.wearable.source import ImuSource

    if watched.imu is None:
        return None
    if watched.worn_live:
        live = ImuSource(
            _SUBJECT_ID, watched.imu, clock=clock, fail_fast=True, on_status=on_status
        )
        return await stack.enter_async_context(live)
    recorded = ImuFileSource(
        _SUBJECT_ID,
        watched.imu,
        clock=clock,
        origin_ns=origin_ns,
        speed=watched.speed if watched.camera is None else None,
    )
    return await stack.enter_async_context(recorded)
