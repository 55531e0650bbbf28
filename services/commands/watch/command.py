"""The command ``wardwatch watch``: one subject, watched in this process."""

from typing import TYPE_CHECKING

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
    ShowOption,
    SourceArgument,
    SpeedOption,
    StrideOption,
    WearableWaitOption,
    ZonesOption,
)
from services.commands.watch.run import WatchRun
from services.commands.watch.sources import Sources
from services.options import (
    AdaptationOption,
    BackendOption,
    CalibrationOption,
    CropOption,
    ModelOption,
    PromptsOption,
    TemporalOption,
    ViewOption,
)

if TYPE_CHECKING:
    from pipelines.live.subject import WatchSettings


def watch(
    source: SourceArgument = None,
    *,
    imu: ImuOption = None,
    model: ModelOption = None,
    view: ViewOption = None,
    backend: BackendOption = "auto",
    prompts: PromptsOption = None,
    adaptation: AdaptationOption = None,
    calibration: CalibrationOption = None,
    temporal: TemporalOption = "clip",
    rtsp_transport: RtspTransportOption = "auto",
    rtsp_trust: RtspTrustOption = None,
    framing: CropOption = None,
    zones: ZonesOption = None,
    seconds: SecondsOption = 3.0,
    frames: FramesOption = 8,
    stride: StrideOption = 1,
    wearable_wait: WearableWaitOption = 7.0,
    speed: SpeedOption = None,
    baseline: BaselineOption = None,
    relearn: RelearnOption = False,
    show: ShowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch a camera, a recording or a wearable, and report actions and falls at once.

    A terminal shows a live table; otherwise each event is one line. The command ends
    at the end of the file, or with Ctrl-C.

    A camera that cannot be reached at first is an error (exit code 2); a camera that is
    lost later is waited for. Wrong or missing times of a recording are repaired, and
    one line reports the repair. The exit code is 2 if more than 5 % of a recording's
    pictures could not be decoded.
    """
    from models.build import build_recognizer
    from pipelines.clock import SystemClock

    sources = Sources.parse(
        source, imu, framing=framing or PAD, speed=speed, zones=zones
    )
    rtsp = _rtsp_access(rtsp_transport, rtsp_trust)
    if stride > frames:
        msg = f"{stride} is more than the {frames} pictures of a window"
        raise typer.BadParameter(msg, param_hint="--stride")
    clock = SystemClock()
    origin_ns = clock.now_ns()
    settings = _settings(frames, seconds, stride, wearable_wait)
    recognizer = build_recognizer(
        model,
        prompts,
        temporal=temporal,
        frames=frames,
        seconds=seconds,
        adaptation=adaptation,
        calibration=calibration,
        view=view,
        backend=backend,
    )
    run = WatchRun(
        sources, rtsp, clock, origin_ns, settings, recognizer, baseline, relearn, show
    )
    run.show(as_json=as_json)


def _rtsp_access(transport: RtspTransport, trust: str | None) -> RtspAccess:
    try:
        return RtspAccess.of(transport, trust)
    except ValueError as err:
        raise typer.BadParameter(str(err), param_hint="--rtsp-trust") from None


def _settings(
    frames: int, seconds: float, stride: int, wearable_wait_s: float
) -> "WatchSettings":
    from pipelines.live.subject import WatchSettings
    from pipelines.live.windows.assembler import WindowSettings
    from pipelines.live.windows.wearable_wait import WearableWaitSettings

    return WatchSettings(
        WindowSettings(frames, seconds, stride),
        wearable_wait=WearableWaitSettings(wearable_wait_s),
    )
