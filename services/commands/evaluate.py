"""The commands ``wardwatch evaluate …``: measure on labelled footage."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from services import signals
from services.commands.evaluate_wearables import wearables
from services.commands.printing import print_table, print_written
from services.options import (
    AdaptationOption,
    BackendOption,
    CalibrationOption,
    CropOption,
    JsonOption,
    ModelOption,
    OutOption,
    PromptsOption,
    TemporalOption,
    ViewOption,
    WearableOnlyOption,
    WearableOption,
    require_wearable_alone,
)
from services.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.recognizer import ClipRecognizer
    from pipelines.lab.data.footage import Recording
    from pipelines.lab.studies.disturbances import Disturbance
    from pipelines.lab.studies.event_report import EventReport
    from pipelines.sources.camera.framing import Framing

app = typer.Typer(no_args_is_help=True, help="Measure recognition on labelled footage.")
app.command()(wearables)

_LISTED = 12


@app.command()
def events(
    footage: Annotated[
        Path, typer.Argument(help="Folder of videos with their labels.csv.")
    ],
    *,
    model: ModelOption = None,
    view: ViewOption = None,
    backend: BackendOption = "auto",
    prompts: PromptsOption = None,
    adaptation: AdaptationOption = None,
    calibration: CalibrationOption = None,
    temporal: TemporalOption = "clip",
    crop: CropOption = None,
    wearable: WearableOption = None,
    wearable_only: WearableOnlyOption = False,
    out: OutOption = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse labels that are not in the prompt set."),
    ] = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick", help="Use 15 minutes of footage, chosen at random by --seed."
        ),
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of --quick and of the intervals.")
    ] = 1,
    disturb: Annotated[
        Literal["masked", "silent", "table", "other"] | None,
        typer.Option(
            help="What goes wrong: half of each picture is black, or the wearable falls"
            " silent, lies on a table, or is worn by somebody else.",
            show_default="nothing",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Watch every recording, and compare the reported falls with the labelled ones.

    The first fall event that is decided between 0.5 s before a fall's onset and 6 s
    after the person is up again finds that fall. An event that touches no fall is
    false.
    """
    from models.build import build_recognizer
    from pipelines.lab.data.footage import read_footage, wearing
    from pipelines.lab.studies.event_files import report_json, write_report
    from pipelines.lab.studies.events import choose_quick, refuse_unknown_labels
    from pipelines.sources.camera.framing import PAD

    found = read_footage(footage)
    clip = build_recognizer(
        model,
        prompts,
        temporal=temporal,
        adaptation=adaptation,
        calibration=calibration,
        view=view,
        backend=backend,
    )
    if wearable_only:
        require_wearable_alone(clip)
    if strict:
        refuse_unknown_labels(found, clip.prompt_set.resolve)
    recordings: Sequence[Recording] = wearing(found, wearable, alone=wearable_only)
    if quick:
        recordings = choose_quick(recordings, seed)
    report = _evaluate_events(recordings, clip, crop or PAD, seed, disturb)
    paths = write_report(report, out) if out is not None else []
    if as_json:
        typer.echo(json.dumps(report_json(report)))
    else:
        _print_report(report)
        print_written(paths)


def _evaluate_events(
    recordings: "Sequence[Recording]",
    clip: "ClipRecognizer",
    framing: "Framing",
    seed: int,
    disturbance: "Disturbance | None",
) -> "EventReport":
    from pipelines.clock import SystemClock
    from pipelines.in_process import InProcessRecognizer
    from pipelines.lab.studies.events import evaluate_events

    with (
        InProcessRecognizer(clip) as recognizer,
        progress_bar("watching", len(recordings)) as advance,
    ):
        return signals.run(
            evaluate_events(
                recordings,
                recognizer,
                clip.prompt_set.resolve,
                SystemClock(),
                framing=framing,
                seed=seed,
                disturbance=disturbance,
                on_done=lambda result: advance(result.file),
            )
        )


def _print_report(report: "EventReport") -> None:
    from pipelines.lab.studies.event_files import report_table, spoken_extent

    console = Console()
    console.print(
        f"[bold]{escape(report.model)}[/], prompts {escape(report.prompt_set)}: "
        f"{spoken_extent(report)}",
        highlight=False,
        soft_wrap=True,
    )
    print_table(("figure", "value", "95 % interval", "counts"), report_table(report))
    _print_list(
        console,
        "false falls",
        [
            f"{f.file} at {f.decided_s:.1f} s, labelled {f.truth} {f.hard_negative}"
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
        text = f"labels not in the prompt set; their windows are left out: {names}"
        console.print(Text(text), soft_wrap=True)


def _print_list(console: Console, title: str, lines: list[str]) -> None:
    if not lines:
        return
    console.print(f"[bold]{title}[/] ({len(lines)})")
    for line in lines[:_LISTED]:
        console.print(Text(f"  {line.strip()}"), soft_wrap=True)
    if len(lines) > _LISTED:
        console.print(f"  and {len(lines) - _LISTED} more: see --out", style="dim")
