"""Print and write the result of every ``wardwatch study …`` of models."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

from services.commands.printing import print_table

if TYPE_CHECKING:
    from pipelines.lab.studies.models.result import StudyResult


def present(result: "StudyResult", out: Path | None, *, as_json: bool) -> None:
    """Print a result, after writing it into ``out`` if that is a folder."""
    from pipelines.lab.studies.models.result import shown, write_result

    if out is not None:
        write_result(out, result)
    if as_json:
        typer.echo(json.dumps({"basis": result.basis, **result.figures}))
        return
    console = Console()
    console.print(result.basis, markup=False)
    for table in result.tables:
        rows = ([shown(cell) for cell in row] for row in table.rows)
        print_table(table.header, rows, title=table.title)
    for finding in result.findings:
        console.print(f"- {finding}", markup=False)
    if out is not None:
        note = Text(f"written: {out / result.name}.md, .json and plots", style="dim")
        console.print(note, soft_wrap=True)
