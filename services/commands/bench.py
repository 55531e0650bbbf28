"""The commands ``wardwatch bench …``: what parts cost on this machine."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.options import ModelOption
from services.progress import staged_bars

app = typer.Typer(no_args_is_help=True, help="Measure what parts cost.")


@app.callback()
def _bench() -> None:
    """Keep ``drift`` a command of its own."""


@app.command()
def drift(
    *,
    model: ModelOption = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Nine days instead of a month.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, on the last line.")
    ] = False,
) -> None:
    """Measure what watching one subject for drift costs.

    Time a clip at a clip a second, as a share of encoding that clip's pictures in the
    same run, and the memory of a subject after a simulated month.
    """
    from models.build import build_recognizer
    from pipelines.clock import SystemClock
    from services.bench.drift import measure_drift

    recognizer = build_recognizer(model)
    with staged_bars() as show:
        cost = measure_drift(recognizer, SystemClock(), 9 if quick else 30, show)
    if as_json:
        typer.echo(json.dumps(asdict(cost)))
        return
    table = Table("what drift costs", "", box=None)
    table.add_row("time a clip", f"{cost.ms_per_clip:.3f} ms")
    table.add_row("over encoding its pictures", f"{cost.share_of_encoding:.4f}")
    table.add_row("memory of a subject", f"{cost.kib_per_subject:.0f} KiB")
    Console().print(table)
