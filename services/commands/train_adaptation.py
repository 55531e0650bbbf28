"""The commands ``wardwatch train csn|is-clip|sc-clip``: adapt a checkpoint, for use."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.options import ModelOption, PromptsOption
from services.progress import Show, staged_bars

if TYPE_CHECKING:
    from models.recognizer import ClipRecognizer
    from pipelines.studies.clip_set import ClipSet

    Adapt = Callable[[ClipRecognizer, ClipSet, Path, Show], None]

ToOption = Annotated[
    Path, typer.Option("--out", help="The file to write, for --adaptation.")
]
ClipsOption = Annotated[
    int, typer.Option(min=40, help="About how many clips of simulated rooms.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Of rooms and of every choice.")]
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
    seed: SeedOption = 1,
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
    clips: ClipsOption = 1000,
    steps: Annotated[int, typer.Option(min=1, help="Of both optimisers.")] = 400,
    seed: SeedOption = 1,
    work: WorkOption = None,
) -> None:
    """Train IS-CLIP on the simulated ward: pictures and a wearable at the waist.

    With it a subject's wearable strengthens what the camera sees, and a subject without
    a camera is recognised from the wearable alone.
    """

    def adapt(
        recognizer: "ClipRecognizer", made: "ClipSet", path: Path, show: Show
    ) -> None:
        from pipelines.studies.ward_clips import WINDOW_S
        from pipelines.training.adaptations import adapt_is_clip

        adapt_is_clip(
            recognizer, made, path, show, seed=seed, steps=steps, window_s=WINDOW_S
        )

    _train(adapt, out, model, prompts, clips, seed, work)


def sc_clip(
    *,
    out: ToOption = Path("sc-clip.safetensors"),
    model: ModelOption = None,
    prompts: PromptsOption = None,
    clips: ClipsOption = 1000,
    epochs: Annotated[float, typer.Option(min=0.01, help="Passes over them.")] = 2,
    seed: SeedOption = 1,
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
    from pipelines.simulation.render_probe import require_rendering

    require_rendering()  # else an import fails with a traceback
    from models.bundled import CHECKPOINT_FOLDER
    from models.clip import load_clip
    from pipelines.data.folders import make_folder
    from services.commands.study_sets import ward_clips

    make_folder(out.absolute().parent)  # minutes of training come before the file
    clip = load_clip(model or CHECKPOINT_FOLDER)
    with staged_bars() as show:
        made = ward_clips(clip, prompts, clips, seed, work, show, to_keep=True)
        adapt(made.recognizer, made.clips, out, show)
    typer.echo(f"{out}: done; use: wardwatch watch … --adaptation {out}")
