"""The command ``wardwatch study worn``: wearables that are not worn."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from services.commands.printing import print_table
from services.options import JsonOption
from services.progress import staged_bars


def worn(
    *,
    cases: Annotated[
        int, typer.Option(min=1, help="Devices that are put down, of each kind.")
    ] = 100,
    nights: Annotated[
        int, typer.Option(min=0, help="Nights of sleepers who wear theirs, of each.")
    ] = 100,
    hours: Annotated[float, typer.Option(min=0.1, help="Length of a night.")] = 8.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the cases.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Measure how a wearable on a table is distinguished from one on a sleeper.

    Devices at five places of the body are simulated: good ones, with the noise of
    today's sensors, and any ones, with up to ten times as much. 100 nights of each kind
    take about 15 minutes on one core.
    """
    from pipelines.lab.studies.wearables.worn import study_worn

    with staged_bars() as show:
        reports = study_worn(cases, nights, hours * 3600, seed, show)
    if as_json:
        typer.echo(json.dumps({kind: asdict(each) for kind, each in reports.items()}))
        return
    print_table(
        ("devices", "found within 5 minutes", "nights said to be not worn"),
        [
            (
                kind,
                f"{each.found} of {each.cases}",
                f"{each.false_nights} of {each.nights}",
            )
            for kind, each in reports.items()
        ],
    )
