"""The command ``wardwatch doctor``: what works here, and how to fix the rest."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.checkup import Check, apt_line, judge, run_checks
from services.commands.laboratory import has_laboratory


def doctor(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each check.")
    ] = False,
) -> None:
    """Check what wardwatch needs of this machine, and show how to fix what is missing.

    The exit code is 1 if something is missing without which wardwatch cannot work. A
    yellow ! is advice.
    """
    checks = []
    for check in chain(run_checks(Path.cwd()), check_laboratory()):
        checks.append(check)
        if as_json:
            typer.echo(json.dumps({"type": "check", **asdict(check)}))
    if not as_json:
        Console().print(make_table(checks))
    if any(check.needed and not check.ok for check in checks):
        raise typer.Exit(1)


def check_laboratory() -> Iterator[Check]:
    """Render one simulated picture if the laboratory is installed."""
    if not has_laboratory():
        found = "not installed; needed to simulate, train and study"
        yield Check(
            "laboratory", False, found, "pip install --editable '.[lab]'", needed=False
        )
        return
    from pipelines.lab.simulation.render_probe import render_problem

    problem = render_problem()
    detail = problem or f"MuJoCo by {os.environ['MUJOCO_GL']}"
    yield judge("rendering", not problem, detail, apt_line("libosmesa6"), needed=False)


def make_table(checks: list[Check]) -> Table:
    """Draw the checks as a table: what was found, and how to fix each failed check."""
    table = Table("", "Check", box=None, pad_edge=False)
    table.add_column("Found", overflow="fold")  # a path is of use only as a whole
    table.add_column("How to fix")
    for check in checks:
        name = check.name[:1].upper() + check.name[1:]
        table.add_row(_mark(check), name, escape(check.detail), escape(check.fix))
    return table


def _mark(check: Check) -> str:
    if check.ok:
        return "[green]✓[/]"
    return "[red]✗[/]" if check.needed else "[yellow]![/]"
