"""The command ``wardwatch watch``: one camera, in this process."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, final

import typer

from pipelines.sources.camera.framing import PAD
from pipelines.sources.camera.rtsp_access import RtspAccess, RtspTransport
from services.commands.watch.options import (
    BaselineOption,
    FramesOption,
    ImuOption,
    JsonOption,
    RelearnOption,
    RtspTransportOption,
    RtspTrustOption,
    SecondsOption,
    SourceArgument,
    SpeedOption,
    StrideOption,
    WearableWaitOption,
)
from services.commands.watch.output import show_records, show_statuses
from services.commands.watch.sources import Sources, open_subject
from services.options import (
    AdaptationOption,
    CalibrationOption,
    CropOption,
    ModelOption,
    PromptsOption,
    TemporalOption,
)

if TYPE_CHECKING:
    from models.recognizer import ClipRecognizer
    from models.window import Modality
    from pipelines.clock import Clock
    from pipelines.in_process import InProcessRecognizer
    from pipelines.live.watch import Record, Subject, WatchSettings
    from pipelines.records import SourceStatus
    from pipelines.sources.recording.report import RecordingReport

_MENDS = {
    "fused": "wardwatch model calibrate FOOTAGE",
    "video": "wardwatch model calibrate FOOTAGE --wearable none",
    "imu": "nothing fits it for a wearable alone yet",
}


def watch(
    source: SourceArgument = None,
    *,
    imu: ImuOption = None,
    model: ModelOption = None,
    prompts: PromptsOption = None,
    adaptation: AdaptationOption = None,
    calibration: CalibrationOption = None,
    temporal: TemporalOption = "clip",
    rtsp_transport: RtspTransportOption = "auto",
    rtsp_trust: RtspTrustOption = None,
    framing: CropOption = None,
    seconds: SecondsOption = 3.0,
    frames: FramesOption = 8,
    stride: StrideOption = 1,
    wearable_wait: WearableWaitOption = 7.0,
    speed: SpeedOption = None,
    baseline: BaselineOption = None,
    relearn: RelearnOption = False,
    as_json: JsonOption = False,
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

    watched = Sources.parse(source, imu, framing=framing or PAD, speed=speed)
    rtsp = _rtsp_access(rtsp_transport, rtsp_trust)
    if stride > frames:
        msg = f"{stride} is more than the {frames} pictures of a window"
        raise typer.BadParameter(msg, param_hint="--stride")
    clock = SystemClock()
    origin_ns = clock.now_ns()
    settings = _settings(frames, seconds, stride, wearable_wait)
    clip = build_recognizer(
        model,
        prompts,
        temporal=temporal,
        frames=frames,
        seconds=seconds,
        adaptation=adaptation,
        calibration=calibration,
    )
    run = _Run(watched, rtsp, clock, origin_ns, settings, clip, baseline, relearn)
    run.show(as_json=as_json)


def _rtsp_access(transport: RtspTransport, trust: str | None) -> RtspAccess:
    try:
        return RtspAccess.of(transport, trust)
    except ValueError as err:
        raise typer.BadParameter(str(err), param_hint="--rtsp-trust") from None


def _settings(
    frames: int, seconds: float, stride: int, wearable_wait_s: float
) -> "WatchSettings":
    from pipelines.live.watch import WatchSettings
    from pipelines.live.wearable_wait import WearableWaitSettings
    from pipelines.live.windows import WindowSettings

    return WatchSettings(
        WindowSettings(frames, seconds, stride),
        wearable_wait=WearableWaitSettings(wearable_wait_s),
    )


@final
@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the command, from its first picture to its last.

    Attributes:
        watched: The sources.
        rtsp: How an RTSP camera is reached and trusted.
        clock: The clock of the pipeline.
        origin_ns: Pipeline time of presentation time 0 of a recording.
        settings: The settings of the chain.
        clip: Recognises actions.
        baseline: File that keeps what is normal; None forgets it at the end.
        relearn: Whether to forget what the file holds.
    """

    watched: Sources
    rtsp: RtspAccess
    clock: "Clock"
    origin_ns: int
    settings: "WatchSettings"
    clip: "ClipRecognizer"
    baseline: Path | None
    relearn: bool

    def show(self, *, as_json: bool) -> None:
        """Watch, and show each record, until the sources end or Ctrl-C.

        Raises:
            typer.BadParameter: If recognition needs pictures and there is no camera.
            SourceError: If a source fails, or too few pictures could be decoded.
        """
        from pipelines.in_process import InProcessRecognizer

        if self.watched.camera is None and self.clip.scorer.needs_frames:
            msg = "a wearable alone takes recognition of the kind is-clip, as shipped"
            raise typer.BadParameter(msg, param_hint="--imu")
        reports: list[RecordingReport] = []
        with InProcessRecognizer(self.clip) as recognizer:
            try:
                show_records(
                    self.watched,
                    None if self.watched.live else self.origin_ns,
                    self.clock,
                    self.clip.prompt_set.events,
                    partial(self._follow, recognizer, reports.append),
                    as_json=as_json,
                )
            except KeyboardInterrupt:
                raise typer.Exit(0) from None
        for report in reports:
            report.refuse_unwatched(str(self.watched))
            if report.line:
                typer.echo(f"wardwatch: {self.watched}: {report.line}", err=True)

    async def _follow(
        self,
        recognizer: "InProcessRecognizer",
        on_report: "Callable[[RecordingReport], None]",
        show: "Callable[[Record], None]",
    ) -> None:
        from pipelines.live.views import picture_form

        form = picture_form(recognizer.info, self.settings.windows)
        statuses: asyncio.Queue[SourceStatus] = asyncio.Queue()
        sources = open_subject(
            self.watched,
            clock=self.clock,
            origin_ns=self.origin_ns,
            image_size_px=form.side_px,
            step_ns=form.step_ns,
            rtsp=self.rtsp,
            on_report=on_report,
            on_status=statuses.put_nowait if self.watched.live else None,
        )
        async with show_statuses(statuses, show), sources as subject:
            await self._recognize(recognizer, subject, show)

    async def _recognize(
        self,
        recognizer: "InProcessRecognizer",
        subject: "Subject",
        show: "Callable[[Record], None]",
    ) -> None:
        from pipelines.live.drift.baseline_file import BaselineFile, BaselineKeeper
        from pipelines.live.watch import Watch
        from pipelines.records import DriftStatus, Prediction

        chain = Watch(
            [subject],
            recognizer,
            self.clock,
            self.settings,
            reports_statuses=not self.watched.live,  # else they would come twice
        )
        kept = None if self.baseline is None else BaselineFile(self.baseline)
        keeper = BaselineKeeper(kept, chain.drift, self.clock)
        for standing in keeper.open(relearn=self.relearn):
            show(standing)
        calibrated = set(self.clip.calibrations)
        async with aclosing(chain.records()) as records:
            async for record in records:
                if isinstance(record, Prediction):
                    _warn_once(record.modality, calibrated)
                show(record)
                if isinstance(record, DriftStatus):
                    keeper.keep()
        keeper.keep()


def _warn_once(modality: "Modality", calibrated: "set[Modality]") -> None:
    """Warn, once for a modality, that its confidence is not calibrated."""
    if modality not in calibrated:
        problem = (
            "confidence is not calibrated for this checkpoint, these prompts and"
            f" {modality}: {_MENDS[modality]}"
        )
        typer.echo(f"wardwatch: {problem}", err=True)
        calibrated.add(modality)
