"""The command ``wardwatch study real``: falls of real people."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services import signals
from services.options import (
    AdaptationOption,
    CalibrationOption,
    CropOption,
    JsonOption,
    ModelOption,
    OutOption,
    PromptsOption,
    ViewOption,
    YardstickOption,
)
from services.progress import progress_bar

if TYPE_CHECKING:
    from pipelines.lab.studies.figures import Figure
    from pipelines.lab.studies.real import RealStudy


def real(
    footage: Annotated[
        Path, typer.Argument(help="Folder of videos with their labels.csv.")
    ],
    *,
    model: ModelOption = None,
    view: ViewOption = None,
    prompts: PromptsOption = None,
    adaptation: AdaptationOption = None,
    calibration: CalibrationOption = None,
    yardstick: YardstickOption = None,
    crop: CropOption = None,
    out: OutOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the intervals.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Measure falls of real people, beside a plain rule, by source of the footage.

    The rule sees the same poses: a drop of head and hips, and a flat body. Use footage
    that nothing was trained on. --out also writes what `evaluate events` writes, and
    the worst mistakes as poses (mistakes.png).
    """
    from models.build import build_recognizer
    from pipelines.clock import SystemClock
    from pipelines.folders import make_folder
    from pipelines.in_process import InProcessRecognizer
    from pipelines.lab.data.footage import read_footage
    from pipelines.lab.studies.event_files import report_json, write_report
    from pipelines.lab.studies.figures import figures_json
    from pipelines.lab.studies.mistakes import draw_mistakes, worst_mistakes
    from pipelines.lab.studies.real import study_real
    from pipelines.lab.training.vector_net import load_net
    from pipelines.sources.camera.framing import PAD

    recordings = read_footage(footage).recordings
    net = None if yardstick is None else load_net(yardstick)
    if out is not None:
        make_folder(out)  # before minutes of work
    clip = build_recognizer(
        model,
        prompts,
        adaptation=adaptation,
        calibration=calibration,
        view=view,
    )
    with (
        InProcessRecognizer(clip) as recognizer,
        progress_bar("watching", 2 * len(recordings)) as advance,
    ):
        study = signals.run(
            study_real(
                recordings,
                recognizer,
                clip.prompt_set.resolve,
                SystemClock(),
                framing=crop or PAD,
                seed=seed,
                net=net,
                on_done=advance,
            )
        )
    answer = {
        **report_json(study.report),
        "false_falls_per_camera_day": study.model["all"][
            "false_falls_per_camera_day"
        ].value,
        "sources": {name: figures_json(each) for name, each in study.model.items()},
        "rule": {name: figures_json(each) for name, each in study.rule.items()},
    }
    if study.net is not None:
        answer["net"] = {name: figures_json(each) for name, each in study.net.items()}
    if out is not None:
        write_report(study.report, out)
        mistakes = worst_mistakes(study.report)
        draw_mistakes(mistakes, study.tracks, study.results, out / "mistakes.png")
        (out / "real.json").write_text(json.dumps(answer, indent=1) + "\n")
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        _print(study)


def _print(study: "RealStudy") -> None:
    console = Console()
    methods = {"Model": study.model, "Rule": study.rule}
    if study.net is not None:
        methods["Vector net"] = study.net
    for source in study.model:
        heads = (head for name in methods for head in (name, "95 %"))
        table = Table(source, *heads, box=None)
        for key in study.model[source]:
            figures = (method[source][key] for method in methods.values())
            cells = (cell for figure in figures for cell in _cells(figure))
            table.add_row(*map(escape, (key.replace("_", " "), *cells)))
        console.print(table)


def _cells(figure: "Figure") -> tuple[str, str]:
    if figure.value is None:
        return "-", "-"
    low, high = figure.interval or (float("nan"), float("nan"))
    return f"{figure.value:.2f}", f"{low:.2f} to {high:.2f}"
