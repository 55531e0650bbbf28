"""The command ``wardwatch demo``: the whole way, from a camera to an event, at home."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from services.progress import progress_bar

if TYPE_CHECKING:
    from models.recognizer import ClipRecognizer
    from pipelines.live.watch import Record
    from services.demo.ward import Room

ROOMS = 3
SECONDS = 60.0
SEED = 43
"""With the rooms and seconds above, of a ward in which every room sees a fall."""


def demo(
    *,
    rooms: Annotated[int, typer.Option(min=1, max=8, help="Rooms at a time.")] = ROOMS,
    seconds: Annotated[
        float, typer.Option(min=20, max=600, help="Length of each room's footage.")
    ] = SECONDS,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated ward.")] = SEED,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, on one line.")
    ] = False,
) -> None:
    """Watch a simulated ward over real RTSP and MQTT; compare events with the truth.

    Starts a private broker and an RTSP server on this machine, plays simulated rooms
    in real time, and watches them as `wardwatch watch` would. The exit code is 1 if a
    fall was missed.
    """
    from models.build import build_recognizer
    from pipelines.simulation.render_probe import require_rendering

    require_rendering()  # else the next import fails with a traceback
    from services.demo.ward import build_rooms, falls_of, room_plans

    clip = build_recognizer()
    console = Console(stderr=as_json)
    with TemporaryDirectory(prefix="wardwatch-demo-") as folder:
        with progress_bar("simulating the ward", rooms) as advance:
            plans = room_plans(rooms, seconds, seed)
            ward = build_rooms(Path(folder), plans, clip.prompt_set.resolve, advance)
        console.print(
            f"seed {seed}: {rooms} rooms of {seconds:g} s with "
            f"{len(falls_of(ward))} falls, played over RTSP and MQTT in real time",
            soft_wrap=True,
        )
        _play(ward, clip, console, seconds)
    outcome = summarise(ward)
    if as_json:
        typer.echo(json.dumps(outcome))
    else:
        _print_table(ward, outcome, console)
    if outcome["found"] < outcome["falls"]:
        raise typer.Exit(1)


def _play(
    ward: "Sequence[Room]", clip: "ClipRecognizer", console: Console, seconds: float
) -> None:
    """Play the ward and show it: as a live table, or fall by fall."""
    from pipelines.clock import SystemClock
    from pipelines.in_process import InProcessRecognizer
    from pipelines.records import ActionEvent
    from services.demo.ward import play
    from services.live_view import LiveView

    view = LiveView("wardwatch demo", clip.prompt_set.events, duration_s=seconds)

    def print_fall(record: "Record") -> None:
        if isinstance(record, ActionEvent) and record.name == "fall":
            console.print(view.event_line(record), soft_wrap=True)

    with InProcessRecognizer(clip) as recognizer:
        if console.is_terminal:
            with Live(view, console=console, refresh_per_second=8, transient=True):
                asyncio.run(play(ward, recognizer, SystemClock(), view.add))
        else:
            asyncio.run(play(ward, recognizer, SystemClock(), print_fall))


def summarise(ward: "Sequence[Room]") -> dict[str, int]:
    """Count true falls, those found, and false falls."""
    matchings = [room.matching() for room in ward]
    return {
        "falls": sum(len(room.truth.falls) for room in ward),
        "found": sum(len(matching.found) for matching in matchings),
        "false_falls": sum(len(matching.false) for matching in matchings),
        "wearable_samples": sum(
            room.wearable.samples if room.wearable else 0 for room in ward
        ),
    }


def _print_table(
    ward: "Sequence[Room]", outcome: dict[str, int], console: Console
) -> None:
    table = Table(
        *("room", "truth", "reported", "delay"),
        title="truth beside events, in seconds of each room's footage",
    )
    for room in ward:
        for cells in room_rows(room):
            table.add_row(room.name, *cells)
    console.print(table)
    console.print(
        f"{outcome['found']} of {outcome['falls']} falls found, "
        f"{outcome['false_falls']} false"
    )


def room_rows(room: "Room") -> list[tuple[str, str, str]]:
    """Put what is true of a room beside what was reported, with the delay."""
    from pipelines.clock import ns_to_seconds

    matching = room.matching()
    found = {match.fall.onset_ns: match for match in matching.found}
    rows = []
    for fall in room.truth.falls:
        onset_s, down_s = ns_to_seconds(fall.onset_ns), ns_to_seconds(fall.down_ns)
        truth = f"falls at {onset_s:.1f} s, down by {down_s:.1f} s"
        match = found.get(fall.onset_ns)
        if match is None:
            rows.append((truth, "[bold red]missed", ""))
        else:
            decided_s = ns_to_seconds(match.episode.decided_ns)
            reported = f"[green]fall[/] at {decided_s:.1f} s"
            rows.append((truth, reported, f"{match.delay_s:.1f} s"))
    for episode in matching.false:
        decided_s = ns_to_seconds(episode.decided_ns)
        rows.append(("no fall", f"[yellow]fall[/] at {decided_s:.1f} s", ""))
    if room.wearable is not None:
        counts = room.wearable
        note = f"wearable: {counts.samples} samples in {counts.messages} messages"
        rows.append(("", f"[dim]{note}", ""))
    return rows
