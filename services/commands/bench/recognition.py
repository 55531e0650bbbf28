"""What recognition costs: a stage, a camera, the whole service."""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import typer

from services import signals
from services.commands.bench.presenting import present
from services.commands.laboratory import has_laboratory
from services.options import (
    BackendOption,
    JsonOption,
    ModelOption,
    OutOption,
    SeedOption,
)
from services.progress import Show, staged_bars

_VIDEOS, _VIDEO_S = 8, 30.0


def drift(
    *,
    model: ModelOption = None,
    days: Annotated[
        int, typer.Option(min=1, help="Simulated days before memory is measured.")
    ] = 30,
    seed: SeedOption = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what drift detection costs for one subject.

    The figures are the time per clip at one clip a second, its ratio to the time that
    encoding the clip's pictures takes in the same run, and the memory of a subject
    after the simulated days.
    """
    from models.build import build_recognizer
    from models.bundled import PICTURE_CHECKPOINT_FOLDER
    from pipelines.clock import SystemClock
    from services.bench.drift import measure_drift

    recognizer = build_recognizer(model or PICTURE_CHECKPOINT_FOLDER)
    recognizer.clip.require_pictures()
    with staged_bars() as show:
        cost = measure_drift(recognizer, SystemClock(), days, show, seed)
    rows = (
        ("time per clip", f"{cost.ms_per_clip:.3f} ms"),
        ("ratio to encoding its pictures", f"{cost.share_of_encoding:.4f}"),
        ("memory of a subject", f"{cost.kib_per_subject:.0f} KiB"),
    )
    title = "cost of drift detection"
    present(title, rows, asdict(cost), "drift-cost", out, as_json=as_json)


def encoder(
    *,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="Checkpoint: a folder or a hub name. Can be given several times.",
            show_default="both shipped ones",
        ),
    ] = None,
    backend: BackendOption = "auto",
    quick: Annotated[
        bool, typer.Option("--quick", help="Two short rounds, two cameras.")
    ] = False,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the encoder's gain over CLIP as one would first write it.

    That is transformers' CLIPModel in float32 on every picture of every window, which
    is measured in the same run and in turns, while something moves and in a quiet room.
    The table also says how much of the answer stays the same.
    """
    from models.build import build_recognizer
    from models.bundled import (
        CHECKPOINT_FOLDER,
        NO_ADAPTATION,
        PICTURE_CHECKPOINT_FOLDER,
    )
    from pipelines.clock import SystemClock
    from services.bench.encoder import (
        EncoderPlan,
        cost_json,
        cost_rows,
        measure_encoder,
    )

    plan = EncoderPlan.quick() if quick else EncoderPlan()
    shipped = [str(PICTURE_CHECKPOINT_FOLDER), str(CHECKPOINT_FOLDER)]
    costs = []
    with staged_bars() as show:
        for each in model or shipped:
            built = build_recognizer(each, adaptation=NO_ADAPTATION, backend=backend)
            cost = measure_encoder(built, built.clip.name, plan, SystemClock(), show)
            costs.append(cost)
    header, rows = cost_rows(costs)
    present(header, rows, cost_json(costs), "encoder-cost", out, as_json=as_json)


def profile(
    video: Annotated[
        Path | None,
        typer.Argument(help="Recording that the camera shows.", show_default=False),
    ] = None,
    *,
    scene: Annotated[
        Literal["person", "blocks"],
        typer.Option(
            help="What the camera shows without VIDEO: a simulated person in a room,"
            " or a moving block and nobody."
        ),
    ] = "person",
    model: ModelOption = None,
    seed: SeedOption = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure where the processor time of one camera goes, stage by stage.

    Half a minute is measured. Processor time is counted, so that other work on the
    machine matters little. Python's profiler makes the chain itself look dearer than it
    is, but not the networks.
    """
    from models.build import build_recognizer
    from pipelines.clock import SystemClock
    from services.bench.profile import cost_json, cost_rows, measure_profile

    with TemporaryDirectory(prefix="wardwatch-bench-") as folder, staged_bars() as show:
        shown = video or _scene(scene, Path(folder) / "footage", seed, show)
        cost = measure_profile(build_recognizer(model), shown, SystemClock())
    title = f"one camera, {shown.name}"
    rows = cost_rows(cost)
    present(title, rows, cost_json(cost), "camera-profile", out, as_json=as_json)


def service(
    *,
    subjects: Annotated[
        str,
        typer.Option(
            metavar="N,N,…", help="Numbers of cameras, in rising order, 1 or more."
        ),
    ] = "1,2,4,8,16,32,64",
    seconds: Annotated[
        float,
        typer.Option(min=3, max=600, help="Time to measure each load, in seconds."),
    ] = 24.0,
    all_loads: Annotated[
        bool,
        typer.Option("--all", help="Go on after the first load that is too much."),
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two loads of 1 and 2, 12 seconds each.")
    ] = False,
    seed: SeedOption = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the service's throughput relative to the bare encoder, and its growth.

    Starts a private broker, an RTSP server with simulated rooms and the service, and
    adds cameras until the service no longer uses all pictures. The last load shows how
    late answers are then. With ``--out``, a plot shows latency and cost per camera.
    """
    from models.build import build_recognizer
    from services.bench.service import cost_json, cost_rows, measure_service

    numbers = [1, 2] if quick else _parse_numbers(subjects)
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
                all_loads=all_loads,
            )
        )
    if out is not None and has_laboratory():
        from pipelines.lab.studies.growth_plot import LoadPoint, plot_growth

        points = [
            LoadPoint(
                load.subjects,
                load.waits_s and load.waits_s[0],
                load.waits_s and load.waits_s[1],
                load.cores_a_camera,
                load.keeps_up,
            )
            for load in cost.loads
        ]
        plot_growth(points, out / "service-growth.png")
    rows = cost_rows(cost)
    title = "cost of the service"
    present(title, rows, cost_json(cost), "service-cost", out, as_json=as_json)


def soak(
    *,
    minutes: Annotated[
        float,
        typer.Option(min=9, max=100_000, help="Length of the run, in minutes."),
    ] = 30.0,
    subjects: Annotated[
        int, typer.Option(min=1, max=64, help="Number of cameras.")
    ] = 8,
    quick: Annotated[
        bool, typer.Option("--quick", help="Nine minutes, with wide intervals.")
    ] = False,
    seed: SeedOption = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the service for a long time, and check that memory and queues do not grow.

    All cameras go away for 15 seconds every two minutes. The exit code is 1 if a queue
    is left at the end, or if the 95 % interval of a slope of memory reaches 5 MB an
    hour.
    """
    from services.bench.soak import soak as run_soak

    with TemporaryDirectory(prefix="wardwatch-soak-") as folder, staged_bars() as show:
        length = 9.0 if quick else minutes
        videos = _videos(Path(folder) / "footage", seed, show)
        outcome = signals.run(run_soak(Path(folder), videos, subjects, length, show))
    rows = [
        (
            name,
            f"{memory.mb_per_hour:+.1f} MB/h ({memory.low:+.1f} to {memory.high:+.1f})"
            f", {memory.rss_mb:.0f} MB at the end",
        )
        for name, memory in outcome.growth.items()
    ]
    rows += [
        ("longest queue", f"{outcome.longest_queue:.0f}"),
        ("queue at the end", f"{outcome.last_queue:.0f}"),
        ("windows", f"{outcome.windows:.0f}"),
        ("outages of all cameras", f"{outcome.outages}"),
    ]
    title = f"{outcome.minutes:g} minutes, {subjects} cameras"
    facts = {**asdict(outcome), "holds": outcome.holds}
    present(title, rows, facts, "soak", out, as_json=as_json)
    if not outcome.holds:
        raise typer.Exit(1)


def _scene(
    scene: Literal["person", "blocks"], folder: Path, seed: int, on_progress: Show
) -> Path:
    """Make the video of a scene."""
    from services.demo.camera_videos import write_moving_videos

    if scene == "blocks":
        return write_moving_videos(folder, 1, _VIDEO_S, seed)[0]
    return _videos(folder, seed, on_progress, count=1)[0]


def _videos(
    folder: Path, seed: int, on_progress: Show, count: int = _VIDEOS
) -> list[Path]:
    """Make the cameras' videos."""
    from services.demo.camera_videos import render_rooms, write_moving_videos

    if has_laboratory():
        return render_rooms(folder, count, _VIDEO_S, seed, on_progress)
    typer.echo(
        "wardwatch: the simulator is not installed: cameras show moving blocks",
        err=True,
    )
    return write_moving_videos(folder, count, _VIDEO_S, seed)


def _parse_numbers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or numbers[0] < 1 or numbers != sorted(set(numbers)):
        msg = f"expected numbers in rising order, such as 4,8,16, got {text!r}"
        raise typer.BadParameter(msg, param_hint="--subjects")
    return numbers
