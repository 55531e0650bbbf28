"""The command ``wardwatch study drift``: false alerts and delays of drift detection."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from services import signals
from services.commands.printing import print_table, print_written
from services.commands.study.options import QuickOption
from services.options import (
    AdaptationOption,
    CalibrationOption,
    JsonOption,
    ModelOption,
    OutOption,
    PromptsOption,
    SeedOption,
)
from services.progress import staged_bars

if TYPE_CHECKING:
    from pipelines.lab.studies.drift.report import DriftReport


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
            help="Folder of real recordings with labels.csv, to measure delays on too.",
        ),
    ] = None,
    quick: QuickOption = False,
    seed: SeedOption = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure false drift alerts, and the delay until a change is detected.

    Months of stable streams give the false alerts. Masks, darkness, blur, cloths,
    turned cameras, wearables and other prompts in simulated rooms give the delays.
    """
    from models.build import build_recognizer
    from models.bundled import PICTURE_ADAPTATION_FILE, PICTURE_CHECKPOINT_FOLDER
    from pipelines.in_process import InProcessRecognizer
    from pipelines.lab.simulation.render_probe import require_rendering
    from pipelines.live.drift.settings import DriftSettings

    require_rendering()  # before an import that fails with a traceback
    from pipelines.lab.data.footage import read_footage
    from pipelines.lab.studies.drift.report import report_json
    from pipelines.lab.studies.drift.report_files import write_report
    from pipelines.lab.studies.drift.study import QUICK, StudySize, study_drift

    if model is None and adaptation is None:
        adaptation = PICTURE_ADAPTATION_FILE
    clip = build_recognizer(
        model or PICTURE_CHECKPOINT_FOLDER,
        prompts,
        adaptation=adaptation,
        calibration=calibration,
    )
    clip.clip.require_pictures()
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
        _print_report(report)
        print_written(paths)


def _print_report(report: "DriftReport") -> None:
    from pipelines.lab.studies.drift.report import (
        accuracy_rows,
        false_alert_rows,
        found_rows,
    )

    header = ("nothing changes", "false alerts a month", "95 %", "counts")
    print_table(header, false_alert_rows(report))
    for footage, found in report.found.items():
        figures = ("in 15 min", "95 %", "median delay", "cause right", "named")
        print_table((f"changed, {footage}", *figures), found_rows(found))
    print_table(("accuracy", "implied", "95 %", "true"), accuracy_rows(report))
    if not report.calibrated:
        Console().print(
            "confidence is not calibrated: the implied accuracy is not reliable"
        )
