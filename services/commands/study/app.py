"""The commands ``wardwatch study …``: measured reports with plots."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from services import signals
from services.commands.study.features import add_feature_study
from services.commands.study.models import add_model_studies
from services.commands.study.options import QuickOption
from services.commands.study.real import real
from services.options import (
    AdaptationOption,
    CalibrationOption,
    JsonOption,
    ModelOption,
    OutOption,
    PromptsOption,
)
from services.progress import staged_bars

if TYPE_CHECKING:
    from pipelines.lab.studies.drift.report import DriftReport

app = typer.Typer(no_args_is_help=True, help="Measure how well something works.")


@app.command()
def drift(
    *,
    model: ModelOption = None,
    prompts: PromptsOption = None,
    adaptation: AdaptationOption = None,
    calibration: CalibrationOption = None,
    footage: Annotated[
        Path | None,
        typer.Option(
            envvar="WARDWATCH_FOOTAGE",
            help="Folder of real recordings with labels.csv, to change as well.",
        ),
    ] = None,
    quick: QuickOption = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every choice.")] = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure false drift alerts, and the delay until a change is detected.

    Months of stable streams give the false alerts. Masks, darkness, blur, cloths,
    turned cameras, wearables and other prompts in simulated rooms give the delays.
    """
    from models.build import build_recognizer
    from pipelines.in_process import InProcessRecognizer
    from pipelines.lab.simulation.render_probe import require_rendering
    from pipelines.live.drift.settings import DriftSettings

    require_rendering()  # before an import that fails with a traceback
    from pipelines.folders import make_folder
    from pipelines.lab.data.footage import read_footage
    from pipelines.lab.studies.drift.report import report_json
    from pipelines.lab.studies.drift.report_files import write_report
    from pipelines.lab.studies.drift.study import QUICK, StudySize, study_drift

    if out is not None:
        make_folder(out)
    clip = build_recognizer(
        model, prompts, adaptation=adaptation, calibration=calibration
    )
    with InProcessRecognizer(clip) as recognizer, staged_bars() as show:
        report = signals.run(
            study_drift(
                recognizer,
                clip.prompt_set.resolve,
                DriftSettings(),
                QUICK if quick else StudySize(),
                seed,
                show,
                None if footage is None else read_footage(footage),
            )
        )
    paths = write_report(report, out) if out is not None else []
    if as_json:
        typer.echo(json.dumps(report_json(report)))
    else:
        _print_report(report, paths)


def _print_report(report: "DriftReport", paths: list[Path]) -> None:
    from pipelines.lab.studies.drift.report import (
        accuracy_rows,
        false_alert_rows,
        found_rows,
    )

    console = Console()
    table = Table("nothing changes", "false alerts a month", "95 %", "counts", box=None)
    for row in false_alert_rows(report):
        table.add_row(*map(escape, row))
    console.print(table)
    for footage, found in report.found.items():
        head = ("in 15 min", "95 %", "median delay", "cause right", "named")
        table = Table(f"changed, {footage}", *head, box=None)
        for row in found_rows(found):
            table.add_row(*map(escape, row))
        console.print(table)
    table = Table("accuracy", "implied", "95 %", "true", box=None)
    for row in accuracy_rows(report):
        table.add_row(*map(escape, row))
    console.print(table)
    if not report.calibrated:
        console.print(
            "confidence is not calibrated: the implied accuracy is not reliable"
        )
    for path in paths:
        console.print(Text(f"written: {path}", style="dim"), soft_wrap=True)


app.command()(real)
add_model_studies(app)
add_feature_study(app)
