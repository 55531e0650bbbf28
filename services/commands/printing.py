"""What commands print at their end: plain tables, and the files they wrote."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None
) -> None:
    """Print a table without lines; brackets in cells are text, not markup."""
    table = Table(title=title and Text(title), title_justify="left", box=None)
    for name in header:
        table.add_column(Text(name))
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def print_written(paths: Iterable[Path]) -> None:
    """Print the name of each file that was written, one a line."""
    for path in paths:
        Console().print(Text(f"written: {path}", style="dim"), soft_wrap=True)
