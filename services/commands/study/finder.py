"""The command ``wardwatch study finder``: drawn errors of the person finder."""

import json
from typing import Annotated

import typer

from services.commands.printing import print_table, print_written
from services.options import JsonOption, OutOption
from services.progress import staged_bars


def finder(
    *,
    minutes: Annotated[
        int, typer.Option(min=1, help="Simulated lives, of a minute each.")
    ] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the lives.")] = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the person finder's errors in rendered pictures with those drawn.

    Most lives of training are key points without pictures, with errors of the finder
    that training draws. Here lives that no training has are rendered, the finder looks
    at the pictures, and errors are drawn for the same lives. With --out what the finder
    saw is kept, so that other drawn errors can be compared at once.
    """
    from pipelines.lab.simulation.render_probe import require_rendering

    require_rendering()  # before an import that fails with a traceback
    from pipelines.lab.studies.finder.report import (
        HEADER,
        report_json,
        rows,
        write_report,
    )
    from pipelines.lab.studies.finder.study import plan_lives, study_finder
    from pipelines.lab.studies.studied_clips import kept_or_temporary

    with kept_or_temporary(out) as folder, staged_bars() as show:
        report = study_finder(plan_lives(minutes, seed), folder, show)
    paths = write_report(report, out) if out is not None else []
    if as_json:
        typer.echo(json.dumps(report_json(report)))
        return
    print_table(HEADER, rows(report))
    print_written(paths)
