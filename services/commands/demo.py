"""The command ``wardwatch demo``: the whole service on a simulated ward."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from services import signals
from services.options import JsonOption, SeedOption
from services.progress import progress_bar

if TYPE_CHECKING:
    from pipelines.records import ActionEvent
    from services.demo.ward import Room

ROOMS = 4
SECONDS = 60.0
SEED = 43
"""With the rooms and seconds above, somebody falls in every room."""


def demo(
    *,
    rooms: Annotated[int, typer.Option(min=1, max=8, help="Number of rooms.")] = ROOMS,
    seconds: Annotated[
        float,
        typer.Option(
            min=20, max=600, help="Length of each room's footage, in seconds."
        ),
    ] = SECONDS,
    seed: SeedOption = SEED,
    forever: Annotated[
        bool,
        typer.Option("--forever", help="Repeat the rooms until Ctrl-C."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the service on a simulated ward, and compare its events with the truth.

    Starts a private broker and an RTSP server on this machine, plays simulated rooms
    in real time, and watches them as `wardwatch run` would. The exit code is 1 if a
    fall was missed, and 130 or 143 after Ctrl-C or SIGTERM, except with --forever.
    The console shows the ward meanwhile. A carer answers the alarms; with --forever
    you do.
    """
    from models.prompts.prompt_file import bundled_prompt_set
    from pipelines.lab.simulation.render_probe import require_rendering

    require_rendering()  # else the next import fails with a traceback
    from services.demo.ward import build_rooms, falls_of, room_plans, summarise

    prompts = bundled_prompt_set()
    console = Console(stderr=as_json)
    with TemporaryDirectory(prefix="wardwatch-demo-") as folder:
        with progress_bar("simulating the ward", rooms) as advance:
            plans = room_plans(rooms, seconds, seed)
            footage = Path(folder) / "footage"
            ward = build_rooms(footage, plans, prompts.resolve, advance)
        console.print(
            f"seed {seed}: {rooms} rooms of {seconds:g} s with "
            f"{len(falls_of(ward))} falls, played over RTSP and MQTT in real time",
            soft_wrap=True,
        )
        interrupted, alarms = None, dict[str, str]()
        try:
            alarms = _play(ward, Path(folder), console, prompts.events, forever=forever)
        except KeyboardInterrupt as error:
            if not any(room.zero_ns for room in ward):
                raise  # nothing was played, so nothing can be compared
            interrupted = error
    outcome = summarise(ward, alarms)
    if as_json:
        typer.echo(json.dumps(outcome))
    else:
        print_table(ward, outcome, console)
    if forever:
        return
    if interrupted is not None:
        raise interrupted
    if any(room.matching().missed for room in ward):
        raise typer.Exit(1)


def _play(
    ward: "Sequence[Room]",
    folder: Path,
    console: Console,
    events: Mapping[str, str],
    *,
    forever: bool,
) -> dict[str, str]:
    """Play the ward, and show it as a live table, or each fall as a line.

    Returns:
        The latest state of each alarm, by its id.
    """
    from pipelines.clock import SystemClock
    from pipelines.records import FALL
    from services.demo.ward import play
    from services.live_view import LiveView

    view = LiveView("wardwatch demo", events)

    def print_fall(event: "ActionEvent") -> None:
        if event.name == FALL:
            console.print(view.event_line(event), soft_wrap=True)

    def print_addresses(addresses: str) -> None:
        console.print(f"open: {addresses}", soft_wrap=True)

    def run(on_event: "Callable[[ActionEvent], None]") -> dict[str, str]:
        playing = play(
            ward, folder, SystemClock(), on_event, print_addresses, forever=forever
        )
        return signals.run(playing)

    if console.is_terminal:
        with Live(view, console=console, refresh_per_second=4, transient=True):
            return run(view.add)
    return run(print_fall)


def print_table(
    ward: "Sequence[Room]", outcome: Mapping[str, int | float | None], console: Console
) -> None:
    """Print the truth of each room beside its events, and the totals."""
    table = Table(
        *("room", "truth", "reported", "delay", "windows fused"),
        title="truth and events, in seconds of each room's footage",
    )
    for room in ward:
        ratio = room.fused_ratio
        share = "" if ratio is None else f"{ratio:.0%}"
        for cells in room_rows(room):
            table.add_row(room.name, *cells, share)
    console.print(table)
    console.print(
        f"{outcome['found']} of {outcome['falls']} falls found, "
        f"{outcome['false_falls']} false; {outcome['wearables']} wearables online; "
        f"{outcome['alarms']} alarms, {outcome['alarms_answered']} answered, "
        f"{outcome['alarms_resolved']} resolved",
        soft_wrap=True,
    )
    if outcome["delivery_p50_s"] is not None:
        console.print(
            "from the last picture of an event to its receipt by MQTT: median "
            f"{outcome['delivery_p50_s']:.2f} s, longest "
            f"{outcome['delivery_longest_s']:.2f} s",
            soft_wrap=True,
        )


def room_rows(room: "Room") -> list[tuple[str, str, str]]:
    """Return the truth of a room, the reported fall, and the delay, a row for each."""
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
    return rows
