"""The commands ``wardwatch bench …``: what parts cost on this machine."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
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
    seed: Annotated[int, typer.Option(min=0, help="Of pictures and confidence.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the table and its JSON.")
    ] = None,
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
    from pipelines.data.folders import make_folder
    from services.bench.drift import measure_drift

    if out is not None:
        make_folder(out)
    recognizer = build_recognizer(model)
    with staged_bars() as show:
        cost = measure_drift(recognizer, SystemClock(), 9 if quick else 30, show, seed)
    rows = (
        ("time a clip", f"{cost.ms_per_clip:.3f} ms"),
        ("over encoding its pictures", f"{cost.share_of_encoding:.4f}"),
        ("memory of a subject", f"{cost.kib_per_subject:.0f} KiB"),
    )
    _tell("what drift costs", rows, asdict(cost), "drift-cost", out, as_json=as_json)


def _tell(
    title: str,
    rows: Sequence[tuple[str, str]],
    facts: Mapping[str, object],
    name: str,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Print what was measured, and write it into a folder if one was named."""
    if out is not None:
        (out / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n")
        lines = [
            f"| {title} | |",
            "| --- | --- |",
            *(f"| {a} | {b} |" for a, b in rows),
        ]
        (out / f"{name}.md").write_text("\n".join(lines) + "\n")
    if as_json:
        typer.echo(json.dumps(facts))
        return
    table = Table(title, "", box=None)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
