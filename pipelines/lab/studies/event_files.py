"""Write the event report as JSON, as a table, and as files in a folder."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import NamedTuple, get_args

from models.window import Modality
from pipelines.folders import make_folder
from pipelines.lab.studies.event_report import EventReport, FalseFall, MissedFall
from pipelines.lab.studies.figures import Figure
from pipelines.lab.studies.plots import plot_confusion


class TableRow(NamedTuple):
    """A figure as text."""

    name: str
    value: str
    interval: str
    counts: str


def report_json(report: EventReport) -> dict[str, object]:
    """Return the report as one JSON object.

    Each figure is at the top level under its name, as a number or null; its 95 %
    interval and its counts are under the same name in ``intervals`` and ``counts``.
    """
    figures = report.figures
    return {
        "model": report.model,
        "prompt_set": report.prompt_set,
        "recordings": report.recordings,
        "falls": report.falls,
        "hours": report.hours,
        **{name: figure.value for name, figure in figures.items()},
        "intervals": {name: figure.interval for name, figure in figures.items()},
        "counts": {
            **{name: dict(figure.counts) for name, figure in figures.items()},
            **report.tallies,
        },
        "label_recall": {
            label: {
                "value": figure.value,
                "interval": figure.interval,
                **figure.counts,
            }
            for label, figure in report.label_recall.items()
        },
        "confusion": {
            "labels": report.confusion.labels,
            "windows": report.confusion.total.tolist(),
        },
        "false_falls": [asdict(false) for false in report.false_falls],
        "unknown_labels": report.unknown_labels,
        "missed_falls": [asdict(missed) for missed in report.missed_falls],
    }


def spoken_extent(report: EventReport) -> str:
    """Return a sentence on the amount of footage and the modality of the windows."""
    shares = [
        f"{count} {modality}"
        for modality in get_args(Modality)
        if (count := report.tallies[f"{modality}_windows"])
    ]
    return (
        f"{report.falls} falls in {report.hours:.2f} h, {report.recordings} recordings,"
        f" windows: {', '.join(shares) or 'none'}"
    )


def report_table(report: EventReport) -> list[TableRow]:
    """Return the report's figures for a table, with the labels' recall last."""
    rows = [_row(_spoken(name), figure) for name, figure in report.figures.items()]
    return rows + [
        _row(f"recall of {label}", figure)
        for label, figure in report.label_recall.items()
    ]


def write_report(report: EventReport, folder: Path) -> list[Path]:
    """Write the report into ``folder``, which is created if necessary.

    Returns:
        The files: the JSON object, the table in Markdown, false and missed falls, and
        the confusion of labels and of groups as plots.

    Raises:
        FolderError: If the folder cannot be created or written to.
    """
    make_folder(folder)
    paths = {
        name: folder / name
        for name in (
            "events.json",
            "events.md",
            "false_falls.csv",
            "missed_falls.csv",
            "confusion.png",
            "confusion_groups.png",
        )
    }
    text = json.dumps(report_json(report), indent=1, ensure_ascii=False)
    paths["events.json"].write_text(text + "\n", encoding="utf-8")
    paths["events.md"].write_text(_markdown(report), encoding="utf-8")
    _write_csv(paths["false_falls.csv"], FalseFall, report.false_falls)
    _write_csv(paths["missed_falls.csv"], MissedFall, report.missed_falls)
    title = f"{report.model}, {report.recordings} recordings"
    plot_confusion(report.confusion, title, paths["confusion.png"])
    plot_confusion(report.group_confusion, title, paths["confusion_groups.png"])
    return list(paths.values())


def _row(name: str, figure: Figure) -> TableRow:
    value = "-" if figure.value is None else f"{figure.value:.3f}"
    bounds = figure.interval
    interval = "-" if bounds is None else f"{bounds[0]:.3f} to {bounds[1]:.3f}"
    counts = ", ".join(f"{_spoken(k)} {v:.6g}" for k, v in figure.counts.items())
    return TableRow(name, value, interval, counts)


def _spoken(name: str) -> str:
    if name.endswith("_s"):
        return f"{name[:-2].replace('_', ' ')} (s)"
    return name.replace("_", " ")


def _markdown(report: EventReport) -> str:
    lines = [
        f"Model {report.model}, prompts {report.prompt_set}: {spoken_extent(report)}.",
        "",
        "| figure | value | 95 % interval | counts |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in report_table(report)),
    ]
    return "\n".join(lines) + "\n"


def _write_csv(
    path: Path,
    kind: type[FalseFall] | type[MissedFall],
    rows: Sequence[FalseFall] | Sequence[MissedFall],
) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(kind)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
