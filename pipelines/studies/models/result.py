"""What a study of models leaves behind: one JSON result, Markdown tables, and plots."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a report; a number is shown with three decimals, None as a dash."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def to_markdown(self) -> str:
        """Write it as Markdown."""
        lines = [self.header, ("---",) * len(self.header), *self.rows]
        body = "\n".join("| " + " | ".join(map(shown, line)) + " |" for line in lines)
        return f"### {self.title}\n\n{body}\n"


@dataclass(frozen=True, slots=True)
class StudyResult:
    """A finished study.

    Attributes:
        name: Of the study, as its command calls it.
        basis: What it was measured on, in a sentence; the first line of the report.
        figures: The JSON result.
        tables: With what was published beside what was measured.
        findings: What the numbers say, a sentence each, the unwelcome ones too.
        plots: File name of each plot, and what draws it.
    """

    name: str
    basis: str
    figures: Mapping[str, Any]
    tables: tuple[Table, ...]
    findings: tuple[str, ...] = ()
    plots: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)


def write_result(folder: Path, result: StudyResult) -> None:
    """Write ``NAME.json``, ``NAME.md`` and the plots into a folder that is there."""
    stem = folder / result.name
    facts = {"study": result.name, "basis": result.basis, **result.figures}
    stem.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
    for file, draw in result.plots.items():
        draw(folder / file)
    parts = [f"{result.basis}\n", *(table.to_markdown() for table in result.tables)]
    if result.findings:
        parts.append("\n".join(f"- {finding}" for finding in result.findings) + "\n")
    parts += [f"![{file}]({file})\n" for file in result.plots]
    stem.with_suffix(".md").write_text("\n".join(parts))


def shown(cell: Cell) -> str:
    """Write a cell."""
    if cell is None:
        return "–"  # noqa: RUF001 a dash is meant
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def mean(values: Sequence[float]) -> float:
    """Average over seeds."""
    return sum(values) / len(values)


def harmonic_mean(one: float, other: float) -> float:
    """Return 2ab / (a + b); 0 if both are."""
    return 2 * one * other / (one + other) if one + other else 0.0
