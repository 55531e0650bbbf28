"""What alarms and the pages for them survive and cost: hub, store and console."""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from services import signals
from services.commands.bench.presenting import present
from services.options import (
    JsonOption,
    OutOption,
    SeedOption,
)
from services.progress import staged_bars

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="Empty database to use: postgresql://USER:PASSWORD@HOST/DATABASE.",
        show_default="SQLite in a temporary folder",
    ),
]


def crash(
    *,
    kills: Annotated[
        int, typer.Option(min=1, help="Number of times that the hub is killed.")
    ] = 100,
    database: DatabaseOption = None,
    seed: SeedOption = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Kill the hub again and again; nothing may be lost, doubled or out of order.

    Reports of falls go to a real hub with a store and a broker, and people answer some
    of the alarms, by MQTT or in the store. The hub is killed at named steps between
    receipt and acknowledgement, and at random moments; now and then the broker is away,
    for up to ten minutes of the hub's clock, which runs faster meanwhile. What was
    reported is compared with what was heard. A kill takes about a second. The exit code
    is 1 if anything is wrong.
    """
    from services.bench.crash.measure import measure_crashes

    with TemporaryDirectory(prefix="wardwatch-crash-") as folder, staged_bars() as show:
        outcome = signals.run(
            measure_crashes(kills, seed, Path(folder), show, _checked(database))
        )
    facts = asdict(outcome)
    steps = tuple(
        (f"killed {name}", str(count)) for name, count in outcome.steps.items()
    )
    rows = tuple(
        (name.replace("_", " "), str(value))
        for name, value in facts.items()
        if name != "steps"
    )
    title = "crash test of the hub"
    present(title, (*rows, *steps), facts, "crash", out, as_json=as_json)
    if not outcome.holds:
        raise typer.Exit(1)


def store(
    *,
    events: Annotated[
        int, typer.Option(min=1000, help="Number of events in the history.")
    ] = 100_000,
    database: DatabaseOption = None,
    seed: SeedOption = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how long a console waits for the store, beside a long history.

    The figures are medians in milliseconds, of 32 subjects. One event in fifty has an
    alarm.
    """
    from pipelines.clock import SystemClock
    from services.bench.store import measure_store

    with TemporaryDirectory(prefix="wardwatch-store-") as folder, staged_bars() as show:
        facts = measure_store(
            events, seed, Path(folder), SystemClock(), show, _checked(database)
        )
    rows = tuple(
        (name.replace("_", " "), f"{value:g}") for name, value in facts.items()
    )
    present("waiting for the store", rows, facts, "store", out, as_json=as_json)


def console(
    *,
    alarms: Annotated[
        int, typer.Option(min=1, max=1000, help="Number of alarms that must sound.")
    ] = 50,
    seconds: Annotated[
        float,
        typer.Option(min=1, max=600, help="Time to measure each cost, in seconds."),
    ] = 30.0,
    pictures_hz: Annotated[
        int,
        typer.Option(min=1, max=4, help="Poses of each stick figure in a second."),
    ] = 2,
    seed: SeedOption = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how soon an alarm sounds in a browser, and what stick figures cost.

    Starts a private broker, a hub and a console. While 16 subjects are watched, falls
    are reported; a Chromium with the wall board open notes when the alarm's sound
    begins. Then wall boards with 32 moving stick figures are open, and the processor
    time of the console is measured. Needs Chromium and Playwright.
    """
    from pipelines.clock import SystemClock
    from services.bench.console.measure import Plan, measure_console

    plan = Plan(alarms, seconds, pictures_hz)
    with TemporaryDirectory(prefix="wardwatch-bench-") as folder, staged_bars() as show:
        cost = signals.run(
            measure_console(plan, seed, Path(folder), SystemClock(), show)
        )
    rows = [
        (f"{cost.alarms} events, {what}, p50 / p95 / longest", wait.text)
        for what, wait in (("on the disk", cost.stored), ("heard", cost.sound))
    ]
    rows += [
        (
            f"{cost.tile_subjects} stick figures at {cost.pictures_hz}/s,"
            f" open wall boards: {each.pages}",
            f"{each.core_share:.1%} of a core, {each.kib_per_s:g} KiB/s each",
        )
        for each in cost.tiles
    ]
    present("the console", rows, asdict(cost), "console", out, as_json=as_json)


def _checked(database: str | None) -> str | None:
    """Return the address of a database, if it is one."""
    from services.store.database import read_url

    if database is not None:
        try:
            read_url(database)
        except ValueError as err:
            raise typer.BadParameter(str(err), param_hint="--database") from None
    return database
