"""The commands ``wardwatch bench …``: what parts cost on this machine."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services import signals
from services.commands.laboratory import has_laboratory
from services.options import JsonOption, ModelOption, OutOption
from services.progress import Show, staged_bars

app = typer.Typer(no_args_is_help=True, help="Measure what parts cost.")

_VIDEOS, _VIDEO_S = 8, 30.0


@app.command()
def drift(
    *,
    model: ModelOption = None,
    days: Annotated[
        int, typer.Option(min=1, help="Simulated before memory is measured.")
    ] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Of pictures and confidence.")] = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what watching one subject for drift costs.

    Time a clip at a clip a second, as a share of encoding that clip's pictures in the
    same run, and the memory of a subject after simulated days.
    """
    from models.build import build_recognizer
    from pipelines.clock import SystemClock
    from pipelines.folders import make_folder
    from services.bench.drift import measure_drift

    if out is not None:
        make_folder(out)
    recognizer = build_recognizer(model)
    with staged_bars() as show:
        cost = measure_drift(recognizer, SystemClock(), days, show, seed)
    rows = (
        ("time a clip", f"{cost.ms_per_clip:.3f} ms"),
        ("over encoding its pictures", f"{cost.share_of_encoding:.4f}"),
        ("memory of a subject", f"{cost.kib_per_subject:.0f} KiB"),
    )
    _tell("what drift costs", rows, asdict(cost), "drift-cost", out, as_json=as_json)


@app.command()
def service(
    *,
    subjects: Annotated[
        str, typer.Option(help="Numbers of cameras, rising, with commas between.")
    ] = "8,16,24,28,32",
    seconds: Annotated[
        float, typer.Option(min=3, max=600, help="How long each load is watched.")
    ] = 24.0,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two loads, 12 seconds each.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated ward.")] = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what the service makes of the encoder's speed, and how fast it tells.

    Starts a private broker, an RTSP server with simulated rooms and the service, and
    adds cameras until it no longer keeps up.
    """
    from models.build import build_recognizer
    from pipelines.folders import make_folder
    from services.bench.service import cost_json, cost_rows, measure_service

    numbers = [8, 16] if quick else _parse_numbers(subjects)
    if out is not None:
        make_folder(out)
    recognizer = build_recognizer()
    with TemporaryDirectory(prefix="wardwatch-bench-") as folder, staged_bars() as show:
        cost = signals.run(
            measure_service(
                recognizer,
                Path(folder),
                _videos(Path(folder) / "footage", seed, show),
                numbers,
                12.0 if quick else seconds,
                show,
            )
        )
    rows = cost_rows(cost)
    title = "what the service costs"
    _tell(title, rows, cost_json(cost), "service-cost", out, as_json=as_json)


@app.command()
def soak(
    *,
    minutes: Annotated[
        float, typer.Option(min=9, max=100_000, help="How long.")
    ] = 30.0,
    subjects: Annotated[int, typer.Option(min=1, max=64, help="Cameras.")] = 8,
    quick: Annotated[
        bool, typer.Option("--quick", help="Nine minutes, with wide intervals.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated ward.")] = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the service for long and see whether memory or queues grow.

    All cameras go away for a quarter of a minute every two minutes. The exit code is
    1 if the 95 % interval of a slope of memory reaches 5 MB an hour.
    """
    from pipelines.folders import make_folder
    from services.bench.soak import soak as run_soak

    if out is not None:
        make_folder(out)
    with TemporaryDirectory(prefix="wardwatch-soak-") as folder, staged_bars() as show:
        length = 9.0 if quick else minutes
        videos = _videos(Path(folder) / "footage", seed, show)
        outcome = signals.run(run_soak(Path(folder), videos, subjects, length, show))
    rows = [
        (
            name,
            f"{it.mb_per_hour:+.1f} MB/h ({it.low:+.1f} to {it.high:+.1f})"
            f", {it.rss_mb:.0f} MB at the end",
        )
        for name, it in outcome.growth.items()
    ]
    rows += [
        ("longest queue", f"{outcome.longest_queue:.0f}"),
        ("queue at the end", f"{outcome.last_queue:.0f}"),
        ("windows", f"{outcome.windows:.0f}"),
        ("outages of all cameras", f"{outcome.outages}"),
    ]
    title = f"{outcome.minutes:g} minutes, {subjects} cameras"
    facts = {**asdict(outcome), "holds": outcome.holds}
    _tell(title, rows, facts, "soak", out, as_json=as_json)
    if not outcome.holds:
        raise typer.Exit(1)


def _videos(folder: Path, seed: int, on_progress: Show) -> list[Path]:
    """Make what the cameras show: simulated rooms, or moving blocks without the lab."""
    if not has_laboratory():
        from services.bench.moving_videos import write_moving_videos

        typer.echo(
            "wardwatch: the simulator is not installed: cameras show moving blocks",
            err=True,
        )
        return write_moving_videos(folder, _VIDEOS, _VIDEO_S, seed)
    from pipelines.lab.simulation.render_probe import require_rendering

    require_rendering()  # else the next import fails with a traceback
    from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate

    plans = [RecordingPlan(Stream.FOOTAGE, seed, i, _VIDEO_S) for i in range(_VIDEOS)]
    done: list[str] = []

    def count(plan: RecordingPlan) -> None:
        done.append(plan.name)
        on_progress("rendering", len(done), len(plans), plan.name)

    simulate(folder, plans, on_done=count)
    return [folder / plan.name for plan in plans]


def _parse_numbers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or numbers[0] < 1 or numbers != sorted(set(numbers)):
        msg = f"{text!r} is no rising row of numbers, as 4,8,16"
        raise typer.BadParameter(msg, param_hint="--subjects")
    return numbers


def _tell(
    title: str,
    rows: Sequence[tuple[str, str]],
    facts: Mapping[str, object],
    name: str,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    """Print what was measured, and write it into a folder if one was named."""
    if out is not None:
        (out / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n")
        lines = [
            f"| {title} | |",
            "| --- | --- |",
            *(f"| {a} | {b} |" for a, b in rows),
        ]
        (out / f"{name}.md").write_text("\n".join(lines) + "\n")
    if as_json:
        typer.echo(json.dumps(facts))
        return
    table = Table(title, "", box=None)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
