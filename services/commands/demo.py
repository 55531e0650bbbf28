"""The command ``wardwatch demo``: the whole way, from a camera to an event, at home."""

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from services.progress import progress_bar

if TYPE_CHECKING:
    from pipelines.live.watch import Record
    from services.demo.ward import Room

_NS = 1e9


def demo(
    *,
    rooms: Annotated[int, typer.Option(min=1, max=8, help="Rooms at a time.")] = 3,
    seconds: Annotated[
        float, typer.Option(min=20, max=600, help="Length of each room's footage.")
    ] = 60.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated ward.")] = 7,
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
    from pipelines.clock import SystemClock
    from pipelines.in_process import InProcessRecognizer
    from pipelines.records import ActionEvent
    from services.demo.ward import build_rooms, falls_of, play
    from services.live_view import LiveView

    clip = build_recognizer()
    console = Console(stderr=as_json)
    with TemporaryDirectory(prefix="wardwatch-demo-") as folder:
        with progress_bar("simulating the ward", rooms) as advance:
            ward = build_rooms(
                Path(folder),
                rooms=rooms,
                seconds=seconds,
                seed=seed,
                resolve=clip.prompt_set.resolve,
                on_done=advance,
            )
        console.print(
            f"seed {seed}: {rooms} rooms of {seconds:g} s with "
            f"{len(falls_of(ward))} falls, played over RTSP and MQTT in real time"
        )
        view = LiveView("wardwatch demo", None, None)

        def show(record: "Record") -> None:
            view.add(record)
            if console.is_terminal:
                return
            if isinstance(record, ActionEvent) and record.name == "fall":
                console.print(view.event_line(record))

        with InProcessRecognizer(clip) as recognizer:
            playing = play(ward, recognizer, SystemClock(), show)
            if console.is_terminal:
                with Live(view, console=console, refresh_per_second=8, transient=True):
                    asyncio.run(playing)
            else:
                asyncio.run(playing)
    outcome = summarise(ward)
    if as_json:
        typer.echo(json.dumps(outcome))
    else:
        _print_table(ward, console)
    if outcome["found"] < outcome["falls"]:
        raise typer.Exit(1)


def summarise(ward: "list[Room]") -> dict[str, int]:
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


def _print_table(ward: "list[Room]", console: Console) -> None:
    table = Table("room", "truth", "reported", "delay", title="truth beside events")
    for room in ward:
        matching = room.matching()
        found = {match.fall.onset_ns: match for match in matching.found}
        for fall in room.truth.falls:
            onset_s, down_s = fall.onset_ns / _NS, fall.down_ns / _NS
            truth = f"falls at {onset_s:.1f} s, down by {down_s:.1f} s"
            match = found.get(fall.onset_ns)
            if match is None:
                table.add_row(room.name, truth, "[bold red]missed", "")
            else:
                decided = f"[green]fall[/] at {match.episode.decided_ns / _NS:.1f} s"
                table.add_row(room.name, truth, decided, f"{match.delay_s:.1f} s")
        for episode in matching.false:
            when = f"[yellow]fall[/] at {episode.decided_ns / _NS:.1f} s"
            table.add_row(room.name, "no fall", when, "")
        if room.wearable is not None:
            counts = room.wearable
            note = f"wearable: {counts.samples} samples in {counts.messages} messages"
            table.add_row(room.name, "", f"[dim]{note}", "")
    console.print(table)
    outcome = summarise(ward)
    console.print(
        f"{outcome['found']} of {outcome['falls']} falls found, "
        f"{outcome['false_falls']} false"
    )
