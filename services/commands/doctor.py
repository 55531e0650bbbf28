"""The command ``wardwatch doctor``: what works on this machine, and how to mend it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.checkup import Check, run_checks


def doctor(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each check.")
    ] = False,
) -> None:
    """Check this machine: decoders, broker, rendering, torch, checkpoint, room.

    The exit code is 1 if something is missing that wardwatch cannot do without.
    """
    checks = []
    for check in run_checks(Path.cwd()):
        checks.append(check)
        if as_json:
            typer.echo(json.dumps({"type": "check", **asdict(check)}))
    if not as_json:
        Console().print(make_table(checks))
    if any(check.needed and not check.ok for check in checks):
        raise typer.Exit(1)


def make_table(checks: list[Check]) -> Table:
    """Draw the checks as a table: what was found, and the line that mends it."""
    table = Table("", "what", "found", "to mend it", box=None, pad_edge=False)
    for check in checks:
        table.add_row(_mark(check), check.name, escape(check.detail), escape(check.fix))
    return table


def _mark(check: Check) -> str:
    if check.ok:
        return "[green]✓[/]"
    return "[red]✗[/]" if check.needed else "[yellow]![/]"
