"""Write the drift report into a folder: JSON, tables and plots."""

import json
from collections.abc import Sequence
from pathlib import Path

from pipelines.folders import make_folder
from pipelines.lab.studies.drift.plot import plot_drift
from pipelines.lab.studies.drift.report import (
    DriftReport,
    accuracy_rows,
    false_alert_rows,
    found_rows,
    report_json,
)


def write_report(report: DriftReport, folder: Path) -> list[Path]:
    """Write JSON, tables and plots into ``folder``; return the files.

    Raises:
        FolderError: If the folder cannot be created or written to.
    """
    make_folder(folder)
    paths = [folder / name for name in ("drift.json", "drift.md", "drift.png")]
    paths[0].write_text(json.dumps(report_json(report), indent=1) + "\n")
    paths[1].write_text(_markdown(report))
    plot_drift(report, paths[2])
    return paths


def _markdown(report: DriftReport) -> str:
    parts = [
        _table(
            ("stable stream", "false alerts a subject-month", "95 %", "counts"),
            false_alert_rows(report),
        )
    ]
    header = ("found in 15 min", "95 %", "median delay", "cause right", "causes named")
    for footage, found in report.found.items():
        parts.append(_table((f"injection, {footage}", *header), found_rows(found)))
    parts.append(_table(("accuracy", "implied", "95 %", "true"), accuracy_rows(report)))
    return "\n".join(parts)


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
