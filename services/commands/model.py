"""The commands ``wardwatch model …``: what a checkpoint is and what it answers."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from services import signals
from services.options import (
    AdaptationOption,
    CalibrationOption,
    ModelOption,
    PromptsOption,
    WearableOption,
)
from services.progress import progress_bar

if TYPE_CHECKING:
    from models.recognizer import ClipRecognizer
    from pipelines.data.footage import Recording
    from pipelines.studies.calibration import CalibrationReport, Change, LabelledClips

app = typer.Typer(no_args_is_help=True, help="Look at checkpoints and prompt sets.")


@app.command()
def show(
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            help="A folder or a hub name.", show_default="the shipped checkpoint"
        ),
    ] = None,
    *,
    prompts: PromptsOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, on one line.")
    ] = False,
) -> None:
    """Show a checkpoint: its size, its card, and how apart it holds the labels.

    The table gives each label's event and priority, and the other label whose texts
    lie nearest: two labels with a cosine near 1 cannot be told apart.
    """
    from models.build import build_recognizer
    from models.bundled import CHECKPOINT_FOLDER

    recognizer = build_recognizer(checkpoint, prompts)
    clip = recognizer.clip
    rows = label_rows(recognizer)
    facts = {
        "model": recognizer.name,
        "parameters_of_the_checkpoint": sum(p.numel() for p in clip.model.parameters()),
        "image_size_px": clip.image_size_px,
        "dim": clip.dim,
        "logit_scale": round(clip.logit_scale, 2),
        "prompt_set": recognizer.prompt_set.id,
        "calibration": _spoken_calibration(recognizer),
    }
    if as_json:
        typer.echo(json.dumps({**facts, "labels": rows}))
        return
    console = Console()
    for name, value in facts.items():
        line = f"[bold]{name}[/]  {escape(str(value))}"
        console.print(line, highlight=False, soft_wrap=True)
    table = Table("label", "event", "priority", "nearest label", "cosine", box=None)
    for row in rows:
        table.add_row(*(escape(str(it)) for it in row.values()))
    console.print(table)
    card = Path(checkpoint or CHECKPOINT_FOLDER) / "README.md"
    if card.is_file():
        text = card.read_text(encoding="utf-8", errors="replace")
        console.print(Markdown(_without_header(text)))


def label_rows(recognizer: "ClipRecognizer") -> list[dict[str, str | float]]:
    """Describe each label, and the other one whose texts lie nearest.

    Returns:
        Rows with ``label``, ``event``, ``priority``, ``nearest`` and ``cosine``.
    """
    prompt_set, bank = recognizer.prompt_set, recognizer.text_bank
    likeness = bank @ bank.T
    rows: list[dict[str, str | float]] = []
    for i, label in enumerate(prompt_set.labels):
        likeness[i, i] = -2.0  # below every cosine
        nearest = int(likeness[i].argmax())
        rows.append(
            {
                "label": label,
                "event": prompt_set.events[label],
                "priority": prompt_set.priorities[prompt_set.events[label]],
                "nearest": prompt_set.labels[nearest],
                "cosine": round(float(likeness[i, nearest]), 3),
            }
        )
    return rows


def _without_header(card: str) -> str:
    """Return a card without the YAML block that hubs read."""
    if not card.startswith("---\n"):
        return card
    _, end, rest = card[3:].partition("\n---\n")
    return rest if end else card


def _spoken_calibration(recognizer: "ClipRecognizer") -> str:
    if not recognizer.calibrations:
        return "none: confidence is the model's own (wardwatch model calibrate)"
    return "; ".join(
        f"{modality} temperature {fitted.temperature:.3f}, on {fitted.clips} clips"
        for modality, fitted in recognizer.calibrations.items()
    )


@app.command()
def calibrate(
    footage: Annotated[
        Path, typer.Argument(help="Folder of videos with their labels.csv.")
    ],
    *,
    test: Annotated[
        Path | None,
        typer.Option(
            help="Another such folder to measure on.",
            show_default="every other recording of FOOTAGE, and fit on the rest",
        ),
    ] = None,
    model: ModelOption = None,
    prompts: PromptsOption = None,
    adaptation: AdaptationOption = None,
    calibration: CalibrationOption = None,
    wearable: WearableOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report and its plots.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, on one line.")
    ] = False,
) -> None:
    """Fit how sure a checkpoint may be, for a prompt set, and measure what it gains.

    A temperature makes confidence mean how often it is right. It changes no label, but
    how soon a score passes the thresholds of events.
    It is kept in calibration.json under the hashes of what was trained and of the
    prompt set, for what the answers rest on: with a wearable, or with --wearable none.
    """
    from models.build import build_recognizer, calibration_path
    from models.calibration import write_calibration
    from models.errors import CalibrationError
    from pipelines.data.folders import make_folder
    from pipelines.data.footage import read_footage, wearing
    from pipelines.studies.calibration import (
        report_json,
        study_calibration,
        write_report,
    )

    path = calibration or calibration_path(model)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise CalibrationError(str(path), "cannot be written: choose --calibration")
    if out is not None:
        make_folder(out)
    recognizer = build_recognizer(
        model, prompts, adaptation=adaptation, calibration=path
    )
    recordings = wearing(read_footage(footage), wearable)
    if test is not None:
        fitting, held_out = recordings, wearing(read_footage(test), wearable)
    elif len(recordings) > 1:
        fitting, held_out = recordings[::2], recordings[1::2]
    else:
        msg = "one recording is too little to fit and measure on: give --test"
        raise typer.BadParameter(msg, param_hint="FOOTAGE")
    report = study_calibration(
        _watch(fitting, recognizer, "fitting"),
        _watch(held_out, recognizer, "measuring"),
        recognizer.prompt_set.labels,
        recognizer.scorer.scale,
        recognizer.name,
        recognizer.prompt_set.id,
    )
    weights, prompt_set = recognizer.weights, recognizer.prompt_set.id
    write_calibration(path, weights, prompt_set, report.modality, report.calibration)
    paths = [path, *(write_report(report, out) if out is not None else [])]
    if as_json:
        typer.echo(json.dumps(report_json(report)))
    else:
        _print_calibration(report, paths)


def _watch(
    recordings: "tuple[Recording, ...]", recognizer: "ClipRecognizer", stage: str
) -> "LabelledClips":
    """Run recordings through the chain; return their labelled clips."""
    from pipelines.clock import SystemClock
    from pipelines.data.truth import read_truth
    from pipelines.in_process import InProcessRecognizer
    from pipelines.live.watch import WatchSettings
    from pipelines.sources.framing import PAD
    from pipelines.studies.calibration import label_clips
    from pipelines.studies.events import predict_recording

    seen = []
    resolve = recognizer.prompt_set.resolve
    with (
        InProcessRecognizer(recognizer) as running,
        progress_bar(stage, len(recordings)) as advance,
    ):
        for recording in recordings:
            watching = predict_recording(
                recording, running, SystemClock(), WatchSettings(), PAD
            )
            predictions, _ = signals.run(watching)
            seen.append((read_truth(recording.spans, resolve), predictions))
            advance(recording.file)
    return label_clips(seen, recognizer.prompt_set.labels)


def _print_calibration(report: "CalibrationReport", paths: list[Path]) -> None:
    console = Console()
    fitted = report.calibration
    console.print(
        f"[bold]{escape(report.model)}[/], prompts {escape(report.prompt_set)}, "
        f"{report.modality}: "
        f"temperature {fitted.temperature:.3f}, nothing fits below a cosine of "
        f"{fitted.cosine_floor:.3f}; fitted on {fitted.clips} clips",
        highlight=False,
        soft_wrap=True,
    )
    table = Table("taken for", "clips", "ECE", "after", "Brier", "after", box=None)
    rows: dict[str, Change] = {"all labels": report.overall, **report.groups}
    for name, change in rows.items():
        figures = (
            *(change.before.ece, change.after.ece),
            *(change.before.brier, change.after.brier),
        )
        table.add_row(name, str(change.clips), *(f"{it:.3f}" for it in figures))
    console.print(table)
    for path in paths:
        console.print(Text(f"written: {path}", style="dim"), soft_wrap=True)
