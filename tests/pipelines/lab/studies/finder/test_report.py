"""The rows, the JSON and the plot of a comparison."""

import json
from pathlib import Path

from PIL import Image

from pipelines.lab.studies.figures import Figure
from pipelines.lab.studies.finder.comparison import ALL, TITLES, WORST_VIEWS, Compared
from pipelines.lab.studies.finder.report import FinderReport, rows, write_report

LOST = Compared(
    Figure(0.05, (0.02, 0.081), {"lives": 4, "there": 400}),
    Figure(0.25, (0.1, 0.4), {"lives": 4, "there": 3200}),
    Figure(0.2, None, {"lives": 4}),
)
NONE = Compared(*(Figure(None, None, {"lives": 0}),) * 3)
REPORT = FinderReport(
    4, 240.0, 8, {ALL: {"lost": LOST, WORST_VIEWS: LOST}, "lying": {"lost": NONE}}
)


def test_each_statistic_has_a_row_for_each_group_that_has_it() -> None:
    assert list(rows(REPORT)) == [
        (
            "nobody found",
            "all",
            "0.050 (0.020 to 0.081)",
            "0.250 (0.100 to 0.400)",
            "0.200",
        ),
        ("", "lying", "-", "-", "-"),
        (
            TITLES[WORST_VIEWS],
            "all",
            "0.050 (0.020 to 0.081)",
            "0.250 (0.100 to 0.400)",
            "0.200",
        ),
    ]


def test_json_and_a_plot_are_written(tmp_path: Path) -> None:
    paths = write_report(REPORT, tmp_path)
    assert [path.name for path in paths] == ["finder.json", "finder.png"]
    facts = json.loads(paths[0].read_text())
    assert (facts["lives"], facts["seconds"], facts["draws"]) == (4, 240.0, 8)
    assert facts["groups"]["all"]["lost"]["pictures"] == {
        "value": 0.05,
        "interval": [0.02, 0.081],
        "counts": {"lives": 4, "there": 400},
    }
    assert facts["groups"]["lying"]["lost"]["difference"]["value"] is None
    with Image.open(paths[1]) as picture:
        assert picture.format == "PNG"
