"""The figures of the cases, and the wrong ones with their reasons."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

from pipelines.lab.simulation.pair import KINDS
from pipelines.lab.studies.figures import Figure, figures_json, proportion, quantile
from pipelines.lab.studies.pairs.results import CaseResult


@final
@dataclass(frozen=True, slots=True, eq=False)
class PairReport:
    """The report on all cases.

    Attributes:
        figures: By kind of case. ``fall`` has ``recall``, ``delay_p50_s`` and
            ``delay_p95_s``; both kinds have ``raised``, cases with a false fall.
        by_way: Falls found by the way to fall, and by who came first.
        reasons: Missed falls by reason, the most frequent first.
        wrong: Cases with a missed or a false fall.
    """

    figures: Mapping[str, Mapping[str, Figure]]
    by_way: Mapping[str, Figure]
    reasons: Mapping[str, int]
    wrong: tuple[CaseResult, ...]


def report_pairs(cases: Sequence[CaseResult], seed: int) -> PairReport:
    """Sum up the cases; ``seed`` is that of the resampled intervals."""
    figures: dict[str, dict[str, Figure]] = {}
    for kind in KINDS:
        own = [case for case in cases if case.kind == kind]
        if own:
            of_falls = _fall_figures(own, seed) if kind == "fall" else {}
            figures[kind] = {**of_falls, "raised": _raised(own)}
    falls = [case for case in cases if case.fall is not None]
    order = {False: "the faller came first", True: "the faller came second"}
    groups = [*((case.way, case) for case in falls)]
    groups += [(order[case.came_second], case) for case in falls]
    names = dict.fromkeys(name for name, _ in groups)
    missed = [case.fall for case in falls if case.fall and case.is_missed]
    return PairReport(
        figures,
        {
            name: _recall([case for group, case in groups if group == name])
            for name in names
        },
        dict(Counter(fall.reason for fall in missed).most_common()),
        tuple(case for case in cases if not case.is_right),
    )


def _fall_figures(cases: Sequence[CaseResult], seed: int) -> dict[str, Figure]:
    delays_s = [
        case.fall.delay_s
        for case in cases
        if case.fall is not None and case.fall.delay_s is not None
    ]
    return {
        "recall": _recall(cases),
        "delay_p50_s": quantile("found", delays_s, 0.5, seed),
        "delay_p95_s": quantile("found", delays_s, 0.95, seed),
    }


def _recall(cases: Sequence[CaseResult]) -> Figure:
    found = sum(not case.is_missed for case in cases)
    return proportion(("found", found), ("falls", len(cases)))


def _raised(cases: Sequence[CaseResult]) -> Figure:
    raised = sum(bool(case.false) for case in cases)
    return proportion(("raised", raised), ("cases", len(cases)))


def report_json(report: PairReport) -> dict[str, object]:
    """Return the report in JSON types."""
    return {
        **{kind: figures_json(each) for kind, each in report.figures.items()},
        "recall_by_way": figures_json(report.by_way),
        "missed_by_reason": dict(report.reasons),
        "wrong": [
            {**asdict(case), "what": wrong}
            for case in report.wrong
            for wrong in ["; ".join(what_went_wrong(case))]
        ],
    }


def what_went_wrong(case: CaseResult) -> list[str]:
    """Describe the missed and the false falls of a case."""
    lines = []
    if case.fall is not None and case.is_missed:
        lines.append(
            f"missed at {case.fall.onset_s:.1f} s: {case.fall.reason}"
            f" (score {case.fall.peak_score:.2f}, seen as {case.fall.seen})"
        )
    lines += [
        f"false at {false.start_s:.1f} s, decided at {false.decided_s:.1f} s:"
        f" {false.watched} and {false.companion}"
        for false in case.false
    ]
    return lines


FIGURE_HEADER = ("figure", "value", "95 % interval", "counts")
WRONG_HEADER = ("case", "how", "what")

_NAMES = {
    ("fall", "recall"): "falls found beside another person",
    ("fall", "delay_p50_s"): "delay from onset to decision, p50 (s)",
    ("fall", "delay_p95_s"): "delay from onset to decision, p95 (s)",
    ("fall", "raised"): "cases of falls with a false one as well",
    ("carer", "raised"): "cases of carers with a false fall",
}


def figure_rows(report: PairReport) -> list[tuple[str, ...]]:
    """Return the rows of the table of figures; see ``FIGURE_HEADER``."""
    rows = [
        _row(_NAMES[kind, name], figure)
        for kind, figures in report.figures.items()
        for name, figure in figures.items()
    ]
    rows += [_row(f"found: {way}", figure) for way, figure in report.by_way.items()]
    return rows


def wrong_rows(report: PairReport) -> list[tuple[str, str, str]]:
    """Return a row for each wrong case; see ``WRONG_HEADER``."""
    return [
        (case.name, case.way, "; ".join(what_went_wrong(case))) for case in report.wrong
    ]


def write_report(report: PairReport, folder: Path) -> list[Path]:
    """Write JSON and tables into an existing folder; return the files."""
    paths = folder / "pairs.json", folder / "pairs.md"
    paths[0].write_text(json.dumps(report_json(report), indent=1) + "\n")
    tables = (
        _markdown(FIGURE_HEADER, figure_rows(report)),
        _markdown(WRONG_HEADER, wrong_rows(report)),
    )
    paths[1].write_text("\n".join(tables))
    return list(paths)


def _row(name: str, figure: Figure) -> tuple[str, ...]:
    value = "-" if figure.value is None else f"{figure.value:.2f}"
    low_high = figure.interval
    interval = "-" if low_high is None else f"{low_high[0]:.2f} to {low_high[1]:.2f}"
    counts = ", ".join(f"{name} {count}" for name, count in figure.counts.items())
    return name, value, interval, counts


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
