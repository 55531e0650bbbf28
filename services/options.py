"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from models.clip.card import View
from models.clip.picture_tower import Backend
from pipelines.folders import make_folder
from pipelines.sources.camera.framing import Framing, parse_framing

if TYPE_CHECKING:
    from models.recognizer import ClipRecognizer


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
        metavar="REGION",
        show_default="the whole picture",
        help="Use one region of the picture: left, right or X,Y,WIDTH,HEIGHT in pixels,"
        " or all four as fractions of the picture, 0 to 1.",
    ),
]
"""``--crop REGION``; None without the option."""

ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Checkpoint: a folder or a hub name.",
        show_default="the shipped one",
    ),
]
ViewOption = Annotated[
    View | None,
    typer.Option(
        "--view",
        help="What the checkpoint looks at: the camera's picture, each person alone"
        " with the background black, or drawn joints. A checkpoint of poses takes pose"
        " alone, and any other picture or person.",
        show_default="as the checkpoint's card says",
    ),
]
BackendOption = Annotated[
    Backend,
    typer.Option(
        "--backend",
        help="What computes the picture tower. auto takes the fastest that keeps the"
        " scores, or the one in eight bits if `wardwatch model quantize` has made it.",
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
        help="File that `wardwatch train csn|is-clip|sc-clip` wrote: it changes how the"
        " checkpoint recognises. The word none selects temporal clip averaging.",
        show_default="the shipped IS-CLIP, if model and prompts are the shipped ones;"
        " else none",
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
YardstickOption = Annotated[
    Path | None,
    typer.Option(
        "--yardstick",
        help="File of a vector net that `wardwatch train default --yardstick` wrote: a"
        " row of its own, to compare the checkpoint with.",
        show_default="no such row",
    ),
]
WearableOption = Annotated[
    str | None,
    typer.Option(
        metavar="POSITION",
        help="Position of the wearable to use with the camera, such as waist;"
        " none uses the camera alone.",
        show_default="each recording's first by name",
    ),
]
WearableOnlyOption = Annotated[
    bool,
    typer.Option("--wearable-only", help="Leave the videos out; see --wearable."),
]


def require_wearable_alone(built: "ClipRecognizer") -> None:
    """Refuse a recogniser that needs pictures.

    Raises:
        typer.BadParameter: If it does.
    """
    if built.scorer.needs_frames:
        msg = f"{built.name} needs pictures; choose an IS-CLIP with --adaptation"
        raise typer.BadParameter(msg, param_hint="--adaptation")


def made_folder(path: Path | None) -> Path | None:
    """Create a folder before the work starts, which may take hours."""
    return None if path is None else make_folder(path)


OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Folder for tables, JSON and plots; created if necessary.",
        callback=made_folder,
    ),
]
WorkOption = Annotated[
    Path | None,
    typer.Option(
        "--work",
        help="Folder that keeps rendered clips for later runs; created if necessary.",
        callback=made_folder,
    ),
]
SeedOption = Annotated[
    int, typer.Option("--seed", min=0, help="Seed of every random choice.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object, on the last line.")
]
TemporalOption = Annotated[
    Literal["clip", "single"],
    typer.Option(
        "--temporal", help="Use the average of a window's frames, or the middle frame."
    ),
]
