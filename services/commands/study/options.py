"""Options of ``wardwatch study …`` for the size of a study of models."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from pipelines.lab.studies.models.laboratory import StudySize

RealSet = Literal["ucf101", "hmdb51", "kinetics", "uestc", "footage"]
"""As in ``pipelines.lab.data.public``, which the command line does not import."""

PromptsOption = Annotated[
    Path | None,
    typer.Option(
        "--prompts",
        help="Prompt set, a YAML file; for a --set it must have the same labels.",
        show_default="the set ward; for a --set its classes' names, for footage ward",
    ),
]
ClipsOption = Annotated[
    int | None,
    typer.Option(
        min=40,
        help="Approximate number of clips; of a --set evenly over its labels.",
        show_default="1000; of a --set all",
    ),
]
SeedsOption = Annotated[
    int | None, typer.Option(min=1, help="Number of runs.", show_default="3")
]
SeedOption = Annotated[
    int, typer.Option(min=0, help="Seed of the rooms, or of the choice of clips.")
]
QuickOption = Annotated[
    bool, typer.Option("--quick", help="Take three minutes, with rough results.")
]
WorkOption = Annotated[
    Path | None,
    typer.Option(help="Folder that keeps rendered clips for the next study."),
]


def study_size(clips: int | None, seeds: int | None, *, quick: bool) -> "StudySize":
    """Combine the options for the size of a study."""
    from pipelines.lab.studies.models.laboratory import QUICK, StudySize

    usual = QUICK if quick else StudySize()
    return StudySize(
        clips=clips or usual.clips,
        seeds=usual.seeds if seeds is None else tuple(range(1, seeds + 1)),
        effort=usual.effort,
    )


def clips_of_set(clips: int | None, *, quick: bool) -> int | None:
    """Return the number of clips to read of a set of real videos; None for all."""
    from pipelines.lab.studies.models.laboratory import QUICK

    return QUICK.clips if quick and clips is None else clips
