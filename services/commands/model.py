"""The commands ``wardwatch model …``: show, calibrate and quantize checkpoints."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape

from services.commands.printing import print_table, print_written
from services.options import (
    AdaptationOption,
    BackendOption,
    CalibrationOption,
    JsonOption,
    ModelOption,
    OutOption,
    PromptsOption,
    SeedOption,
    ViewOption,
    WearableOnlyOption,
    WearableOption,
    made_folder,
    require_wearable_alone,
)
from services.progress import staged_bars

if TYPE_CHECKING:
    from models.clip.int8_files import Int8Facts
    from models.recognizer import ClipRecognizer
    from pipelines.lab.studies.calibration import CalibrationReport, Change

app = typer.Typer(
    no_args_is_help=True, help="Show, calibrate and quantize checkpoints."
)


@app.command()
def show(
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            help="A folder or a hub name.", show_default="the shipped checkpoint"
        ),
    ] = None,
    *,
    prompts: PromptsOption = None,
    backend: BackendOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Show a checkpoint: its size, its card, and how well it separates the labels.

    The table has each label's event and priority, and the label with the most similar
    texts. Labels with a cosine near 1 cannot be distinguished.
    """
    from models.build import build_recognizer
    from models.bundled import CHECKPOINT_FOLDER
    from models.clip.text_bank import describe_labels

    recognizer = build_recognizer(checkpoint, prompts, backend=backend)
    clip = recognizer.clip
    rows = describe_labels(recognizer.prompt_set, recognizer.text_bank)
    facts = {
        "model": recognizer.name,
        "parameters_of_the_checkpoint": sum(p.numel() for p in clip.model.parameters()),
        "image_size_px": clip.image_size_px,
        "dim": clip.dim,
        "backend": clip.tower.backend,
        "logit_scale": round(clip.logit_scale, 2),
        "prompt_set": recognizer.prompt_set.id,
        "calibration": _calibration_text(recognizer),
    }
    if as_json:
        typer.echo(json.dumps({**facts, "labels": rows}))
        return
    console = Console()
    for name, value in facts.items():
        line = f"[bold]{name}[/]  {escape(str(value))}"
        console.print(line, highlight=False, soft_wrap=True)
    header = ("label", "event", "priority", "nearest label", "cosine")
    print_table(header, ([str(value) for value in row.values()] for row in rows))
    card = Path(checkpoint or CHECKPOINT_FOLDER) / "README.md"
    if card.is_file():
        text = card.read_text(encoding="utf-8", errors="replace")
        console.print(Markdown(_without_header(text)))


def _without_header(card: str) -> str:
    """Return a model card without its YAML header."""
    if not card.startswith("---\n"):
        return card
    _, end, rest = card[3:].partition("\n---\n")
    return rest if end else card


def _calibration_text(recognizer: "ClipRecognizer") -> str:
    if not recognizer.calibrations:
        return "none: confidence is the model's own (wardwatch model calibrate)"
    return "; ".join(
        f"{modality} temperature {fitted.temperature:.3f}, on {fitted.clips} clips"
        for modality, fitted in recognizer.calibrations.items()
    )


@app.command()
def calibrate(
    footage: Annotated[
        Path, typer.Argument(help="Folder of videos with their labels.csv.")
    ],
    *,
    test: Annotated[
        Path | None,
        typer.Option(
            help="Another such folder, to measure the gain on.",
            show_default="every other recording of FOOTAGE; the rest is fitted on",
        ),
    ] = None,
    model: ModelOption = None,
    view: ViewOption = None,
    backend: BackendOption = "auto",
    prompts: PromptsOption = None,
    adaptation: AdaptationOption = None,
    calibration: CalibrationOption = None,
    wearable: WearableOption = None,
    wearable_only: WearableOnlyOption = False,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Calibrate the confidence of a checkpoint and prompt set, and measure the gain.

    A temperature makes the confidence equal the share of right answers. The labels stay
    the same, but scores pass the thresholds of events at other times. The temperature
    is stored in calibration.json under the hashes of weights and prompt set, separately
    for the view person, and for recordings with a wearable, without (--wearable none)
    and with it alone (--wearable-only).
    """
    from models.build import build_recognizer, calibration_path
    from models.errors import CalibrationError
    from pipelines.lab.data.footage import read_footage, wearing
    from pipelines.lab.studies.calibration import (
        calibrate_recognizer,
        report_json,
        write_report,
    )

    path = calibration or calibration_path(model)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise CalibrationError(str(path), "cannot be written: choose --calibration")
    recognizer = build_recognizer(
        model,
        prompts,
        adaptation=adaptation,
        calibration=path,
        view=view,
        backend=backend,
    )
    if wearable_only:
        require_wearable_alone(recognizer)
    recordings = wearing(read_footage(footage), wearable, alone=wearable_only)
    if test is not None:
        others = wearing(read_footage(test), wearable, alone=wearable_only)
        fitting, held_out = recordings, others
    elif len(recordings) > 1:
        fitting, held_out = recordings[::2], recordings[1::2]
    else:
        msg = "one recording is too little to fit and to measure on; give --test"
        raise typer.BadParameter(msg, param_hint="FOOTAGE")
    with staged_bars() as show:
        report = calibrate_recognizer(recognizer, fitting, held_out, path, show)
    paths = [path, *(write_report(report, out) if out is not None else [])]
    if as_json:
        typer.echo(json.dumps(report_json(report)))
    else:
        _print_calibration(report)
        print_written(paths)


def _print_calibration(report: "CalibrationReport") -> None:
    fitted = report.calibration
    Console().print(
        f"[bold]{escape(report.model)}[/], prompts {escape(report.prompt_set)}, "
        f"{report.modality}: "
        f"temperature {fitted.temperature:.3f}, nothing fits below a cosine of "
        f"{fitted.cosine_floor:.3f}; fitted on {fitted.clips} clips",
        highlight=False,
        soft_wrap=True,
    )
    header = ("prediction", "clips", "ECE", "after", "Brier", "after")
    changes: dict[str, Change] = {"all labels": report.overall, **report.groups}
    rows = []
    for name, change in changes.items():
        before, after = change.before, change.after
        figures = (before.ece, after.ece, before.brier, after.brier)
        rows.append((name, str(change.clips), *(f"{figure:.3f}" for figure in figures)))
    print_table(header, rows)


@app.command()
def quantize(
    checkpoint: Annotated[str, typer.Argument(help="A folder or a hub name.")],
    *,
    footage: Annotated[
        Path,
        typer.Option(help="Folder of videos of the site; they need no labels."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the files. They are used from the checkpoint's folder.",
            show_default="the checkpoint's folder",
            callback=made_folder,
        ),
    ] = None,
    pictures: Annotated[
        int,
        typer.Option(min=8, help="Most pictures to calibrate on, and to measure on."),
    ] = 300,
    view: ViewOption = None,
    prompts: PromptsOption = None,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Make a checkpoint's picture tower in eight bits, and measure what that costs.

    The tower is fitted on pictures of some videos, and measured on pictures of others:
    how often the best label is the same, and the cosine of the features with those in
    float32. It is then used by the backends auto and openvino-int8, for the same
    weights and view. Scores change a little, so calibrate again, and expect drift
    detection to learn again. Needs the extra quantize.
    """
    from models.build import build_recognizer
    from models.bundled import NO_ADAPTATION
    from models.clip.checkpoint import find_checkpoint
    from pipelines.folders import make_folder
    from pipelines.lab.quantization import (
        find_videos,
        gather_pictures,
        quantize_tower,
        require_nncf,
    )

    require_nncf()
    recordings = find_videos(footage)
    recognizer = build_recognizer(
        checkpoint, prompts, adaptation=NO_ADAPTATION, view=view
    )
    folder = out or make_folder(find_checkpoint(checkpoint))
    with staged_bars() as show:
        chosen = gather_pictures(recognizer, recordings, pictures, seed, show)
    facts, graph = quantize_tower(recognizer, *chosen, folder)
    if as_json:
        typer.echo(json.dumps({**asdict(facts), "file": str(graph)}))
        return
    print_table(("in eight bits", ""), _costs(facts))
    if facts.speedup <= 1:
        typer.echo("It is not faster here: the backend auto will not take it.")
    print_written(graph.with_suffix(suffix) for suffix in (".xml", ".bin", ".json"))


def _costs(facts: "Int8Facts") -> list[tuple[str, str]]:
    return [
        ("pictures calibrated on", f"{facts.calibrated_on}"),
        ("other pictures, measured on", f"{facts.measured_on}"),
        ("same best label as in float32", f"{facts.agreement:.4f}"),
        ("cosine with float32, mean", f"{facts.mean_cosine:.5f}"),
        ("cosine with float32, least", f"{facts.least_cosine:.5f}"),
        ("pictures per second, relative to torch", f"{facts.speedup:.1f}"),
    ]
