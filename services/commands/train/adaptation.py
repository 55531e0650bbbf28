"""The commands ``wardwatch train csn|is-clip|sc-clip``: adapt a checkpoint for use."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.options import ModelOption, PromptsOption
from services.progress import Show, staged_bars

if TYPE_CHECKING:
    from models.clip.encoder import ClipEncoder
    from models.recognizer import ClipRecognizer
    from pipelines.lab.studies.clip_set import ClipSet

    Adapt = Callable[[ClipRecognizer, ClipSet, Show], None]

ToOption = Annotated[
    Path, typer.Option("--out", help="File to write, for --adaptation.")
]
ClipsOption = Annotated[
    int, typer.Option(min=40, help="Approximate number of clips of simulated rooms.")
]
SeedOption = Annotated[
    int,
    typer.Option(
        min=0,
        help="Seed of rooms and of every choice. Seed 1 has the rooms of the bundled"
        " checkpoint's training, which are easier for it than others.",
    ),
]
WorkOption = Annotated[
    Path | None, typer.Option(help="Folder that keeps rendered clips for later runs.")
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

    The noise is an offset for each label in the space of the frames' features. See
    wardwatch study csn for its effect.
    """

    def adapt(recognizer: "ClipRecognizer", made: "ClipSet", show: Show) -> None:
        from pipelines.lab.training.adaptations import adapt_csn

        given = recognizer, made.frames, made.labels, out, show
        adapt_csn(*given, seed=seed, epochs=epochs)

    _train(adapt, out, model, prompts, clips, seed, work)


def is_clip(
    *,
    out: ToOption = Path("is-clip.safetensors"),
    model: ModelOption = None,
    prompts: PromptsOption = None,
    lives: Annotated[
        int, typer.Option(min=2, help="Lives of half a minute with wearables.")
    ] = 1000,
    recordings: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Number of lives with a camera as well.",
            show_default="400, or all lives if they are fewer",
        ),
    ] = None,
    felt_steps: Annotated[
        int, typer.Option(min=1, help="Steps on the wearables' samples alone.")
    ] = 2000,
    steps: Annotated[
        int, typer.Option(min=1, help="Steps on both, of both optimisers.")
    ] = 1200,
    seed: SeedOption = 2,
    work: WorkOption = None,
) -> None:
    """Train IS-CLIP on the simulated ward: pictures, and a wearable at waist or wrist.

    With it a subject's wearable improves recognition from the camera, and a subject
    without a camera is recognised from the wearable alone. Takes half an hour on two
    cores, and 6 GB of memory, on the bundled checkpoint.
    """
    watched = min(400, lives) if recordings is None else recordings
    if watched > lives:
        msg = f"{watched} recordings of {lives} lives; name at most {lives}"
        raise typer.BadParameter(msg, param_hint="--recordings")
    clip = _clip_to_adapt(model, out, work)
    from models.recognizer import ClipRecognizer
    from pipelines.lab.studies.studied_clips import kept_or_temporary, read_prompts
    from pipelines.lab.training.adaptations import adapt_is_clip
    from pipelines.lab.training.default import Recipe

    recipe = Recipe(seed=seed, recordings=lives)
    with staged_bars() as show, kept_or_temporary(work) as folder:
        adapt_is_clip(
            ClipRecognizer(clip, read_prompts(prompts)),
            recipe.plans(),
            folder,
            out,
            show,
            recordings=watched,
            seed=seed,
            steps=(felt_steps, steps),
            frames=recipe.frames,
        )
    _report(out)


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

    def adapt(recognizer: "ClipRecognizer", made: "ClipSet", show: Show) -> None:
        from pipelines.lab.training.adaptations import adapt_sc_clip

        given = recognizer, made.frames, made.labels, out, show
        adapt_sc_clip(*given, seed=seed, epochs=epochs)

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
    from pipelines.lab.studies.studied_clips import WardChoice, read_clips

    choice = WardChoice(prompts, clips, seed, work, for_use=True)
    with staged_bars() as show:
        made = read_clips(choice, clip, show, trained_on=True)
        adapt(made.recognizer, made.clips, show)
    _report(out)


def _clip_to_adapt(model: str | None, out: Path, work: Path | None) -> "ClipEncoder":
    """Check everything that a long training needs, and load the checkpoint."""
    if out.is_dir():
        msg = f"{out} is a folder, expected a file to write"
        raise typer.BadParameter(msg, param_hint="--out")
    from pipelines.lab.simulation.render_probe import require_rendering

    require_rendering()  # before an import that fails with a traceback
    from models.bundled import CHECKPOINT_FOLDER
    from models.clip.encoder import load_clip
    from pipelines.folders import make_folder

    make_folder(out.absolute().parent)
    if work is not None:
        make_folder(work)
    return load_clip(model or CHECKPOINT_FOLDER)


def _report(out: Path) -> None:
    typer.echo(f"{out}: done; use: wardwatch watch … --adaptation {out}")
