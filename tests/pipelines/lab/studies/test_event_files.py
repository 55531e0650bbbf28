import csv
import json
from pathlib import Path

import pytest

from pipelines.clock import seconds_to_ns
from pipelines.lab.data.footage import LabelledSpan
from pipelines.lab.data.truth import read_truth
from pipelines.lab.studies.event_files import report_json, report_table, write_report
from pipelines.lab.studies.event_report import (
    EventReport,
    RecordingResult,
    score_events,
)
from pipelines.lab.studies.matching import Episode
from pipelines.recognition import RecognizerInfo

EVENTS = {"walking": "walking", "falling": "fall", "fallen": "fall"}
PLAIN_KEYS = (
    "recall",
    "precision",
    "false_falls_per_hour",
    "delay_p50_s",
    "delay_p95_s",
    "falls",
    "hours",
    "top1",
)


@pytest.fixture(scope="module")
def report() -> EventReport:
    """One fall found after 1.5 s, one missed, one false fall, in half an hour."""
    rows = [
        LabelledSpan("a.mp4", "falling", "drawn", 10.0, 11.0),
        LabelledSpan("a.mp4", "fallen", "drawn", 11.0, 20.0),
        LabelledSpan("a.mp4", "falling", "drawn", 100.0, 101.0, "off the bed"),
    ]
    moments_s = [(10.0, 11.5, 21.0), (60.0, 61.0, 62.0)]
    episodes = [
        Episode(
            seconds_to_ns(start_s), seconds_to_ns(decided_s), seconds_to_ns(end_s), 0.9
        )
        for start_s, decided_s, end_s in moments_s
    ]
    result = RecordingResult(
        file="a.mp4",
        truth=read_truth(rows, lambda _label: None),
        duration_ns=seconds_to_ns(1800.0),
        predictions=(),
        episodes=tuple(episodes),
    )
    info = RecognizerInfo("tiny", "ward@0", tuple(EVENTS), EVENTS, 32)
    return score_events([result], info, seed=1)


def test_figures_stand_at_the_top_as_plain_numbers(report: EventReport) -> None:
    facts = report_json(report)

    assert [facts[key] for key in PLAIN_KEYS] == [
        0.5,
        0.5,
        2.0,
        1.5,
        1.5,
        2,
        0.5,
        None,  # no window had a label
    ]


def test_each_figure_has_its_interval_and_counts(report: EventReport) -> None:
    facts = json.loads(json.dumps(report_json(report), allow_nan=False))

    assert facts["intervals"]["recall"] == pytest.approx([0.0945, 0.9055], abs=1e-4)
    assert facts["counts"]["recall"] == {"found": 1, "falls": 2}
    assert facts["counts"]["false_falls_per_hour"] == {"false": 1, "hours": 0.5}
    for key in set(PLAIN_KEYS) - {"falls", "hours"}:
        assert key in facts["intervals"]
        assert key in facts["counts"]


def test_windows_and_labels_are_counted(report: EventReport) -> None:
    facts = json.loads(json.dumps(report_json(report)))

    assert facts["counts"]["windows"] == 0
    assert facts["label_recall"]["fallen"] == {
        "value": None,
        "interval": None,
        "right": 0,
        "windows": 0,
    }


def test_the_table_has_a_row_for_each_figure_and_label(report: EventReport) -> None:
    rows = {row.name: row for row in report_table(report)}

    assert len(rows) == len(report.figures) + len(EVENTS)
    assert rows["recall"][1:] == ("0.500", "0.095 to 0.905", "found 1, falls 2")
    assert rows["delay p50 (s)"].value == "1.500"
    assert rows["recall of walking"][1:] == ("-", "-", "right 0, windows 0")


def test_the_files_say_what_was_false_and_what_was_missed(
    report: EventReport, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "folder"

    paths = write_report(report, out)

    assert sorted(path.name for path in paths) == sorted(p.name for p in out.iterdir())
    with (out / "false_falls.csv").open(newline="") as file:
        (false,) = csv.DictReader(file)
    assert (false["file"], false["decided_s"], false["truth"]) == (
        "a.mp4",
        "61.0",
        "unlabelled",
    )
    with (out / "missed_falls.csv").open(newline="") as file:
        (missed,) = csv.DictReader(file)
    assert (missed["onset_s"], missed["notes"]) == ("100.0", "off the bed")


def test_the_written_json_and_markdown_hold_the_same_figures(
    report: EventReport, tmp_path: Path
) -> None:
    write_report(report, tmp_path)

    facts = json.loads((tmp_path / "events.json").read_text())
    assert facts["recall"] == 0.5
    text = (tmp_path / "events.md").read_text()
    assert "| recall | 0.500 | 0.095 to 0.905 | found 1, falls 2 |\n" in text
