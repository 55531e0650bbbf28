"""The progress bar of every long command, on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextmanager
def progress_bar(stage: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show a bar; the function it gives advances by one and notes what was done."""
    with _progress() as progress:
        task = progress.add_task(stage, total=total, note="")
        yield lambda note: progress.update(task, advance=1, note=note)


@contextmanager
def staged_bars() -> Iterator[Callable[[str, int, int, str], None]]:
    """Show a bar for each stage that is named: stage, done, total, note."""
    with _progress() as progress:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int, note: str) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total, note="")
            progress.update(tasks[stage], completed=done, note=note)

        yield show


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
        console=Console(stderr=True),
    )
