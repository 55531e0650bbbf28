"""Show the records of ``wardwatch watch`` as JSON, as a live table, or as lines."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from services.commands.watch.sources import Sources
from services.tasks import end_tasks

if TYPE_CHECKING:
    from pipelines.clock import Clock
    from pipelines.live.subject import Record
    from pipelines.records import SourceStatus
    from services.live_view import LiveView

    Show = Callable[[Record], None]


@contextmanager
def showing(
    sources: Sources,
    zero_ns: int | None,
    clock: "Clock",
    events: Mapping[str, str],
    *,
    as_json: bool,
) -> "Iterator[Show]":
    """Yield a function that shows each record that it is called with.

    Without ``zero_ns`` the sources are live. ``events`` holds the event of each label.
    """
    from pipelines.sources.gstreamer.video_info import video_duration_s
    from services.live_view import LiveView
    from services.record_lines import RecordLines

    if as_json:
        lines = RecordLines(zero_ns, clock)
        yield lambda record: _print_line(json.dumps(lines.line(record)))
        return
    duration_s = None
    if sources.camera is not None and not sources.live:
        duration_s = video_duration_s(sources.camera.location)
    view = LiveView(
        str(sources), events, origin_ns=zero_ns, duration_s=duration_s, clock=clock
    )
    console = Console()
    if console.is_terminal:
        with Live(view, console=console, refresh_per_second=8):
            yield view.add
    else:
        yield _print_changes(view, console)


def _print_changes(view: "LiveView", console: Console) -> "Show":
    """Return a function that prints events, alerts and changes of state as lines."""
    from pipelines.records import (
        ActionEvent,
        BedStatus,
        DriftAlert,
        DriftStatus,
        SourceStatus,
        WornStatus,
    )
    from services.live_view import drift_line
    from services.record_lines import source_name

    drift_state = ""

    def show(record: "Record") -> None:
        nonlocal drift_state
        match record:
            case ActionEvent():
                line = view.event_line(record)
            case BedStatus() | WornStatus():
                line = view.state_line(record)
            case DriftAlert():
                line = view.alert_line(record)
            case SourceStatus():
                line = Text(f"{source_name(record)}: {record.state}  {record.reason}")
            case DriftStatus() if record.state != drift_state or record.note:
                line = drift_line(record)
                drift_state = record.state
            case _:
                return
        console.print(line, soft_wrap=True)

    return show


@asynccontextmanager
async def show_statuses(
    statuses: "asyncio.Queue[SourceStatus]", show: "Show"
) -> AsyncIterator[None]:
    """Show statuses when they arrive, without waiting for recognition."""

    async def show_each() -> None:
        while True:
            show(await statuses.get())

    task = asyncio.create_task(show_each(), name="show statuses")
    try:
        yield
    finally:
        await end_tasks([task])


def _print_line(text: str) -> None:
    """Print a line without delay, for a program that reads the pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
