"""The command ``wardwatch watch``: one camera, in this process, as things happen."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, final

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.camera.framing import PAD, Framing
from pipelines.sources.camera.rtsp_access import RtspAccess, RtspTransport
from services import signals
from services.options import (
    AdaptationOption,
    CalibrationOption,
    CropOption,
    ModelOption,
    PromptsOption,
    TemporalOption,
)

if TYPE_CHECKING:
    from models.window import Modality
    from pipelines.clock import Clock
    from pipelines.live.watch import Record, Subject
    from pipelines.records import SourceStatus
    from pipelines.sources.recording.report import RecordingReport

_SUBJECT_ID = "subject"
_MENDS = {
    "fused": "wardwatch model calibrate FOOTAGE",
    "video": "wardwatch model calibrate FOOTAGE --wearable none",
    "imu": "nothing fits it for a wearable alone yet",
}


def watch(
    source: Annotated[
        str | None,
        typer.Argument(
            help="A video file, rtsp://…, a device such as /dev/video0, or test;"
            " nothing where --imu is all, which takes recognition of the kind is-clip,"
            " as shipped."
        ),
    ] = None,
    *,
    imu: Annotated[
        str | None,
        typer.Option(
            help="The wearable: a file x.<position>.imu.csv beside a recording,"
            " mqtt://host/topic beside a live camera."
        ),
    ] = None,
    model: ModelOption = None,
    prompts: PromptsOption = None,
    adaptation: AdaptationOption = None,
    calibration: CalibrationOption = None,
    temporal: TemporalOption = "clip",
    rtsp_transport: Annotated[
        RtspTransport,
        typer.Option(help="How an RTSP camera's pictures travel; auto tries them."),
    ] = "auto",
    rtsp_trust: Annotated[
        str | None,
        typer.Option(
            help="For rtsps://: a file of CA certificates, the SHA-256 fingerprint of"
            " the camera's certificate, or off.",
            show_default="what the system trusts",
        ),
    ] = None,
    framing: CropOption = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=60, help="Length of a window.")
    ] = 3.0,
    frames: Annotated[
        int, typer.Option(min=1, max=64, help="Pictures a window, evenly spaced.")
    ] = 8,
    stride: Annotated[
        int, typer.Option(min=1, help="Pictures from one window to the next.")
    ] = 1,
    wearable_wait: Annotated[
        float,
        typer.Option(
            min=0,
            max=30,
            help="Longest time in seconds that a window waits for a live wearable's"
            " samples; 0 never waits.",
        ),
    ] = 7.0,
    speed: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="Play a file at so many times real time.",
            show_default="as fast as it goes",
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            help="File that keeps what is normal for this camera across restarts;"
            " drift is judged against it.",
            show_default="forgotten at the end",
        ),
    ] = None,
    relearn: Annotated[
        bool,
        typer.Option("--relearn", help="Learn anew what is normal: a week."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line.")
    ] = False,
) -> None:
    """Watch a camera, or a wearable alone, and report actions and falls at once.

    A terminal shows a live table; otherwise events are printed one a line. Ends with
    the file, or with Ctrl-C. A camera that cannot be reached at first is an error
    (exit code 2); one that is lost later is waited for. Wrong or missing times of a
    recording are repaired, and one line says of how many pictures and how. Where more
    than 5 % of its pictures could not be decoded, the exit code is 2.
    """
    from models.build import build_recognizer
    from pipelines.clock import SystemClock
    from pipelines.in_process import InProcessRecognizer
    from pipelines.live.drift.baseline_file import BaselineFile, BaselineKeeper
    from pipelines.live.watch import Watch, WatchSettings
    from pipelines.live.wearable_wait import WearableWaitSettings
    from pipelines.live.windows import WindowSettings
    from pipelines.records import DriftStatus, Prediction

    watched = _Sources.parse(source, imu)
    watched.refuse_mixtures(speed)
    try:
        rtsp = RtspAccess.of(rtsp_transport, rtsp_trust)
    except ValueError as err:
        raise typer.BadParameter(str(err), param_hint="--rtsp-trust") from None
    if stride > frames:
        msg = f"{stride} is more than the {frames} pictures of a window"
        raise typer.BadParameter(msg, param_hint="--stride")
    clock = SystemClock()
    origin_ns = clock.now_ns()
    settings = WatchSettings(
        WindowSettings(frames, seconds, stride),
        wearable_wait=WearableWaitSettings(wearable_wait),
    )
    clip = build_recognizer(
        model,
        prompts,
        temporal=temporal,
        frames=frames,
        seconds=seconds,
        adaptation=adaptation,
        calibration=calibration,
    )

    if watched.camera is None and clip.scorer.needs_frames:
        msg = "a wearable alone takes recognition of the kind is-clip, as shipped"
        raise typer.BadParameter(msg, param_hint="--imu")

    reports: list[RecordingReport] = []

    async def follow(show: "Callable[[Record], None]") -> None:
        statuses = asyncio.Queue["SourceStatus"]()
        sources = open_subject(
            watched,
            clock=clock,
            origin_ns=origin_ns,
            image_size_px=recognizer.info.image_size_px,
            step_ns=settings.windows.step_ns,
            framing=framing or PAD,
            rtsp=rtsp,
            speed=speed,
            on_status=statuses.put_nowait if watched.live else None,
            on_report=reports.append,
        )
        async with _shown(statuses, show), sources as subject:
            chain = Watch(
                [subject],
                recognizer,
                clock,
                settings,
                reports_statuses=not watched.live,  # else they would come twice
            )
            kept = None if baseline is None else BaselineFile(baseline)
            keeper = BaselineKeeper(kept, chain.drift, clock)
            for standing in keeper.open(relearn=relearn):
                show(standing)
            calibrated = set(clip.calibrations)
            async with aclosing(chain.records()) as records:
                async for record in records:
                    if isinstance(record, Prediction):
                        _warn_once(record.modality, calibrated)
                    show(record)
                    if isinstance(record, DriftStatus):
                        keeper.keep()
            keeper.keep()

    with InProcessRecognizer(clip) as recognizer:
        try:
            zero_ns = None if watched.live else origin_ns
            events = clip.prompt_set.events
            _show(watched, zero_ns, clock, events, follow, as_json=as_json)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
    for report in reports:
        report.refuse_unwatched(str(watched))
        if report.line:
            typer.echo(f"wardwatch: {watched}: {report.line}", err=True)


@asynccontextmanager
async def _shown(
    statuses: "asyncio.Queue[SourceStatus]", show: "Callable[[Record], None]"
) -> AsyncIterator[None]:
    """Show statuses as they come, however long recognition takes."""

    async def show_each() -> None:
        while True:
            show(await statuses.get())

    showing = asyncio.create_task(show_each(), name="show statuses")
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)


def _warn_once(modality: "Modality", calibrated: "set[Modality]") -> None:
    """Tell of answers whose confidence nobody calibrated, and count them as told."""
    if modality not in calibrated:
        problem = (
            "confidence is not calibrated for this checkpoint, these prompts and"
            f" {modality}: {_MENDS[modality]}"
        )
        typer.echo(f"wardwatch: {problem}", err=True)
        calibrated.add(modality)


@final
@dataclass(frozen=True, slots=True)
class _Sources:
    """What is watched: a camera, a wearable, or both.

    Attributes:
        camera: None where there is none.
        source: Its address as it was given, credentials included.
        imu: A file or an MQTT address; None where there is no wearable.
    """

    camera: CameraAddress | None
    source: str | None = field(repr=False)
    imu: str | None = field(repr=False)

    @classmethod
    def parse(cls, source: str | None, imu: str | None) -> "_Sources":
        """Read what a person named.

        Raises:
            typer.BadParameter: If that is nothing.
            SourceError: If the camera's address is malformed.
        """
        if source is None and imu is None:
            msg = "name a camera or a recording, or a wearable with --imu"
            raise typer.BadParameter(msg, param_hint="SOURCE")
        camera = None if source is None else CameraAddress.parse(source)
        return cls(camera, source, imu)

    @property
    def worn_live(self) -> bool:
        """Whether the wearable publishes to a broker."""
        return self.imu is not None and "://" in self.imu

    @property
    def live(self) -> bool:
        """Whether it comes at its own pace."""
        return self.worn_live if self.camera is None else self.camera.live

    def __str__(self) -> str:
        if self.camera is not None:
            return str(self.camera)
        return "wearable" if self.worn_live else str(self.imu)

    def refuse_mixtures(self, speed: float | None) -> None:
        """Refuse options that belong to the other kind of source."""
        if self.live and speed is not None:
            msg = f"{self} is live and comes at its own pace"
            raise typer.BadParameter(msg, param_hint="--speed")
        if self.camera is None or self.imu is None or self.worn_live == self.live:
            return
        if self.live:
            msg = f"{self} is live: its wearable is an mqtt://host/topic, not a file"
        else:
            msg = f"{self} is a recording: its wearable is a file, not a topic"
        raise typer.BadParameter(msg, param_hint="--imu")


@asynccontextmanager
async def open_subject(
    watched: _Sources,
    *,
    clock: "Clock",
    origin_ns: int,
    image_size_px: int,
    step_ns: int,
    framing: Framing,
    rtsp: RtspAccess,
    speed: float | None,
    on_report: "Callable[[RecordingReport], None]",
    on_status: "Callable[[SourceStatus], None] | None" = None,
) -> "AsyncIterator[Subject]":
    """Open a camera and its wearable; a recording's go together in order of time.

    Args:
        watched: Both, or one of them.
        clock: Stamps what is live.
        origin_ns: Pipeline time of presentation time 0 of a recording.
        image_size_px: Side of the square pictures.
        step_ns: Step of the frame grid.
        framing: How a picture becomes square.
        rtsp: How an RTSP camera is reached and trusted.
        speed: Times real time of a recording; None is as fast as it goes.
        on_report: Takes what was amiss with a recording, at its end.
        on_status: Called at once with each status of what is live.

    Raises:
        SourceError: If either is malformed, or cannot be reached at first.
    """
    from pipelines.live.recorded import in_time_order
    from pipelines.live.watch import Subject
    from pipelines.sources.camera.source import CameraSource
    from pipelines.sources.wearable.replay import ImuFileSource
    from pipelines.sources.wearable.source import ImuSource

    async with AsyncExitStack() as stack:
        wearable: ImuSource | ImuFileSource | None = None
        if watched.worn_live:
            live = ImuSource(
                _SUBJECT_ID,
                str(watched.imu),
                clock=clock,
                fail_fast=True,
                on_status=on_status,
            )
            wearable = await stack.enter_async_context(live)
        elif watched.imu is not None:
            pace = speed if watched.camera is None else None
            recorded = ImuFileSource(
                _SUBJECT_ID, watched.imu, clock=clock, origin_ns=origin_ns, speed=pace
            )
            wearable = await stack.enter_async_context(recorded)
        if watched.camera is None or watched.source is None:
            yield Subject(_SUBJECT_ID, None, wearable, camera_name="no camera")
            return
        camera = CameraSource(
            _SUBJECT_ID,
            watched.source,
            clock=clock,
            image_size_px=image_size_px,
            step_ns=step_ns,
            framing=framing,
            rtsp=rtsp,
            fail_fast=True,
            origin_ns=origin_ns,
            speed=speed,
            on_status=on_status,
        )
        video = await stack.enter_async_context(camera)
        name = f"{watched.camera.view_name} {framing}"  # another pane, another view
        if wearable is None or watched.worn_live:
            yield Subject(_SUBJECT_ID, video, wearable, camera_name=name)
        else:
            both = in_time_order(video, wearable)
            yield Subject(_SUBJECT_ID, both, camera_name=name)
        if not watched.live:
            on_report(camera.report)


def _show(
    watched: _Sources,
    zero_ns: int | None,
    clock: "Clock",
    events: Mapping[str, str],
    follow: "Callable[[Callable[[Record], None]], Coroutine[None, None, None]]",
    *,
    as_json: bool,
) -> None:
    """Run the chain and show its records: as JSON, as a live table, or as lines."""
    from pipelines.records import ActionEvent, DriftAlert, DriftStatus, SourceStatus
    from pipelines.sources.gstreamer.video_info import video_duration_s
    from services.live_view import LiveView, drift_line
    from services.record_lines import RecordLines, source_name

    if as_json:
        lines = RecordLines(zero_ns, clock)
        signals.run(follow(lambda record: print_line(json.dumps(lines.line(record)))))
        return
    duration_s = None
    if watched.camera is not None and not watched.live:
        duration_s = video_duration_s(watched.camera.location)
    view = LiveView(
        str(watched), events, origin_ns=zero_ns, duration_s=duration_s, clock=clock
    )
    console = Console()
    if console.is_terminal:
        with Live(view, console=console, refresh_per_second=8):
            signals.run(follow(view.add))
        return

    standing = ""

    def print_changes(record: "Record") -> None:
        nonlocal standing
        if isinstance(record, ActionEvent):
            console.print(view.event_line(record), soft_wrap=True)
        elif isinstance(record, DriftAlert):
            console.print(view.alert_line(record), soft_wrap=True)
        elif isinstance(record, DriftStatus):
            if record.state != standing or record.note:
                console.print(drift_line(record), soft_wrap=True)
            standing = record.state
        elif isinstance(record, SourceStatus):
            line = Text(f"{source_name(record)}: {record.state}  {record.reason}")
            console.print(line, soft_wrap=True)

    signals.run(follow(print_changes))


def print_line(text: str) -> None:
    """Print at once, for whoever reads the pipe waits for each line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
