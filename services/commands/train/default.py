"""The command ``wardwatch train default``: the default checkpoint."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.progress import staged_bars

if TYPE_CHECKING:
    from models.clip.encoder import ClipEncoder
    from pipelines.lab.training.pose_recipe import PoseRecipe


def default(
    *,
    out: Annotated[
        Path,
        typer.Option(help="Working folder for poses (0.3 GB), state, and the result."),
    ] = Path("out/train-default"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of every choice.")] = 1,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Optimiser steps; the recipe's by default."),
    ] = None,
    lives: Annotated[
        int | None,
        typer.Option(min=2, help="Simulated minutes; the recipe's by default."),
    ] = None,
    footage: Annotated[
        Path | None,
        typer.Option(help="Folder of labelled recordings to learn from as well."),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="Labels of --footage; its own labels.csv by default."),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--start-from",
            help="Checkpoint on poses to train further, instead of a new one. Its text"
            " tower stays as it is, so an IS-CLIP that fuses late keeps its weights.",
        ),
    ] = None,
    yardstick: Annotated[
        bool,
        typer.Option(
            "--yardstick",
            help="Train a small net on the joints' places instead, from the same lives:"
            " a yardstick for the checkpoint in `study real` and `study month`.",
        ),
    ] = False,
) -> None:
    """Train the default checkpoint on simulated lives and recordings.

    Takes about an hour and a half on two cores. It may be stopped at any time; the same
    command resumes it. With --yardstick the training starts from the beginning each
    time.
    """
    if yardstick and (footage is not None or start is not None):
        msg = "the yardstick learns from simulated lives only, from the beginning"
        hint = "--footage" if start is None else "--start-from"
        raise typer.BadParameter(msg, param_hint=hint)
    from models.prompts.prompt_file import bundled_prompt_set
    from pipelines.lab.data.footage import read_footage
    from pipelines.lab.simulation.render_probe import require_rendering

    require_rendering()  # before an import that fails with a traceback
    from pipelines.lab.training.pose_clip import train_pose_clip
    from pipelines.lab.training.pose_recipe import FURTHER, PoseRecipe

    recipe = replace(PoseRecipe() if start is None else FURTHER, seed=seed)
    if lives is not None:
        recipe = replace(recipe, lives=lives)
    if yardstick:
        _train_yardstick(recipe, steps, out)
        return
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    recordings = () if footage is None else read_footage(footage, labels).recordings
    begun = None if start is None else _pose_checkpoint(start)
    with staged_bars() as show:
        checkpoint = train_pose_clip(
            recipe, bundled_prompt_set(), out, show, recordings=recordings, start=begun
        )
    typer.echo(f"{checkpoint}: done; see: wardwatch model show {checkpoint}")


def _pose_checkpoint(path: Path) -> "ClipEncoder":
    from models.clip.encoder import load_clip

    clip = load_clip(path)
    if clip.card.view != "pose":
        msg = f"{path} has the view {clip.card.view}, not pose"
        raise typer.BadParameter(msg, param_hint="--start-from")
    return clip


def _train_yardstick(lives: "PoseRecipe", steps: int | None, out: Path) -> None:
    from models.prompts.prompt_file import bundled_prompt_set
    from pipelines.lab.training.train_vector_net import NetRecipe, train_vector_net

    recipe = NetRecipe(seed=lives.seed)
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    with staged_bars() as show:
        net = train_vector_net(lives, bundled_prompt_set(), out, show, recipe)
    typer.echo(f"{net}: done; use: wardwatch study month … --yardstick {net}")
