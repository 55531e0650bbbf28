"""The commands ``wardwatch evaluate …``: how good it is on labelled footage."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from services import signals
from services.options import (
    AdaptationOption,
    CalibrationOption,
    CropOption,
    ModelOption,
    PromptsOption,
    TemporalOption,
    WearableOption,
)
from services.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.data.footage import Recording
    from pipelines.studies.event_report import EventReport

app = typer.Typer(no_args_is_help=True, help="Measure on labelled footage.")

_LISTED = 12


@app.callback()
def _evaluate() -> None:
    """Keep ``events`` a command of its own."""


@app.command()
def events(
    footage: Annotated[
        Path, typer.Argument(help="Folder of videos with their labels.csv.")
    ],
    *,
    model: ModelOption = None,
    prompts: PromptsOption = None,
    adaptation: AdaptationOption = None,
    calibration: CalibrationOption = None,
    temporal: TemporalOption = "clip",
    crop: CropOption = None,
    wearable: WearableOption = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for plots, tables and lists; made if need be."),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse labels that the prompt set lacks."),
    ] = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Watch a quarter of an hour of it, drawn by seed."
        ),
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="Draws the quick choice and the intervals.")
    ] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, on one line.")
    ] = False,
) -> None:
    """Watch every recording and compare the falls reported with the falls labelled.

    A fall is found by the first event fall decided between 0.5 s before its onset and
    6 s after the person no longer lies there; an event that touches no fall is false.
    """
    from models.build import build_recognizer
    from pipelines.clock import SystemClock
    from pipelines.data.folders import make_folder
    from pipelines.data.footage import read_footage, wearing
    from pipelines.in_process import InProcessRecognizer
    from pipelines.sources.framing import PAD
    from pipelines.studies.event_files import report_json, write_report
    from pipelines.studies.events import (
        choose_quick,
        evaluate_events,
        refuse_unknown_labels,
    )

    found = read_footage(footage)
    if out is not None:
        make_folder(out)  # hours of watching come before anything is written
    clip = build_recognizer(
        model,
        prompts,
        temporal=temporal,
        adaptation=adaptation,
        calibration=calibration,
    )
    if strict:
        refuse_unknown_labels(found, clip.prompt_set.resolve)
    recordings: Sequence[Recording] = wearing(found, wearable)
    if quick:
        recordings = choose_quick(recordings, seed)
    with (
        InProcessRecognizer(clip) as recognizer,
        progress_bar("watching", len(recordings)) as advance,
    ):
        report = signals.run(
            evaluate_events(
                recordings,
                recognizer,
                clip.prompt_set.resolve,
                SystemClock(),
                framing=crop or PAD,
                seed=seed,
                on_done=lambda result: advance(result.file),
            )
        )
    paths = write_report(report, out) if out is not None else []
    if as_json:
        typer.echo(json.dumps(report_json(report)))
    else:
        _print_report(report, Console(), paths)


def _print_report(report: "EventReport", console: Console, paths: list[Path]) -> None:
    from pipelines.studies.event_files import report_table, spoken_extent

    table = Table("figure", "value", "95 % interval", "counts", box=None)
    for row in report_table(report):
        table.add_row(*map(escape, row))
    console.print(
        f"[bold]{escape(report.model)}[/], prompts {escape(report.prompt_set)}: "
        f"{spoken_extent(report)}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(table)
    _print_list(
        console,
        "false falls",
        [
            f"{f.file} at {f.decided_s:.1f} s, truly {f.truth} {f.hard_negative}"
            for f in report.false_falls
        ],
    )
    _print_list(
        console,
        "missed falls",
        [
            f"{f.file} at {f.onset_s:.1f} s, mostly seen as {f.seen},"
            f" fall at most {f.peak_score:.2f} {f.notes}"
            for f in report.missed_falls
        ],
    )
    if report.unknown_labels:
        names = ", ".join(report.unknown_labels)
        told = f"labels not in the prompt set, no windows of theirs: {names}"
        console.print(Text(told), soft_wrap=True)
    for path in paths:
        console.print(Text(f"written: {path}", style="dim"), soft_wrap=True)


def _print_list(console: Console, title: str, lines: list[str]) -> None:
    if not lines:
        return
    console.print(f"[bold]{title}[/] ({len(lines)})")
    for line in lines[:_LISTED]:
        console.print(Text(f"  {line.strip()}"), soft_wrap=True)
    if len(lines) > _LISTED:
        console.print(f"  and {len(lines) - _LISTED} more: see --out", style="dim")
