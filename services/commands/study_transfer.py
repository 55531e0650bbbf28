"""The command ``wardwatch study zero-shot-transfer``: trained here, measured there."""

from pathlib import Path
from typing import Annotated

import typer

from services.commands.study_options import (
    ClipsOption,
    PromptsOption,
    QuickOption,
    SeedOption,
    SeedsOption,
    WorkOption,
    clips_of_set,
    study_size,
)
from services.commands.study_results import give_out
from services.commands.study_sets import (
    DATA_HELP,
    LISTS_HELP,
    DataOption,
    ListsOption,
    RealSet,
    SetChoice,
    SetOption,
    SplitOption,
    choose_set,
    real_clips,
    ward_clips,
)
from services.options import JsonOption, ModelOption, OutOption
from services.progress import staged_bars


def zero_shot_transfer(
    *,
    to_set: Annotated[
        RealSet,
        typer.Option(help="The set of real videos to measure on, in --to-data."),
    ],
    to_data: Annotated[Path, typer.Option(help=DATA_HELP)],
    to_lists: Annotated[
        Path | None,
        typer.Option(help=LISTS_HELP, show_default="the folder of --to-data"),
    ] = None,
    to_split: Annotated[
        int, typer.Option(min=1, max=3, help="Which official split of it.")
    ] = 1,
    to_prompts: Annotated[
        Path | None,
        typer.Option(
            help="Prompt set of its labels.",
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
    """Train SC-CLIP on one set, and measure it on another, beside CLIP as it is.

    Nothing of the other set is trained on: its labels are known by their texts alone.
    """
    limit = clips_of_set(clips, quick=quick)
    here = choose_set(
        set_name,
        data,
        lists,
        split=split,
        clips=limit,
        seed=seed,
        prompts=prompts,
    )
    there = SetChoice(
        to_set,
        to_data,
        to_lists or to_data,
        split=to_split,
        clips=limit,
        seed=seed,
        prompts=to_prompts,
    )
    if here is not None and here.data.resolve() == there.data.resolve():
        msg = "--data and --to-data are one folder; what is measured would be trained"
        raise typer.BadParameter(msg)
    if here is None:
        from pipelines.simulation.render_probe import require_rendering

        require_rendering()  # else an import fails with a traceback
    from models.bundled import CHECKPOINT_FOLDER
    from models.clip import load_clip
    from pipelines.data.folders import make_folder
    from pipelines.studies.models.laboratory import Laboratory
    from pipelines.studies.models.zero_shot_transfer import study_zero_shot_transfer

    if out is not None:
        make_folder(out)
    size = study_size(clips, seeds, quick=quick)
    clip = load_clip(model or CHECKPOINT_FOLDER)
    with staged_bars() as show:
        away = real_clips(there, clip, show, trained_on=False)
        if here is None:
            home = ward_clips(clip, prompts, size.clips, seed, work, show)
        else:
            home = real_clips(here, clip, show, trained_on=True)
        basis = (
            f"Trained on groups of {home.amount}, measured on {away.amount}, with the"
            f" checkpoint {clip.name}."
        )
        result = study_zero_shot_transfer(
            Laboratory(home.recognizer, home.clips, basis, show),
            Laboratory(away.recognizer, away.clips, basis, show),
            size,
            home_title=home.title,
            away_title=away.title,
        )
    give_out(result, out, as_json=as_json)
