"""The command ``wardwatch study zero-shot-transfer``."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.study.options import (
    SET_NAMES,
    ClipsOption,
    DataOption,
    ListsOption,
    PromptsOption,
    QuickOption,
    RealSet,
    SeedOption,
    SeedsOption,
    SetOption,
    SplitOption,
    choose_set,
    study_size,
)
from services.commands.study.results import present
from services.options import JsonOption, ModelOption, OutOption, WorkOption
from services.progress import staged_bars

if TYPE_CHECKING:
    from pipelines.lab.studies.models.laboratory import StudySize
    from pipelines.lab.studies.models.result import StudyResult
    from pipelines.lab.studies.studied_clips import SetChoice, WardChoice


def zero_shot_transfer(
    *,
    to_set: Annotated[
        RealSet,
        typer.Option(
            metavar="NAME",
            help=f"Set of real videos to measure on, stored in --to-data: {SET_NAMES}.",
        ),
    ],
    to_data: Annotated[
        Path, typer.Option(help="Folder of --to-set; its content is as for --data.")
    ],
    to_lists: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the lists of --to-set, as for --lists.",
            show_default="the folder of --to-data",
        ),
    ] = None,
    to_split: Annotated[
        int,
        typer.Option(min=1, max=3, help="Number of the official split of --to-set."),
    ] = 1,
    to_prompts: Annotated[
        Path | None,
        typer.Option(
            help="Prompt set with the labels of --to-set.",
            show_default="the classes' names; of footage the set ward",
        ),
    ] = None,
    model: ModelOption = None,
    prompts: PromptsOption = None,
    set_name: SetOption = None,
    data: DataOption = None,
    lists: ListsOption = None,
    split: SplitOption = 1,
    clips: ClipsOption = None,
    seeds: SeedsOption = None,
    seed: SeedOption = 1,
    quick: QuickOption = False,
    work: WorkOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train SC-CLIP on one set and measure it on another, compared with unchanged CLIP.

    The training uses no clip of the other set: its labels are known by texts alone.
    """
    choose = partial(choose_set, clips=clips, quick=quick, seed=seed)
    here = choose(set_name, data, lists, split=split, prompts=prompts)
    there = choose(to_set, to_data, to_lists, split=to_split, prompts=to_prompts)
    assert there is not None  # --to-set is required
    if here is not None and here.data.resolve() == there.data.resolve():
        msg = "--data and --to-data are the same folder; name different sets"
        raise typer.BadParameter(msg)
    from pipelines.lab.studies.studied_clips import WardChoice

    size = study_size(clips, seeds, quick=quick)
    home = here or WardChoice(prompts, size.clips, seed, work)
    present(_transfer(home, there, size, model), out, as_json=as_json)


def _transfer(
    here: "SetChoice | WardChoice",
    there: "SetChoice",
    size: "StudySize",
    model: str | None,
) -> "StudyResult":
    from models.bundled import PICTURE_CHECKPOINT_FOLDER
    from models.clip.encoder import load_clip
    from pipelines.lab.studies.models.laboratory import Laboratory
    from pipelines.lab.studies.models.zero_shot_transfer import study_zero_shot_transfer
    from pipelines.lab.studies.studied_clips import read_clips

    clip = load_clip(model or PICTURE_CHECKPOINT_FOLDER)
    clip.require_pictures()
    with staged_bars() as show:
        away = read_clips(there, clip, show, trained_on=False)
        home = read_clips(here, clip, show, trained_on=True)
        basis = (
            f"Trained on groups of {home.amount}, measured on {away.amount}, with the"
            f" checkpoint {clip.name}."
        )
        return study_zero_shot_transfer(
            Laboratory(home.recognizer, home.clips, basis, show),
            Laboratory(away.recognizer, away.clips, basis, show),
            size,
            home_title=home.title,
            away_title=away.title,
        )
