"""The commands ``wardwatch study …`` that compare models on labelled clips.

They share their options and what is done with a result; each adds one function.
"""

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.options import JsonOption, ModelOption, OutOption, PromptsOption
from services.progress import Show, staged_bars

if TYPE_CHECKING:
    from models.recognizer import ClipRecognizer
    from pipelines.studies.clip_set import ClipSet
    from pipelines.studies.models.laboratory import Laboratory, StudySize
    from pipelines.studies.models.result import StudyResult

Study = Callable[["Laboratory", "StudySize"], "StudyResult"]


def add_model_studies(app: typer.Typer) -> None:
    """Add a command for each study."""
    for name, (run_study, purpose) in _STUDIES.items():
        app.command(name, help=purpose)(_command(run_study))


def _command(run_study: Study) -> Callable[..., None]:
    def command(
        *,
        model: ModelOption = None,
        prompts: PromptsOption = None,
        clips: Annotated[
            int | None,
            typer.Option(min=40, help="About how many clips.", show_default="1000"),
        ] = None,
        seeds: Annotated[
            int | None, typer.Option(min=1, help="How many runs.", show_default="3")
        ] = None,
        seed: Annotated[int, typer.Option(min=0, help="Of the rooms.")] = 1,
        quick: Annotated[
            bool, typer.Option("--quick", help="In three minutes, and roughly.")
        ] = False,
        work: Annotated[
            Path | None,
            typer.Option(help="Folder that keeps rendered clips for the next study."),
        ] = None,
        out: OutOption = None,
        as_json: JsonOption = False,
    ) -> None:
        from pipelines.simulation.render_probe import require_rendering

        require_rendering()  # else the next import fails with a traceback
        from models.build import build_recognizer
        from models.bundled import CHECKPOINT_FOLDER
        from models.checkpoint import find_checkpoint
        from pipelines.data.folders import make_folder
        from pipelines.studies.models.laboratory import QUICK, Laboratory, StudySize
        from pipelines.studies.models.result import write_result
        from pipelines.training.default import labels_seen

        if out is not None:
            make_folder(out)
        usual = QUICK if quick else StudySize()
        size = StudySize(
            clips=clips or usual.clips,
            seeds=usual.seeds if seeds is None else tuple(range(1, seeds + 1)),
            effort=usual.effort,
        )
        recognizer = build_recognizer(model, prompts)
        with ExitStack() as stack:
            show = stack.enter_context(staged_bars())
            folder = work or Path(stack.enter_context(TemporaryDirectory()))
            rendered = _ward_clips(recognizer, folder, size.clips, seed, show)
            name, rooms = recognizer.clip.name, len(set(rendered.groups.tolist()))
            basis = (
                f"Measured on {len(rendered)} clips of {rooms} rooms of the simulated"
                f" ward (seed {seed}) with the checkpoint {name}; no public set and no"
                " pretrained CLIP was at hand."
            )
            learnt = labels_seen(find_checkpoint(model or CHECKPOINT_FOLDER))
            result = run_study(
                Laboratory(recognizer, rendered, basis, show, learnt=learnt), size
            )
        if out is not None:
            write_result(out, result)
        _print(result, out, as_json=as_json)

    return command


def _ward_clips(
    recognizer: "ClipRecognizer", folder: Path, clips: int, seed: int, show: Show
) -> "ClipSet":
    from pipelines.simulation.footage import RecordingPlan, Stream
    from pipelines.studies.ward_clips import plan_rooms, prepare_ward_clips

    plans = plan_rooms(clips, seed, Stream.FOOTAGE)
    done: list[str] = []

    def count(plan: RecordingPlan) -> None:
        done.append(plan.name)
        show("rooms", len(done), len(plans), plan.name)

    return prepare_ward_clips(
        folder,
        plans,
        recognizer.prompt_set.labels,
        image_size_px=recognizer.clip.image_size_px,
        on_done=count,
    )


def _print(result: "StudyResult", out: Path | None, *, as_json: bool) -> None:
    from pipelines.studies.models.result import shown

    if as_json:
        typer.echo(json.dumps({"basis": result.basis, **result.figures}))
        return
    console = Console()
    console.print(result.basis)
    for each in result.tables:
        table = Table(*each.header, title=each.title, title_justify="left", box=None)
        for row in each.rows:
            table.add_row(*(Text(shown(cell)) for cell in row))
        console.print(table)
    for finding in result.findings:
        console.print(f"- {finding}", markup=False)
    if out is not None:
        note = Text(f"written: {out / result.name}.md, .json and plots", style="dim")
        console.print(note, soft_wrap=True)


def _zero_shot(lab: "Laboratory", _size: "StudySize") -> "StudyResult":
    from pipelines.studies.models.zero_shot import study_zero_shot

    return study_zero_shot(lab)


def _few_shot(lab: "Laboratory", size: "StudySize") -> "StudyResult":
    from pipelines.studies.models.few_shot import study_few_shot

    return study_few_shot(lab, size)


def _masking(lab: "Laboratory", size: "StudySize") -> "StudyResult":
    from pipelines.studies.models.masking import study_masking

    return study_masking(lab, size)


def _csn(lab: "Laboratory", size: "StudySize") -> "StudyResult":
    from pipelines.studies.models.csn import study_csn

    return study_csn(lab, size)


def _base_to_novel(lab: "Laboratory", size: "StudySize") -> "StudyResult":
    from pipelines.studies.models.base_to_novel import study_base_to_novel

    return study_base_to_novel(lab, size)


def _is_clip(lab: "Laboratory", size: "StudySize") -> "StudyResult":
    from pipelines.studies.models.is_clip import study_is_clip

    return study_is_clip(lab, size)


_STUDIES: dict[str, tuple[Study, str]] = {
    "zero-shot": (
        _zero_shot,
        "Measure a checkpoint as it is: a clip against its middle frame, label by "
        "label, with the confusion of labels and a map of the clips.",
    ),
    "few-shot": (
        _few_shot,
        "Tune the five worst labels with a few clips of each: what they gain, what "
        "the others lose, and how naive fine-tuning collapses.",
    ),
    "masking": (
        _masking,
        "Cover pictures at random and part by part: how far predictions scatter, and "
        "what they hang on.",
    ),
    "csn": (
        _csn,
        "Train class-specific noise on some rooms and measure it on others, whole and "
        "covered: does it gather what scatters, and is it right then?",
    ),
    "base-to-novel": (
        _base_to_novel,
        "Train SC-CLIP on some labels, and measure it on these and on the others, "
        "beside CLIP as it is.",
    ),
    "is-clip": (
        _is_clip,
        "Train IS-CLIP, pictures with a wearable, on some labels, and test it on "
        "others, with and without its parts and sensors.",
    ),
}
