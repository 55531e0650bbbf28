"""The command ``wardwatch simulate``: labelled footage of a simulated ward."""

from pathlib import Path
from typing import Annotated

import typer

from services.progress import progress_bar


def simulate(
    *,
    out: Annotated[
        Path, typer.Option(help="Folder to write into; created if necessary.")
    ],
    hours: Annotated[
        float, typer.Option(min=0.001, max=1000, help="Hours of footage.")
    ] = 0.1,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            help="Equal seeds give equal footage; none gives the training's footage.",
        ),
    ] = 1,
    validation: Annotated[
        bool,
        typer.Option(
            "--validation",
            help="Render separate footage for choosing settings, such as thresholds and"
            " calibration. Never measure on it.",
        ),
    ] = False,
) -> None:
    """Render a simulated ward: 320x240 videos, wearables and labels.csv.

    Every minute has its own person, room and camera. People walk, sit, lie, bend and
    fall far more often than in life. A fall is a limp body that follows physics. An
    hour of footage takes about 5 minutes on two cores.
    """
    from pipelines.lab.simulation.render_probe import require_rendering

    require_rendering()  # before an import that fails with a traceback
    from pipelines.lab.simulation.footage import Stream, plan_footage
    from pipelines.lab.simulation.footage import simulate as render

    stream = Stream.VALIDATION if validation else Stream.FOOTAGE
    plans = plan_footage(hours, seed, stream)
    with progress_bar("rendering", len(plans)) as advance:
        rows = render(out, plans, on_done=lambda plan: advance(plan.name))
    falls = sum(row.label == "falling" for row in rows)
    hard = len({(row.file, row.notes, row.start_s) for row in rows if row.notes})
    typer.echo(
        f"{out}: {len(plans)} recordings, {hours:g} h, {falls} falls, "
        f"{hard} spans of hard negatives"
    )
