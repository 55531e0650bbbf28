"""The base-to-novel study trains on base labels alone and measures what it says."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Float32
from torch import Tensor

from models.sc_clip.settings import ScSettings
from pipelines.lab.studies.clip_set import ClipSet
from pipelines.lab.studies.models.base_to_novel import (
    SHOTS,
    Outcome,
    Score,
    Trial,
    closed_and_general,
    sides_of,
    study_base_to_novel,
)
from pipelines.lab.studies.models.base_to_novel_ablations import (
    ablation_tables,
    ablations_of,
)
from pipelines.lab.studies.models.laboratory import QUICK, Laboratory, StudySize
from pipelines.lab.studies.models.result import StudyResult, harmonic_mean, write_result
from pipelines.lab.studies.models.sc_clip_heads import MODELS
from pipelines.lab.studies.models.sides import Sides
from pipelines.lab.training.sc_clip import ScTraining

SHORT = ScTraining(epochs=1)
SETTINGS = ScSettings(delta=0.85, scale=10.0)


@pytest.fixture
def result(laboratory: Callable[[int], Laboratory]) -> StudyResult:
    return study_base_to_novel(laboratory(44), QUICK)


def clips_of(labels: list[int]) -> ClipSet:
    count = len(labels)
    return ClipSet(
        np.zeros((count, 1, 2, 2, 3), np.uint8),
        np.array(labels, np.int64),
        np.zeros(count, np.int64),
    )


def logits_of(rows: list[list[float]]) -> Float32[Tensor, "clip label"]:
    return torch.tensor(rows, dtype=torch.float32)


def test_falls_are_novel_in_one_direction_and_base_in_the_other(
    laboratory: Callable[[int], Laboratory],
) -> None:
    names = laboratory(11).names
    first, second = sides_of(names)
    assert {"falling", "fallen"} <= {names[label] for label in first.novel}
    assert {"falling", "fallen"} <= {names[label] for label in second.base}
    assert sorted(first.base + first.novel) == list(range(11))
    assert (first.base, first.novel) == (second.novel, second.base)


def test_other_labels_are_split_into_every_other_one() -> None:
    first, _ = sides_of(["fall", "sit", "run", "jump"])
    assert (first.base, first.novel) == ((0, 2), (1, 3))


def test_candidates_are_one_side_s_labels_and_then_all() -> None:
    sides = Sides("any", (0, 2), (1, 3))
    said = logits_of(
        [
            [1, 9, 0, 0],  # a 0: right among 0 and 2, else taken for 1
            [0, 0, 5, 0],  # a 2: right in both
            [7, 6, 0, 2],  # a 1: right among 1 and 3, else taken for 0
            [0, 6, 0, 2],  # a 3: wrong in both
            [0, 6, 0, 9],  # a 3: right in both
        ]
    )
    closed, general = closed_and_general(said, clips_of([0, 2, 1, 3, 3]), sides)
    assert [closed.base, closed.novel] == pytest.approx([1, 2 / 3])
    assert [general.base, general.novel] == pytest.approx([1 / 2, 1 / 3])


def test_the_harmonic_mean_is_of_the_averages_over_seeds() -> None:
    average = Score.averaged([Score(0.2, 0.8), Score(0.6, 0.4)])
    assert average.base == pytest.approx(0.4)
    assert average.novel == pytest.approx(0.6)
    assert average.hm == pytest.approx(0.48)


def test_clip_as_it_is_means_the_logits_of_frames(
    laboratory: Callable[[int], Laboratory],
) -> None:
    lab = laboratory(33)
    trial = Trial(lab, 1, SHORT)
    for clip, row in zip(trial.test.frames, trial.frozen, strict=True):
        frames = lab.scale * lab.recognizer.encode(clip) @ lab.text_bank.T
        np.testing.assert_allclose(row, frames.mean(axis=0), rtol=1e-4, atol=1e-5)


def test_nothing_of_the_novel_labels_or_test_rooms_is_trained_on(
    laboratory: Callable[[int], Laboratory],
) -> None:
    lab = laboratory(44)
    sides, _ = sides_of(lab.names)
    trial = Trial(lab, 1, SHORT)
    assert not set(trial.shots.groups) & set(trial.test.groups)
    before = trial.train(sides, SETTINGS, "")["sc-clip"]
    # every novel clip of the training rooms shows something else: nothing changes
    novel = np.isin(trial.shots.labels, sides.novel)
    trial.shots.frames[novel] = 255 - trial.shots.frames[novel]
    again = Trial(lab, 1, SHORT)
    again.shots, again.test = trial.shots, trial.test
    assert torch.equal(again.train(sides, SETTINGS, "")["sc-clip"], before)
    trial.shots.frames[~novel] = 255 - trial.shots.frames[~novel]
    other = Trial(lab, 1, SHORT)
    other.shots, other.test = trial.shots, trial.test
    assert not torch.equal(other.train(sides, SETTINGS, "")["sc-clip"], before)


def test_there_are_sixteen_shots_of_a_label_at_most(
    laboratory: Callable[[int], Laboratory],
) -> None:
    trial = Trial(laboratory(440), 1, SHORT)
    assert np.bincount(trial.shots.labels).tolist() == [SHOTS] * 11
    assert np.bincount(trial.test.labels).max() == 16


def test_the_average_head_is_between_the_two_others(
    laboratory: Callable[[int], Laboratory],
) -> None:
    lab = laboratory(33)
    sides, _ = sides_of(lab.names)
    said = Trial(lab, 1, SHORT).train(sides, SETTINGS, "")
    torch.testing.assert_close(
        said["sc-clip average"], (said["sc-clip"] + said["sc-clip query"]) / 2
    )
    plain = replace(SETTINGS, semantic_queries=False)
    assert list(Trial(lab, 1, SHORT).train(sides, plain, "")) == ["sc-clip"]


def test_figures_hold_every_model_and_both_directions(result: StudyResult) -> None:
    figures = result.figures
    for part in (
        figures,
        figures["generalised"],
        figures["falls_base"],
        figures["falls_base"]["generalised"],
    ):
        assert tuple(part["hm"]) == MODELS
        for model in MODELS:
            base, novel = part["base"][model], part["novel"][model]
            assert 0 <= base <= 1
            assert part["hm"][model] == pytest.approx(harmonic_mean(base, novel))
    assert not any(table.title.startswith("Ablation") for table in result.tables)


def test_the_report_names_labels_published_numbers_and_the_catch(
    result: StudyResult, out: Path
) -> None:
    write_result(out, result)
    report = (out / "base-to-novel.md").read_text()
    kept = json.loads((out / "base-to-novel.json").read_text())
    assert kept["novel"] == result.figures["novel"]
    assert "novel: falling, fallen," in report
    assert "| 0.935 | 0.770 | 0.845 |" in report
    assert "novel to the adaptation" in report
    assert {path.name for path in out.glob("*.png")} == set(result.plots)


@pytest.mark.parametrize(
    ("tuned", "verdict"), [(0.5, "beats"), (0.4, "equals"), (0.3, "does not beat")]
)
def test_the_verdict_follows_the_numbers(tuned: float, verdict: str) -> None:
    run = dict.fromkeys(MODELS, (Score(0.9, tuned), Score(0.9, tuned)))
    run["frozen"] = (Score(0.9, 0.4), Score(0.9, 0.4))
    lines = Outcome(Sides("falls_novel", (0,), (1,)), [run]).verdicts()
    for line in lines:
        assert f"SC-CLIP {verdict}" in line


def test_a_whole_study_measures_every_ablation(
    laboratory: Callable[[int], Laboratory],
) -> None:
    size = StudySize(clips=22, seeds=(1,), effort=1.0)
    result = study_base_to_novel(laboratory(22), size, SHORT)
    tables = [it for it in result.tables if it.title.startswith("Ablation")]
    assert [table.header[0] for table in tables] == [
        "parts and losses",
        "kinds of adapters",
        "delta",
        "scale",
        "trained blocks",
    ]
    assert {row[0] for row in tables[2].rows} == {"0.7", "0.8", "0.85", "0.9", "0.95"}


def test_equal_settings_are_measured_once() -> None:
    asked: list[ScSettings] = []

    def measure(settings: ScSettings, _note: str) -> tuple[float, float, float]:
        asked.append(settings)
        return settings.delta, settings.alpha, settings.beta

    tables = ablation_tables(SETTINGS, 6, measure)
    assert len(asked) == len(set(asked)) == 21
    whole = next(row for row in tables[0].rows if row[0] == "whole")
    assert whole[1:] == (0.85, 0.1, 0.1, 0.638, 0.845, 0.140)
    assert tables[0].rows[2][2] == tables[0].rows[3][3] == 0


def test_published_blocks_are_counted_from_the_end_of_a_tower() -> None:
    def blocks(layers: int) -> list[str]:
        return [it.what for it in ablations_of(SETTINGS, layers)["trained blocks"]]

    assert blocks(12) == [
        "none",
        "10",
        "11",
        "10, 11",
        "9, 10, 11",
        "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",
    ]
    assert blocks(6) == ["none", "4", "5", "4, 5", "3, 4, 5", "1, 2, 3, 4, 5"]
    assert blocks(2) == ["none", "1"]


@pytest.mark.parametrize(
    ("learnt", "said"),
    [
        (None, "are not known"),
        (("walking", "fallen"), "and texts of fallen."),
        (("walking",), "none of them"),
    ],
)
def test_what_the_checkpoint_has_seen_itself_is_told(
    laboratory: Callable[[int], Laboratory], learnt: tuple[str, ...] | None, said: str
) -> None:
    made = laboratory(11)
    lab = Laboratory(
        made.recognizer, made.clips, made.basis, made.on_progress, learnt=learnt
    )
    novel = [lab.names.index(name) for name in ("falling", "fallen")]
    assert said in lab.how_novel(novel)
