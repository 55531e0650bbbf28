"""Options of ``wardwatch study …`` that select the clips."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.study.options import RealSet

if TYPE_CHECKING:
    from pipelines.lab.studies.studied_clips import SetChoice

DATA_HELP = (
    "Folder of the set. ucf101, hmdb51: of a folder for each class; kinetics: of the"
    " videos; uestc: of its lists, video and sensor; footage: of a labels.csv and the"
    " videos it names."
)
LISTS_HELP = (
    "Folder of the set's lists. ucf101: classInd.txt, trainlist01.txt, testlist01.txt;"
    " hmdb51: brush_hair_test_split1.txt and all others; kinetics: classes.json,"
    " train.csv, test.csv."
)

SetOption = Annotated[
    RealSet | None,
    typer.Option(
        "--set",
        help="Run on a set of real videos, which are in --data.",
        show_default="the simulated ward",
    ),
]
DataOption = Annotated[Path | None, typer.Option("--data", help=DATA_HELP)]
ListsOption = Annotated[
    Path | None,
    typer.Option("--lists", help=LISTS_HELP, show_default="the folder of --data"),
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
        help="Use only the first classes of the alphabet; published zero-shot figures"
        " of ucf101 are of 15.",
        show_default="all",
    ),
]


def choose_set(
    name: RealSet | None,
    data: Path | None,
    lists: Path | None,
    *,
    split: int = 1,
    classes: int | None = None,
    clips: int | None = None,
    seed: int = 1,
    prompts: Path | None = None,
) -> "SetChoice | None":
    """Combine the options of a set; None for the simulated ward.

    Raises:
        typer.BadParameter: If an option is useless without another.
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
    from pipelines.lab.studies.studied_clips import SetChoice

    return SetChoice(name, data, lists or data, split, classes, clips, seed, prompts)
