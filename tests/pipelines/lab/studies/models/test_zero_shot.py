"""The zero-shot study counts what is right, and writes what it counted."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.window import Window
from pipelines.lab.studies.models.laboratory import Laboratory
from pipelines.lab.studies.models.result import (
    StudyResult,
    Table,
    harmonic_mean,
    write_result,
)
from pipelines.lab.studies.models.zero_shot import study_zero_shot


def test_what_is_counted_is_what_the_recognizer_says(
    laboratory: Callable[[int], Laboratory],
) -> None:
    lab = laboratory(22)
    result = study_zero_shot(lab)
    scores = [
        lab.recognizer.classify([Window(clip, range(8))])[0].argmax()
        for clip in lab.features
    ]
    single = [(clip[4] @ lab.text_bank.T).argmax() for clip in lab.features]
    assert result.figures["top1_clip"] == np.mean(scores == lab.clips.labels)
    assert result.figures["top1_single"] == np.mean(single == lab.clips.labels)


def test_precision_and_recall_of_labels(
    laboratory: Callable[[int], Laboratory], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = laboratory(4)
    vectors = lab.text_bank[[0, 0, 2, 5]]  # clips of the labels 0, 1, 2, 3
    monkeypatch.setattr(Laboratory, "vectors", vectors)
    figures = study_zero_shot(lab).figures
    assert figures["top1_clip"] == 0.5
    assert figures["f1"][lab.names[0]] == pytest.approx(2 / 3)
    assert figures["f1"][lab.names[1]] == 0
    assert figures["f1"][lab.names[2]] == 1
    assert figures["f1"][lab.names[8]] is None


def test_a_result_is_written_as_json_table_and_plots(
    laboratory: Callable[[int], Laboratory], out: Path
) -> None:
    result = study_zero_shot(laboratory(22))
    write_result(out, result)
    kept = json.loads((out / "zero-shot.json").read_text())
    assert kept["top1_clip"] == result.figures["top1_clip"]
    report = (out / "zero-shot.md").read_text()
    assert report.splitlines()[0] == "Measured on noise."
    assert "| 8 frames of a clip |" in report
    assert {path.name for path in out.glob("*.png")} == set(result.plots)


def test_an_unmeasured_cell_is_a_dash() -> None:
    table = Table("t", ("a", "b", "c"), (("x", None, 0.5),))
    assert table.to_markdown().splitlines()[-1] == "| x | – | 0.500 |"  # noqa: RUF001
    assert StudyResult("n", "b", {}, (table,)).plots == {}


@pytest.mark.parametrize(("one", "other", "both"), [(0.5, 1.0, 2 / 3), (0, 0, 0)])
def test_harmonic_mean(one: float, other: float, both: float) -> None:
    assert harmonic_mean(one, other) == pytest.approx(both)
