"""The commands ``wardwatch train csn|is-clip|sc-clip``: adapt a checkpoint, for use."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.options import ModelOption, PromptsOption
from services.progress import Show, staged_bars

if TYPE_CHECKING:
    from models.clip import ClipEncoder
    from models.recognizer import ClipRecognizer
    from pipelines.studies.clip_set import ClipSet

    Adapt = Callable[[ClipRecognizer, ClipSet, Path, Show], None]

ToOption = Annotated[
    Path, typer.Option("--out", help="The file to write, for --adaptation.")
]
ClipsOption = Annotated[
    int, typer.Option(min=40, help="About how many clips of simulated rooms.")
]
SeedOption = Annotated[
    int,
    typer.Option(
        min=0,
        help="Of rooms and of every choice; 1 is of the rooms that the bundled"
        " checkpoint knows, whose pictures say more to it than others do.",
    ),
]
WorkOption = Annotated[
    Path | None, typer.Option(help="Folder that keeps rendered clips for next time.")
]


def csn(
    *,
    out: ToOption = Path("csn.safetensors"),
    model: ModelOption = None,
    prompts: PromptsOption = None,
    clips: ClipsOption = 1000,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the frames.")] = 50,
    seed: SeedOption = 2,
    work: WorkOption = None,
) -> None:
    """Train class-specific noise on the simulated ward.

    For each label an offset of the frames' features. It helps live recognition only as
    far as wardwatch study csn says.
    """

    def adapt(
        recognizer: "ClipRecognizer", made: "ClipSet", path: Path, show: Show
    ) -> None:
        from pipelines.training.adaptations import adapt_csn

        adapt_csn(recognizer, made, path, show, seed=seed, epochs=epochs)

    _train(adapt, out, model, prompts, clips, seed, work)


def is_clip(
    *,
    out: ToOption = Path("is-clip.safetensors"),
    model: ModelOption = None,
    prompts: PromptsOption = None,
    lives: Annotated[
        int, typer.Option(min=2, help="Of half a minute, felt by wearables.")
    ] = 1000,
    recordings: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="How many of them a camera sees, too.",
            show_default="400, or all lives if they are fewer",
        ),
    ] = None,
    felt_steps: Annotated[
        int, typer.Option(min=1, help="On the wearables' samples alone.")
    ] = 2000,
    steps: Annotated[
        int, typer.Option(min=1, help="On both, of both optimisers.")
    ] = 1200,
    seed: SeedOption = 2,
    work: WorkOption = None,
) -> None:
    """Train IS-CLIP on the simulated ward: pictures, and a wearable at waist or wrist.

    With it a subject's wearable strengthens what the camera sees, and a subject without
    a camera is recognised from the wearable alone. Takes half an hour on two cores, and
    6 GB of memory, on the bundled checkpoint.
    """
    watched = min(400, lives) if recordings is None else recordings
    if watched > lives:
        msg = f"{watched} of {lives} lives: no more can be seen"
        raise typer.BadParameter(msg, param_hint="--recordings")
    clip = _clip_to_adapt(model, out, work)
    from models.recognizer import ClipRecognizer
    from pipelines.training.adaptations import adapt_is_clip
    from pipelines.training.default import Recipe
    from services.commands.study_sets import folder_to_keep, prompt_set

    recipe = Recipe(seed=seed, recordings=lives)
    with staged_bars() as show, folder_to_keep(work) as folder:
        adapt_is_clip(
            ClipRecognizer(clip, prompt_set(prompts)),
            recipe.plans(),
            folder,
            out,
            show,
            recordings=watched,
            seed=seed,
            steps=(felt_steps, steps),
            frames=recipe.frames,
        )
    _tell(out)


def sc_clip(
    *,
    out: ToOption = Path("sc-clip.safetensors"),
    model: ModelOption = None,
    prompts: PromptsOption = None,
    clips: ClipsOption = 1000,
    epochs: Annotated[float, typer.Option(min=0.01, help="Passes over them.")] = 2,
    seed: SeedOption = 2,
    work: WorkOption = None,
) -> None:
    """Train SC-CLIP on the simulated ward: one block of the tower and two adapters."""

    def adapt(
        recognizer: "ClipRecognizer", made: "ClipSet", path: Path, show: Show
    ) -> None:
        from pipelines.training.adaptations import adapt_sc_clip

        adapt_sc_clip(recognizer, made, path, show, seed=seed, epochs=epochs)

    _train(adapt, out, model, prompts, clips, seed, work)


def _train(
    adapt: "Adapt",
    out: Path,
    model: str | None,
    prompts: Path | None,
    clips: int,
    seed: int,
    work: Path | None,
) -> None:
    clip = _clip_to_adapt(model, out, work)
    from services.commands.study_sets import ward_clips

    with staged_bars() as show:
        made = ward_clips(clip, prompts, clips, seed, work, show, to_keep=True)
        adapt(made.recognizer, made.clips, out, show)
    _tell(out)


def _clip_to_adapt(model: str | None, out: Path, work: Path | None) -> "ClipEncoder":
    """Load the checkpoint, once all that minutes of training need is there."""
    if out.is_dir():
        msg = f"{out} is a folder, expected a file to write"
        raise typer.BadParameter(msg, param_hint="--out")
    from pipelines.simulation.render_probe import require_rendering

    require_rendering()  # else an import fails with a traceback
    from models.bundled import CHECKPOINT_FOLDER
    from models.clip import load_clip
    from pipelines.data.folders import make_folder

    make_folder(out.absolute().parent)
    if work is not None:
        make_folder(work)
    return load_clip(model or CHECKPOINT_FOLDER)


def _tell(out: Path) -> None:
    typer.echo(f"{out}: done; use: wardwatch watch … --adaptation {out}")
