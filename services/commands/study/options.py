"""Options that several of the commands ``wardwatch study …`` share: clips and size."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from pipelines.lab.studies.models.laboratory import StudySize
    from pipelines.lab.studies.studied_clips import SetChoice

RealSet = Literal["ucf101", "hmdb51", "kinetics", "uestc", "footage"]
"""As in ``pipelines.lab.data.public``, which the command line does not import."""

SET_NAMES = "ucf101, hmdb51, kinetics, uestc or footage"

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
    int | None,
    typer.Option(min=1, help="Number of runs, with a seed each.", show_default="3"),
]
SeedOption = Annotated[
    int, typer.Option(min=0, help="Seed of the rooms, or of the choice of clips.")
]
QuickOption = Annotated[
    bool, typer.Option("--quick", help="Take three minutes, with rough results.")
]
SetOption = Annotated[
    RealSet | None,
    typer.Option(
        "--set",
        metavar="NAME",
        help=f"Measure on a set of real videos, stored in --data: {SET_NAMES}.",
        show_default="the simulated ward",
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder of the set. ucf101, hmdb51: with one folder for each class;"
        " kinetics: with the videos; uestc: with its lists, video and sensor; footage:"
        " with labels.csv and its videos.",
    ),
]
ListsOption = Annotated[
    Path | None,
    typer.Option(
        "--lists",
        help="Folder of the set's lists. ucf101: classInd.txt, trainlist01.txt,"
        " testlist01.txt; hmdb51: brush_hair_test_split1.txt and all others; kinetics:"
        " classes.json, train.csv, test.csv.",
        show_default="the folder of --data",
    ),
]
SplitOption = Annotated[
    int,
    typer.Option(
        "--split",
        min=1,
        max=3,
        help="Number of the official split of ucf101 or hmdb51.",
    ),
]
ClassesOption = Annotated[
    int | None,
    typer.Option(
        "--classes",
        min=2,
        help="Use only the first classes in alphabetical order; published zero-shot"
        " figures of ucf101 use 15.",
        show_default="all",
    ),
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


def choose_set(
    name: RealSet | None,
    data: Path | None,
    lists: Path | None,
    *,
    split: int,
    classes: int | None = None,
    clips: int | None,
    quick: bool,
    seed: int,
    prompts: Path | None,
) -> "SetChoice | None":
    """Combine the options of a set of real videos.

    Returns:
        The choice, or None without ``--set``: the simulated ward.

    Raises:
        typer.BadParameter: If an option has no effect without another.
    """
    if name is None:
        if data is None and lists is None and classes is None:
            return None
        msg = "no set is named; name it with --set"
        raise typer.BadParameter(msg)
    if data is None:
        msg = f"no folder of {name} is named; name it with --data"
        raise typer.BadParameter(msg)
    if name == "footage" and classes is not None:
        msg = "--classes does not apply to footage: its labels are the prompt set's"
        raise typer.BadParameter(msg)
    from pipelines.lab.studies.models.laboratory import QUICK
    from pipelines.lab.studies.studied_clips import SetChoice

    if quick and clips is None:
        clips = QUICK.clips
    return SetChoice(name, data, lists or data, split, classes, clips, seed, prompts)
