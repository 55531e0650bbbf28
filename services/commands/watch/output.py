"""Show the records of ``wardwatch watch`` as JSON, as a live table, or as lines."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from services import signals
from services.commands.watch.sources import Sources
from services.tasks import end_tasks

if TYPE_CHECKING:
    from pipelines.clock import Clock
    from pipelines.live.watch import Record
    from pipelines.records import SourceStatus


def show_records(
    watched: Sources,
    zero_ns: int | None,
    clock: "Clock",
    events: Mapping[str, str],
    follow: "Callable[[Callable[[Record], None]], Coroutine[None, None, None]]",
    *,
    as_json: bool,
) -> None:
    """Run the chain and show its records until the sources end.

    Args:
        watched: The sources, for the table's title and a recording's length.
        zero_ns: Pipeline time of a recording's start; None for live sources.
        clock: The clock of the records.
        events: The event of each label.
        follow: Runs the chain and calls its argument with each record.
        as_json: Whether to print one JSON object a line.
    """
    from pipelines.records import ActionEvent, DriftAlert, DriftStatus, SourceStatus
    from pipelines.sources.gstreamer.video_info import video_duration_s
    from services.live_view import LiveView, drift_line
    from services.record_lines import RecordLines, source_name

    if as_json:
        lines = RecordLines(zero_ns, clock)
        signals.run(follow(lambda record: print_line(json.dumps(lines.line(record)))))
        return
    duration_s = None
    if watched.camera is not None and not watched.live:
        duration_s = video_duration_s(watched.camera.location)
    view = LiveView(
        str(watched), events, origin_ns=zero_ns, duration_s=duration_s, clock=clock
    )
    console = Console()
    if console.is_terminal:
        with Live(view, console=console, refresh_per_second=8):
            signals.run(follow(view.add))
        return

    drift_state = ""

    def print_changes(record: "Record") -> None:
        nonlocal drift_state
        if isinstance(record, ActionEvent):
            console.print(view.event_line(record), soft_wrap=True)
        elif isinstance(record, DriftAlert):
            console.print(view.alert_line(record), soft_wrap=True)
        elif isinstance(record, DriftStatus):
            if record.state != drift_state or record.note:
                console.print(drift_line(record), soft_wrap=True)
            drift_state = record.state
        elif isinstance(record, SourceStatus):
            line = Text(f"{source_name(record)}: {record.state}  {record.reason}")
            console.print(line, soft_wrap=True)

    signals.run(follow(print_changes))


@asynccontextmanager
async def show_statuses(
    statuses: "asyncio.Queue[SourceStatus]", show: "Callable[[Record], None]"
) -> AsyncIterator[None]:
    """Show statuses when they arrive, without waiting for recognition."""

    async def show_each() -> None:
        while True:
            show(await statuses.get())

    showing = asyncio.create_task(show_each(), name="show statuses")
    try:
        yield
    finally:
        await end_tasks([showing])


def print_line(text: str) -> None:
    """Print a line without delay, for a program that reads the pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
