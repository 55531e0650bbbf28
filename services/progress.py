"""The progress of long commands on standard error: bars, or lines in a log."""

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

import pipelines.progress

_LINES_PER_STAGE = 50

Show = pipelines.progress.Progress
"""Shows progress; the name ``Progress`` is used by ``rich``."""


@contextmanager
def progress_bar(stage: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show one stage, and yield a function that advances it by one, with a note."""
    done = 0
    with staged_bars() as show:

        def advance(note: str) -> None:
            nonlocal done
            done += 1
            show(stage, done, total, note)

        show(stage, 0, total, "")
        yield advance


@contextmanager
def staged_bars() -> Iterator[Show]:
    """Yield a function that shows the progress of each stage that it names."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda *facts: _log(console, *facts)
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
        console=console,
    ) as progress:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int, note: str) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total, note="")
            progress.update(tasks[stage], completed=done, note=note)

        yield show


def _log(console: Console, stage: str, done: int, total: int, note: str) -> None:
    every = max(1, total // _LINES_PER_STAGE)
    if done and (done % every == 0 or done == total):
        console.print(
            f"{stage} {done}/{total}  {note}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
