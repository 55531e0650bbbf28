"""The command ``wardwatch evaluate wearables``: falls by the wearable alone."""

import json
from collections.abc import Mapping
from dataclasses import asdict
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
from services.progress import progress_bar, staged_bars

if TYPE_CHECKING:
    from models.recognizer import ClipRecognizer
    from pipelines.lab.data.trials.trial import WearableTrial
    from pipelines.lab.studies.wearables.report import WearableReport

Place = Literal["waist", "wrist", "chest", "ankle", "pocket"]
Form = Literal["umafall", "sisfall", "weda", "simulated", "days"]

_BESIDE = 150  # simulated trials that a plot of impacts compares with


FolderArgument = Annotated[
    Path | None,
    typer.Argument(help="Folder of a public set; none for simulated trials."),
]
FormOption = Annotated[
    Form,
    typer.Option(
        "--format",
        help="The set: UMAFall, SisFall, WEDA-FALL, simulated trials, or"
        " simulated hours of ordinary days, without a fall.",
    ),
]
TrialsOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Number of simulated trials or hours.",
        show_default="400 trials, 24 hours",
    ),
]
SeedOption = Annotated[
    int, typer.Option(min=0, help="Seed of simulated trials; no training has them.")
]
PlaceOption = Annotated[
    Place | None,
    typer.Option(
        help="Where the sensor was worn.",
        show_default="waist, or the set's only place",
    ),
]
RotateOption = Annotated[
    int,
    typer.Option(
        min=0,
        max=43,
        help="Turn the axes: 0 to 23 are right-angle mountings, 24 to 43 random.",
    ),
]
RateOption = Annotated[
    float | None,
    typer.Option(min=10, help="Leave samples out, down to this rate."),
]
RangeOption = Annotated[
    float | None,
    typer.Option(min=1, help="Clip accelerations to this range."),
]
GyroOption = Annotated[
    bool, typer.Option(help="Use the turn rates, or only the accelerations.")
]
ImpactsOption = Annotated[
    Path | None,
    typer.Option(help="Draw impacts beside simulated ones, to this PNG file."),
]


def wearables(
    folder: FolderArgument = None,
    *,
    form: FormOption = "umafall",
    trials: TrialsOption = None,
    seed: SeedOption = 1,
    place: PlaceOption = None,
    rotate: RotateOption = 0,
    at_hz: RateOption = None,
    range_g: RangeOption = None,
    gyro: GyroOption = True,
    impacts: ImpactsOption = None,
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
    from pipelines.lab.data.trials.lesser_device import LesserDevice
    from pipelines.lab.studies.wearables.report import report_groups, report_trials
    from pipelines.lab.studies.wearables.rule import rule_falls

    worn_at, whole = _read(form, folder, place, trials, seed)
    if impacts is not None:
        _draw_impacts(whole, worn_at, impacts)
    device = LesserDevice(at_hz, range_g, gyro)
    measured = [device.measure(trial) for trial in whole]
    built = build_recognizer(
        model, prompts, adaptation=adaptation, calibration=calibration
    )
    require_wearable_alone(built)
    found = _watch(measured, built, rotate, is_quiet=form == "days")
    by_rule = [rule_falls(trial) for trial in measured]
    reports = {
        "model": report_trials(measured, found),
        "rule": report_trials(measured, by_rule),
    }
    if as_json:
        facts = {"place": worn_at, "mounting": rotate, "device": asdict(device)}
        _print_json(reports, facts, report_groups(measured, found))
        return
    _print_report(reports)


def _read(
    form: Form, folder: Path | None, place: Place | None, count: int | None, seed: int
) -> "tuple[str, list[WearableTrial]]":
    """Return where the sensor was worn, and the trials."""
    from pipelines.lab.data.trials import simulated, sisfall, umafall, weda

    if form in ("simulated", "days"):
        worn_at = place or simulated.PLACES[0]
        with staged_bars() as show:
            if form == "days":
                hours = simulated.simulate_hours(count or 24, seed, worn_at, show)
                return worn_at, hours
            return worn_at, simulated.simulate_trials(count or 400, seed, worn_at, show)
    if folder is None:
        msg = "name the folder of the set"
        raise typer.BadParameter(msg, param_hint="FOLDER")
    readers = {
        "umafall": (umafall.read_umafall, umafall.PLACES),
        "sisfall": (sisfall.read_sisfall, sisfall.PLACES),
        "weda": (weda.read_weda, weda.PLACES),
    }
    read, places = readers[form]
    worn_at = place or places[0]
    return worn_at, read(folder, worn_at)


def _watch(
    trials: "list[WearableTrial]",
    built: "ClipRecognizer",
    rotate: int,
    *,
    is_quiet: bool,
) -> list[list[float]]:
    """Return the times of the falls that the chain reports in each trial.

    With ``is_quiet`` the model is asked only about windows in which something hit.
    """
    from pipelines.clock import SystemClock
    from pipelines.in_process import InProcessRecognizer
    from pipelines.lab.studies.wearables.quiet import QuietRecognizer
    from pipelines.lab.studies.wearables.watching import mounting, watch_trials

    with (
        InProcessRecognizer(built) as recognizer,
        progress_bar("watching", len(trials)) as advance,
    ):
        asked = QuietRecognizer(recognizer) if is_quiet else recognizer
        return signals.run(
            watch_trials(trials, asked, SystemClock(), mounting(rotate), advance)
        )


def _draw_impacts(trials: "list[WearableTrial]", place: str, path: Path) -> None:
    from pipelines.lab.data.trials.simulated import simulate_trials
    from pipelines.lab.studies.wearables.impacts import plot_impacts

    with staged_bars() as show:
        beside = simulate_trials(_BESIDE, 0, place, show)
    plot_impacts(trials, beside, path)
    typer.echo(f"{path}: impacts at the {place}, real and simulated", err=True)


def _print_json(
    reports: "Mapping[str, WearableReport]",
    facts: "Mapping[str, object]",
    groups: "Mapping[str, WearableReport]",
) -> None:
    """Print what was found by the model, how, by the rule, and in each group."""
    from pipelines.lab.studies.wearables.report import report_json

    everything = {
        **report_json(reports["model"]),
        **facts,
        "rule": report_json(reports["rule"]),
        "by_group": {name: report_json(each) for name, each in groups.items()},
    }
    typer.echo(json.dumps(everything))


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
