"""The command ``wardwatch evaluate wearables``: falls by the wearable alone."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services import signals
from services.commands.printing import print_table
from services.options import (
    AdaptationOption,
    CalibrationOption,
    JsonOption,
    ModelOption,
    PromptsOption,
)
from services.progress import progress_bar

if TYPE_CHECKING:
    from pipelines.lab.studies.wearables.report import WearableReport

Place = Literal["waist", "wrist", "chest", "ankle", "pocket"]


def wearables(
    folder: Annotated[Path, typer.Argument(help="Folder of a public set.")],
    *,
    form: Annotated[
        Literal["umafall"], typer.Option("--format", help="The published form.")
    ] = "umafall",
    place: Annotated[Place, typer.Option(help="Where the sensor was worn.")] = "waist",
    rotate: Annotated[
        int,
        typer.Option(
            min=0, max=23, help="Turn the axes to one of 24 right-angle mountings."
        ),
    ] = 0,
    model: ModelOption = None,
    prompts: PromptsOption = None,
    adaptation: AdaptationOption = None,
    calibration: CalibrationOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure falls by a worn sensor alone, on trials of real people.

    Each trial goes through the chain of `watch` with a wearable and no camera. A fall
    counts as found if any is reported in its trial, an activity as quiet if none is.
    The rule beside it is a plain one: an impact, then stillness in another posture.
    """
    from models.build import build_recognizer
    from pipelines.clock import SystemClock
    from pipelines.in_process import InProcessRecognizer
    from pipelines.lab.data.trials.umafall import read_umafall
    from pipelines.lab.studies.wearables.report import (
        report_groups,
        report_json,
        report_trials,
    )
    from pipelines.lab.studies.wearables.rule import rule_falls
    from pipelines.lab.studies.wearables.watching import mounting, watch_trials

    readers = {"umafall": read_umafall}
    trials = readers[form](folder, place)
    built = build_recognizer(
        model, prompts, adaptation=adaptation, calibration=calibration
    )
    if built.scorer.needs_frames:
        msg = f"{built.name} needs pictures; choose an IS-CLIP with --adaptation"
        raise typer.BadParameter(msg, param_hint="--adaptation")
    with (
        InProcessRecognizer(built) as recognizer,
        progress_bar("watching", len(trials)) as advance,
    ):
        turn = mounting(rotate)
        found = signals.run(
            watch_trials(trials, recognizer, SystemClock(), turn, advance)
        )
    by_rule = [rule_falls(trial) for trial in trials]
    reports = {
        "model": report_trials(trials, found),
        "rule": report_trials(trials, by_rule),
    }
    if as_json:
        groups = report_groups(trials, found)
        whole = {
            **report_json(reports["model"]),
            "place": place,
            "mounting": rotate,
            "rule": report_json(reports["rule"]),
            "by_group": {name: report_json(each) for name, each in groups.items()},
        }
        typer.echo(json.dumps(whole))
        return
    _print_report(reports)


def _print_report(reports: "Mapping[str, WearableReport]") -> None:
    rows = [
        (name.replace("_", " "), *(_cell(each, name) for each in reports.values()))
        for name in next(iter(reports.values())).figures
    ]
    print_table(("figure", *reports), rows)
    raised = [
        (activity, *(_share(each, activity) for each in reports.values()))
        for activity in sorted({a for each in reports.values() for a in each.raised})
    ]
    if raised:
        print_table(("activity that raised a fall", *reports), raised)


def _cell(report: "WearableReport", name: str) -> str:
    figure = report.figures[name]
    if figure.value is None or figure.interval is None:
        return "-"
    low, high = figure.interval
    return f"{figure.value:.2f} ({low:.2f} to {high:.2f})"


def _share(report: "WearableReport", activity: str) -> str:
    some, of = report.raised.get(activity, (0, 0))
    return f"{some} of {of}" if of else "none"
