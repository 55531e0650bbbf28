"""The command ``wardwatch study pairs``: two people in one view."""

import json
from typing import Annotated

import typer

from services.commands.printing import print_table, print_written
from services.options import (
    AdaptationOption,
    CalibrationOption,
    JsonOption,
    ModelOption,
    OutOption,
    PromptsOption,
)
from services.progress import staged_bars


def pairs(
    *,
    model: ModelOption = None,
    prompts: PromptsOption = None,
    adaptation: AdaptationOption = None,
    calibration: CalibrationOption = None,
    cases: Annotated[
        int, typer.Option(min=1, help="Cases in which one of two people falls.")
    ] = 50,
    carers: Annotated[
        int,
        typer.Option(min=0, help="Cases in which a carer kneels or bends down."),
    ] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the cases.")] = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure falls beside another person, and carers who kneel and raise no fall.

    Two simulated people share a room and a camera for half a minute, which goes through
    the chain of `watch`. With --out an interrupted run goes on where it was, and wrong
    cases leave a contact sheet. 70 cases take about 20 minutes on two cores.
    """
    from pipelines.lab.simulation.render_probe import require_rendering

    require_rendering()  # before an import that fails with a traceback
    from pipelines.lab.studies.month.study import Methods
    from pipelines.lab.studies.pairs.report import (
        FIGURE_HEADER,
        WRONG_HEADER,
        figure_rows,
        report_json,
        write_report,
        wrong_rows,
    )
    from pipelines.lab.studies.pairs.study import study_pairs
    from pipelines.lab.studies.studied_clips import kept_or_temporary

    methods = Methods(model, prompts, adaptation, calibration)
    with kept_or_temporary(out) as folder, staged_bars() as show:
        report = study_pairs(cases, carers, seed, methods, folder, show)
    paths = write_report(report, out) if out is not None else []
    if as_json:
        typer.echo(json.dumps(report_json(report)))
        return
    print_table(FIGURE_HEADER, figure_rows(report))
    if report.wrong:
        print_table(WRONG_HEADER, wrong_rows(report))
    print_written(paths)
