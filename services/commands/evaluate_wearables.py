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
    require_wearable_alone,
)
from services.progress import progress_bar

if TYPE_CHECKING:
    from pipelines.lab.studies.wearables.report import WearableReport

Place = Literal["waist", "wrist", "chest", "ankle", "pocket"]
Form = Literal["umafall", "sisfall", "weda"]


def wearables(
    folder: Annotated[Path, typer.Argument(help="Folder of a public set.")],
    *,
    form: Annotated[
        Form, typer.Option("--format", help="The set: UMAFall, SisFall or WEDA-FALL.")
    ] = "umafall",
    place: Annotated[
        Place | None,
        typer.Option(
            help="Where the sensor was worn.",
            show_default="waist, or the set's only place",
        ),
    ] = None,
    rotate: Annotated[
        int,
        typer.Option(
            min=0,
            max=43,
            help="Turn the axes: 0 to 23 are right-angle mountings, 24 to 43 random.",
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
    from pipelines.lab.data.trials import sisfall, umafall, weda
    from pipelines.lab.studies.wearables.report import (
        report_groups,
        report_json,
        report_trials,
    )
    from pipelines.lab.studies.wearables.rule import rule_falls
    from pipelines.lab.studies.wearables.watching import mounting, watch_trials

    readers = {
        "umafall": (umafall.read_umafall, umafall.PLACES),
        "sisfall": (sisfall.read_sisfall, sisfall.PLACES),
        "weda": (weda.read_weda, weda.PLACES),
    }
    read, places = readers[form]
    worn_at = place or places[0]
    trials = read(folder, worn_at)
    built = build_recognizer(
        model, prompts, adaptation=adaptation, calibration=calibration
    )
    require_wearable_alone(built)
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
            "place": worn_at,
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
