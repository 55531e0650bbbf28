"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.sources.camera.framing import Framing, parse_framing


def _framing(text: str) -> Framing:
    """Read a pane for an option; its parser may not raise a ``ValueError``."""
    try:
        return parse_framing(text)
    except ValueError as err:
        raise typer.BadParameter(str(err)) from None


CropOption = Annotated[
    Framing | None,
    typer.Option(
        "--crop",
        parser=_framing,
        metavar="PANE",
        show_default="the whole picture",
        help="Look at one pane of the picture: left, right or X,Y,WIDTH,HEIGHT"
        " in pixels or fractions.",
    ),
]
"""``--crop PANE``; None where it was not given."""

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Checkpoint: a folder or a hub name.",
        show_default="the shipped one",
    ),
]
PromptsOption = Annotated[
    Path | None,
    typer.Option(
        "--prompts", help="Prompt set, a YAML file.", show_default="the set ward"
    ),
]
AdaptationOption = Annotated[
    Path | None,
    typer.Option(
        "--adaptation",
        help="What `wardwatch train csn|is-clip|sc-clip` wrote: another kind of"
        " recognition on the same checkpoint; none for temporal clip averaging.",
        show_default="IS-CLIP as shipped, with all else as shipped; else none",
    ),
]
CalibrationOption = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        help="File of calibrations.",
        show_default="the one beside the checkpoint",
    ),
]
WearableOption = Annotated[
    str | None,
    typer.Option(
        metavar="POSITION",
        help="Position of the wearable that is used beside the camera, as waist;"
        " none for the camera without a wearable.",
        show_default="each recording's first by name",
    ),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder for tables, JSON and plots.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, on the last line.")
]
TemporalOption = Annotated[
    Literal["clip", "single"],
    typer.Option(
        "--temporal", help="The average of a window's frames, or its middle frame."
    ),
]
