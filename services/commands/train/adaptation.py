"""The commands ``wardwatch train csn|is-clip|sc-clip``: adapt a checkpoint for use."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.options import ModelOption, PromptsOption, WorkOption
from services.progress import Show, staged_bars

if TYPE_CHECKING:
    from models.clip.encoder import ClipEncoder
    from pipelines.lab.studies.studied_clips import StudiedClips

ToOption = Annotated[
    Path, typer.Option("--out", help="File to write, for the option --adaptation.")
]
ClipsOption = Annotated[
    int, typer.Option(min=40, help="Approximate number of clips of simulated rooms.")
]
SeedOption = Annotated[
    int,
    typer.Option(
        min=0,
        help="Seed of rooms and of every random choice. Seed 1 has the rooms of the"
        " shipped checkpoint's training, which are easier for it than others.",
    ),
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

    The noise is an offset for each label in the space of the frames' features.
    `wardwatch study csn` measures its effect.
    """
    with _ward_clips(out, model, prompts, clips, seed, work) as (ward, show):
        from pipelines.lab.training.adaptations import adapt_csn

        given = ward.recognizer, ward.clips.frames, ward.clips.labels, out, show
        adapt_csn(*given, seed=seed, epochs=epochs)


def is_clip(
    *,
    out: ToOption = Path("is-clip.safetensors"),
    model: ModelOption = None,
    prompts: PromptsOption = None,
    lives: Annotated[
        int, typer.Option(min=2, help="Number of half-minute lives with wearables.")
    ] = 150,
    stories: Annotated[
        int, typer.Option(min=2, help="Number of stories of a single worn sensor.")
    ] = 16000,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 8000,
    late_weight: Annotated[
        float,
        typer.Option(
            min=0.01,
            help="Weight of the wearable's answer relative to the camera's. The"
            " camera's temperature over the wearable's, by `wardwatch model"
            " calibrate`, weighs both alike.",
        ),
    ] = 1.0,
    seed: SeedOption = 2,
) -> None:
    """Train IS-CLIP's part for a wearable on simulated lives, falls and daily motion.

    With it a subject's wearable joins in recognition from the camera, and a subject
    without a camera is recognised from the wearable alone. The training takes about
    three quarters of an hour on two cores.
    """
    clip = _clip_to_adapt(model, out)
    from models.recognizer import ClipRecognizer
    from pipelines.lab.studies.studied_clips import read_prompts
    from pipelines.lab.training.adaptations import adapt_is_clip
    from pipelines.lab.training.picture_clip import Recipe

    recipe = Recipe(seed=seed, recordings=lives)
    with staged_bars() as show:
        adapt_is_clip(
            ClipRecognizer(clip, read_prompts(prompts)),
            recipe.plans(),
            out,
            show,
            stories=stories,
            steps=steps,
            seed=seed,
            frames=recipe.frames,
            late_weight=late_weight,
        )
    _report(out)


def sc_clip(
    *,
    out: ToOption = Path("sc-clip.safetensors"),
    model: ModelOption = None,
    prompts: PromptsOption = None,
    clips: ClipsOption = 1000,
    epochs: Annotated[float, typer.Option(min=0.01, help="Passes over the clips.")] = 2,
    seed: SeedOption = 2,
    work: WorkOption = None,
) -> None:
    """Train SC-CLIP on the simulated ward: one block of the tower and two adapters."""
    with _ward_clips(out, model, prompts, clips, seed, work) as (ward, show):
        from pipelines.lab.training.adaptations import adapt_sc_clip

        given = ward.recognizer, ward.clips.frames, ward.clips.labels, out, show
        adapt_sc_clip(*given, seed=seed, epochs=epochs)


@contextmanager
def _ward_clips(
    out: Path,
    model: str | None,
    prompts: Path | None,
    clips: int,
    seed: int,
    work: Path | None,
) -> "Iterator[tuple[StudiedClips, Show]]":
    """Render clips of the simulated ward for a training, and report its end."""
    clip = _clip_to_adapt(model, out)
    from pipelines.lab.studies.studied_clips import WardChoice, read_clips

    choice = WardChoice(prompts, clips, seed, work, for_use=True)
    with staged_bars() as show:
        yield read_clips(choice, clip, show, trained_on=True), show
    _report(out)


def _clip_to_adapt(model: str | None, out: Path) -> "ClipEncoder":
    """Check what a long training needs, and load the checkpoint."""
    if out.is_dir():
        msg = f"{out} is a folder, expected a file to write"
        raise typer.BadParameter(msg, param_hint="--out")
    from pipelines.lab.simulation.render_probe import require_rendering

    require_rendering()  # before an import that fails with a traceback
    from models.bundled import CHECKPOINT_FOLDER
    from models.clip.encoder import load_clip
    from pipelines.folders import make_folder

    make_folder(out.absolute().parent)
    return load_clip(model or CHECKPOINT_FOLDER)


def _report(out: Path) -> None:
    typer.echo(f"{out}: done; use: wardwatch watch … --adaptation {out}")
