"""The commands ``wardwatch train …``: train or adapt checkpoints."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from services.commands.train.adaptation import csn, is_clip, sc_clip
from services.commands.train.default import default
from services.options import SeedOption
from services.progress import staged_bars

app = typer.Typer(no_args_is_help=True, help="Train a checkpoint, or adapt one.")

app.command()(default)
app.command("csn")(csn)
app.command("is-clip")(is_clip)
app.command("sc-clip")(sc_clip)


@app.command()
def pictures(
    *,
    out: Annotated[
        Path,
        typer.Option(help="Working folder for pictures (4 GB), state, and the result."),
    ] = Path("out/train-pictures"),
    seed: SeedOption = 1,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of optimiser steps.", show_default="the recipe's"
        ),
    ] = None,
    recordings: Annotated[
        int | None,
        typer.Option(min=1, help="Number of recordings.", show_default="the recipe's"),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="Label to leave out, in pictures and words; may be repeated."
        ),
    ] = None,
) -> None:
    """Train a checkpoint that looks at whole pictures of the simulated ward.

    The studies that cover parts of pictures need it. The training may be stopped at any
    time; the same command resumes it. Without --seed, --steps, --recordings and
    --without the result is the shipped `models/bundled/ward-clip`.
    """
    from models.prompts.prompt_file import bundled_prompt_set
    from pipelines.lab.simulation.render_probe import require_rendering

    require_rendering()  # before an import that fails with a traceback
    from pipelines.lab.training.picture_clip import Recipe, train

    recipe = Recipe(seed=seed)
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    if recordings is not None:
        recipe = replace(recipe, recordings=recordings)
    try:
        prompt_set = bundled_prompt_set().without(without or ())
    except ValueError as err:
        raise typer.BadParameter(str(err), param_hint="--without") from None
    with staged_bars() as show:
        checkpoint = train(recipe, prompt_set, out, show)
    typer.echo(f"{checkpoint}: done; see: wardwatch model show {checkpoint}")
