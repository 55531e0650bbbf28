"""The commands ``wardwatch train …``: recipes that make and adapt checkpoints."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from services.commands.train_adaptation import csn, is_clip, sc_clip
from services.progress import staged_bars

app = typer.Typer(no_args_is_help=True, help="Train a checkpoint, or adapt one.")


app.command("csn")(csn)
app.command("is-clip")(is_clip)
app.command("sc-clip")(sc_clip)


@app.command()
def default(
    *,
    out: Annotated[
        Path,
        typer.Option(help="Working folder: pictures (4 GB), state, and the result."),
    ] = Path("out/train-default"),
    seed: Annotated[int, typer.Option(min=0, help="Of every choice.")] = 1,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Optimiser steps, if not the recipe's.")
    ] = None,
    recordings: Annotated[
        int | None, typer.Option(min=1, help="Recordings, if not the recipe's.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            help="Label that it shall never see, in pictures or words; may be repeated."
        ),
    ] = None,
) -> None:
    """Train the bundled checkpoint from scratch on the simulated ward.

    May be stopped at any time: the same command goes on where it was. Without
    --seed, --steps, --recordings and --without it makes the shipped checkpoint anew.
    """
    from models.prompt_file import bundled_prompt_set
    from pipelines.simulation.render_probe import require_rendering

    require_rendering()  # else the next import fails with a traceback
    from pipelines.training.default import Recipe, train

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
    typer.echo(f"{checkpoint}: done; look: wardwatch model show {checkpoint}")
