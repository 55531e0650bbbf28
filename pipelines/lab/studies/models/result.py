"""The result of a study of models: a JSON file, Markdown tables, and plots."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a report; numbers have three decimals, and None is a dash."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [self.header, ("---",) * len(self.header), *self.rows]
        body = "\n".join("| " + " | ".join(map(shown, line)) + " |" for line in lines)
        return f"### {self.title}\n\n{body}\n"


@dataclass(frozen=True, slots=True)
class StudyResult:
    """A finished study.

    Attributes:
        name: Name of the study's command.
        basis: The first sentence of the report, on clips and checkpoint.
        figures: Values of the JSON file.
        tables: Tables with measured and published figures.
        findings: What the numbers show, a sentence each, including negative results.
        plots: Functions that draw the plots, by file name.
    """

    name: str
    basis: str
    figures: Mapping[str, Any]
    tables: tuple[Table, ...]
    findings: tuple[str, ...] = ()
    plots: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)


def write_result(folder: Path, result: StudyResult) -> None:
    """Write ``NAME.json``, ``NAME.md`` and the plots into an existing folder."""
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
    """Format a cell."""
    if cell is None:
        return "–"  # noqa: RUF001 a dash
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def mean(values: Sequence[float]) -> float:
    """Return the mean over seeds."""
    return sum(values) / len(values)


def harmonic_mean(one: float, other: float) -> float:
    """Return 2ab / (a + b), or 0 if both are 0."""
    return 2 * one * other / (one + other) if one + other else 0.0


def compare(one: float, other: float) -> str:
    """Return the verb that compares two scores in a sentence."""
    if one == other:
        return "equals"
    return "beats" if one > other else "does not beat"
