"""The options of ``wardwatch watch`` that no other command has."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.sources.camera.rtsp_access import RtspTransport

SourceArgument = Annotated[
    str | None,
    typer.Argument(
        help="A video file, rtsp://…, a device such as /dev/video0, or test;"
        " nothing where --imu is all, which takes recognition of the kind is-clip,"
        " as shipped."
    ),
]
ImuOption = Annotated[
    str | None,
    typer.Option(
        help="The wearable: a file x.<position>.imu.csv beside a recording,"
        " mqtt://host/topic beside a live camera."
    ),
]
RtspTransportOption = Annotated[
    RtspTransport,
    typer.Option(help="How an RTSP camera's pictures travel; auto tries them."),
]
RtspTrustOption = Annotated[
    str | None,
    typer.Option(
        help="For rtsps://: a file of CA certificates, the SHA-256 fingerprint of"
        " the camera's certificate, or off.",
        show_default="what the system trusts",
    ),
]
SecondsOption = Annotated[
    float, typer.Option(min=0.1, max=60, help="Length of a window.")
]
FramesOption = Annotated[
    int, typer.Option(min=1, max=64, help="Pictures a window, evenly spaced.")
]
StrideOption = Annotated[
    int, typer.Option(min=1, help="Pictures from one window to the next.")
]
WearableWaitOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=30,
        help="Longest time in seconds that a window waits for a live wearable's"
        " samples; 0 never waits.",
    ),
]
SpeedOption = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        help="Play a file at so many times real time.",
        show_default="as fast as it goes",
    ),
]
BaselineOption = Annotated[
    Path | None,
    typer.Option(
        help="File that keeps what is normal for this camera across restarts;"
        " drift is judged against it.",
        show_default="forgotten at the end",
    ),
]
RelearnOption = Annotated[
    bool,
    typer.Option(
        "--relearn", help="Restart the learning of what is normal, which takes a week."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object a line.")
]
