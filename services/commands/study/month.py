"""The command ``wardwatch study month``: false falls in a simulated month."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.printing import print_table
from services.options import (
    AdaptationOption,
    CalibrationOption,
    JsonOption,
    ModelOption,
    OutOption,
    PromptsOption,
    YardstickOption,
)
from services.progress import staged_bars

if TYPE_CHECKING:
    from pipelines.lab.studies.month.report import MethodReport, MonthReport

_MOST_CAUSES = 8


def month(
    *,
    model: ModelOption = None,
    prompts: PromptsOption = None,
    adaptation: AdaptationOption = None,
    calibration: CalibrationOption = None,
    yardstick: YardstickOption = None,
    hours: Annotated[
        int, typer.Option(min=1, help="Simulated hours, the first after midnight.")
    ] = 1000,
    minutes: Annotated[
        float, typer.Option(min=1, max=60, help="Minutes of each hour that are lived.")
    ] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the hours.")] = 1,
    film: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Film the hours, look for people in the pictures, and keep in this "
            "folder what was seen, for other checkpoints.",
        ),
    ] = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count false falls in ordinary days, of people seen as a camera's poses.

    Each hour has a person, a room and a camera of its own; one in 50 has a fall. With
    --out an interrupted run goes on where it was, and more --hours add to the same
    month. 1000 hours take hours.

    With --film nothing is drawn of the person finder's errors: each hour is rendered
    and filmed, and the finder looks at the pictures. That takes 18 minutes for an hour
    and core; try --film films --minutes 15 --hours 12.
    """
    from pipelines.folders import make_folder
    from pipelines.lab.studies.month.hours import MonthPlan
    from pipelines.lab.studies.month.study import Methods, study_month
    from pipelines.lab.studies.studied_clips import kept_or_temporary

    methods = Methods(model, prompts, adaptation, calibration, yardstick)
    with kept_or_temporary(out) as folder, staged_bars() as show:
        if film is not None:
            make_folder(film)
        plan = MonthPlan(seed, hour_s=60 * minutes)
        report = study_month(plan, hours, methods, folder, show, films=film)
    answer = _json(report)
    if out is not None:
        (out / "month.json").write_text(json.dumps(answer, indent=1) + "\n")
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        _print(report)


def _json(report: "MonthReport") -> dict[str, object]:
    from pipelines.lab.studies.figures import figures_json

    return {
        "hours": report.hours,
        "falls": report.falls,
        "spent": dict(report.spent),
        "methods": {
            name: {
                **figures_json(method.figures),
                "false_falls_per_camera_day_by_hours": method.by_hours,
                "false_falls_by_activity": dict(method.causes),
                "false_falls_by_label": dict(method.labels),
                "hours_with_false_falls": method.hours_with_false,
                "repeated_events": method.repeated,
            }
            for name, method in report.methods.items()
        },
    }


def _print(report: "MonthReport") -> None:
    typer.echo(f"{report.hours:.1f} hours, {report.falls} falls")
    methods = report.methods.values()
    rows = [
        [name.replace("_", " "), *(_cell(method, name) for method in methods)]
        for name in next(iter(methods)).figures
    ]
    rows.append(["false falls by activity", *map(_causes, methods)])
    print_table(["", *report.methods], rows)


def _causes(method: "MethodReport") -> str:
    most = list(method.causes.items())[:_MOST_CAUSES]
    return "\n".join(f"{count} {activity}" for activity, count in most)


def _cell(method: "MethodReport", name: str) -> str:
    figure = method.figures[name]
    if figure.value is None:
        return "-"
    low, high = figure.interval or (float("nan"), float("nan"))
    return f"{figure.value:.2f} ({low:.2f} to {high:.2f})"
