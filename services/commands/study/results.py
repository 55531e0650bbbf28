"""Print and write the result of every ``wardwatch study …`` of models."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from pipelines.lab.studies.models.result import StudyResult


def present(result: "StudyResult", out: Path | None, *, as_json: bool) -> None:
    """Write a result into the folder, if one is named, and print it."""
    from pipelines.lab.studies.models.result import write_result

    if out is not None:
        write_result(out, result)
    if as_json:
        typer.echo(json.dumps({"basis": result.basis, **result.figures}))
    else:
        _print(result, out)


def _print(result: "StudyResult", out: Path | None) -> None:
    from pipelines.lab.studies.models.result import shown

    console = Console()
    console.print(result.basis, markup=False)
    for each in result.tables:
        table = Table(
            *each.header, title=Text(each.title), title_justify="left", box=None
        )
        for row in each.rows:
            table.add_row(*(Text(shown(cell)) for cell in row))
        console.print(table)
    for finding in result.findings:
        console.print(f"- {finding}", markup=False)
    if out is not None:
        note = Text(f"written: {out / result.name}.md, .json and plots", style="dim")
        console.print(note, soft_wrap=True)
