"""Options that only ``wardwatch watch`` has."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.sources.camera.rtsp_access import RtspTransport
from services.options import made_folder

SourceArgument = Annotated[
    str | None,
    typer.Argument(
        help="A video file, rtsp://…, a device such as /dev/video0, or test, a test"
        " picture. Leave it out to watch a wearable alone, which needs an adaptation of"
        " the kind is-clip, as shipped."
    ),
]
ImuOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE_OR_TOPIC",
        help="The wearable: a file x.<position>.imu.csv with a recording,"
        " mqtt://host/topic with a live camera.",
    ),
]
RtspTransportOption = Annotated[
    RtspTransport,
    typer.Option(help="How an RTSP camera sends its pictures; auto tries each."),
]
RtspTrustOption = Annotated[
    str | None,
    typer.Option(
        help="For rtsps://: a file of CA certificates, the SHA-256 fingerprint of"
        " the camera's certificate, or off.",
        show_default="the system's CA certificates",
    ),
]
ZonesOption = Annotated[
    Path | None,
    typer.Option(
        "--zones",
        help="YAML file of the camera's zones, as in a site's file; needs a checkpoint"
        " that looks at people, or --view person.",
    ),
]
SecondsOption = Annotated[
    float, typer.Option(min=0.1, max=60, help="Length of a window, in seconds.")
]
FramesOption = Annotated[
    int, typer.Option(min=1, max=64, help="Pictures per window, evenly spaced.")
]
StrideOption = Annotated[
    int,
    typer.Option(
        min=1, help="Step from one window to the next, in pictures; at most --frames."
    ),
]
WearableWaitOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=30,
        help="Longest time that a window waits for a live wearable's samples, in"
        " seconds; 0 never waits.",
    ),
]
SpeedOption = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        help="Speed of a file as a multiple of real time.",
        show_default="as fast as possible",
    ),
]
BaselineOption = Annotated[
    Path | None,
    typer.Option(
        help="File that keeps what is normal for this camera across restarts, for"
        " drift detection; created if necessary.",
        show_default="kept in memory",
    ),
]
RelearnOption = Annotated[
    bool,
    typer.Option("--relearn", help="Learn again what is normal, which takes a week."),
]
ShowOption = Annotated[
    Path | None,
    typer.Option(
        "--show",
        metavar="DIR",
        help="Folder for contact sheets of what the model saw of each window, with its"
        " answer; created if necessary. A checkpoint that looks at poses saw stick"
        " figures. The newest 100 sheets are kept.",
        show_default="none",
        callback=made_folder,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object per line.")
]
