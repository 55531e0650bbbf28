"""Printing of a benchmark, and its files."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from services.commands.printing import print_table


def present(
    title: str | Sequence[str],
    rows: Sequence[Sequence[str]],
    facts: Mapping[str, object],
    name: str,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Print a benchmark, after writing it into ``out`` if that is a folder.

    ``title`` is that of a table of two columns, or the header of any other.
    """
    header = (title, "") if isinstance(title, str) else title
    if out is not None:
        (out / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n")
        lines = [header, ["---"] * len(header), *rows]
        text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        (out / f"{name}.md").write_text(text)
    if as_json:
        typer.echo(json.dumps(facts))
    else:
        print_table(header, rows)
