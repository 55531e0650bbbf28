"""The study of transfer trains at home alone, and measures away what it says."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Bool

from models.prompts.prompt_set import LabelPrompts, PromptSet
from models.recognizer import ClipRecognizer
from pipelines.lab.studies.models.laboratory import Laboratory, StudySize
from pipelines.lab.studies.models.result import StudyResult, write_result
from pipelines.lab.studies.models.sc_clip_heads import MODELS
from pipelines.lab.studies.models.zero_shot_transfer import (
    Run,
    interval_of,
    study_zero_shot_transfer,
    verdict,
)
from tests.pipelines.lab.studies.models.conftest import random_clips

TINY_STUDY = StudySize(clips=22, seeds=(1, 2), effort=0.2)
HOME, UCF = "the simulated ward", "UCF101 split 1"
SPORTS = ("juggling", "rowing", "walking")


@pytest.fixture
def away(laboratory: Callable[[int], Laboratory]) -> Laboratory:
    """Three labels, of which the ward has the last."""
    prompts = tuple(LabelPrompts(it, (it,), it) for it in SPORTS)
    recognizer = ClipRecognizer(
        laboratory(11).recognizer.clip, PromptSet("sports", 1, ("{}",), prompts)
    )
    clips = random_clips(12, len(SPORTS), seed=5)
    return Laboratory(recognizer, clips, "Trained here.", lambda *_: None)


def transfer(
    home: Laboratory, away: Laboratory, seeds: tuple[int, ...] = (1, 2)
) -> StudyResult:
    size = replace(TINY_STUDY, seeds=seeds)
    return study_zero_shot_transfer(home, away, size, home_title=HOME, away_title=UCF)


def told_of(top1: dict[str, list[float]], away: Laboratory) -> list[Run]:
    """Runs in which each model is right in such shares of the clips."""
    labels, runs = away.clips.labels, []
    for number in range(len(top1["frozen"])):
        said = {}
        for name in MODELS:
            right = np.arange(len(labels)) < top1[name][number] * len(labels)
            said[name] = np.where(right, labels, (labels + 1) % len(SPORTS))
        runs.append(Run(said, dict.fromkeys(MODELS, 0.5)))
    return runs


def test_frozen_clip_is_what_the_checkpoint_says_away(
    laboratory: Callable[[int], Laboratory], away: Laboratory
) -> None:
    facts = transfer(laboratory(44), away).figures
    said = (away.vectors @ away.text_bank.T).argmax(axis=1)
    assert facts["top1"]["frozen"] == (said == away.clips.labels).mean()
    assert facts["deviation"]["frozen"] == 0
    assert list(facts["top1"]) == list(facts["top1_home"]) == list(MODELS)
    assert facts["labels_trained"] == ["walking"]
    assert list(facts["recall"]) == list(SPORTS)
    counts = np.bincount(away.clips.labels)
    for name in MODELS:
        recalls = [facts["recall"][it][name] for it in SPORTS]
        assert np.dot(recalls, counts) / counts.sum() == pytest.approx(
            facts["top1"][name]
        )


def test_training_sees_neither_home_s_other_groups_nor_anything_away(
    laboratory: Callable[[int], Laboratory], away: Laboratory
) -> None:
    home = laboratory(44)
    others = ~home.clips.share_of_groups(0.7, 1)
    every = np.ones(len(away.clips), bool)
    assert 0 < others.sum() < len(others)

    usual, losses = _told(home, away)
    changed, same = _told(_inverted(home, others), away)
    assert (changed["recall"], same) == (usual["recall"], losses)
    changed, same = _told(home, _inverted(away, every))
    assert (changed["top1_home"], same) == (usual["top1_home"], losses)
    _, other = _told(_inverted(home, ~others), away)
    assert other != losses  # what is trained on does matter


def _told(home: Laboratory, away: Laboratory) -> tuple[Mapping[str, Any], list[str]]:
    """Return the figures, and the loss of each step."""
    losses: list[str] = []

    def hear(stage: str, _done: int, _total: int, note: str) -> None:
        if stage.endswith("training"):
            losses.append(note)

    heard = Laboratory(home.recognizer, home.clips, home.basis, hear)
    return transfer(heard, away, seeds=(1,)).figures, losses


def _inverted(lab: Laboratory, chosen: Bool[np.ndarray, " clip"]) -> Laboratory:
    """Show some clips in negative."""
    frames = lab.clips.frames.copy()
    frames[chosen] = 255 - frames[chosen]
    clips = replace(lab.clips, frames=frames)
    return Laboratory(lab.recognizer, clips, lab.basis, lab.on_progress)


@pytest.mark.parametrize(
    ("tuned", "said"),
    [
        ([0.6, 0.4], "SC-CLIP beats frozen CLIP on there: 0.500, 0.400 (ahead with 1"),
        ([0.4, 0.4], "SC-CLIP equals frozen CLIP on there: 0.400, 0.400 (ahead with 0"),
        ([0.1, 0.5], "SC-CLIP does not beat frozen CLIP on there: 0.300, 0.400 (ahead"),
    ],
)
def test_the_verdict_follows_the_numbers(tuned: list[float], said: str) -> None:
    top1 = {name: [0.2, 0.2] for name in MODELS} | {"frozen": [0.4, 0.4]}
    text = verdict({**top1, "sc-clip": tuned}, ("here", "there"))
    assert text.startswith(f"Trained on here, {said}")


def test_the_interval_is_of_all_seeds_and_whole_groups(away: Laboratory) -> None:
    shares = {name: [0.25, 0.75] for name in MODELS}
    runs = told_of(shares, away)
    found = interval_of(runs, away, "sc-clip")
    assert found is not None
    low, high = found
    assert 0 <= low < 0.5 < high <= 1


def test_the_report_names_both_sets_and_the_published_figures(
    laboratory: Callable[[int], Laboratory], away: Laboratory, tmp_path: Path
) -> None:
    result = transfer(laboratory(44), away)
    write_result(tmp_path, result)
    kept = json.loads((tmp_path / "zero-shot-transfer.json").read_text())
    assert kept["top1"] == result.figures["top1"]
    report = (tmp_path / "zero-shot-transfer.md").read_text()
    assert f"Top-1, trained on {HOME}, measured on {UCF}" in report
    rows = {row[0]: row for row in result.tables[0].rows}
    assert rows["sc-clip"][-1] == "0.799 ± 0.008"
    assert rows["frozen"][-1] == "0.738 ± 0.006"
    assert rows["sc-clip query"][-1] is None
    assert "| juggling | no | 4 |" in report
    assert "1 of the 3 labels measured were trained on" in report
    assert (tmp_path / "zero-shot-transfer.png").stat().st_size > 10_000


def test_another_set_has_no_published_figure_beside_it(
    laboratory: Callable[[int], Laboratory], away: Laboratory
) -> None:
    result = study_zero_shot_transfer(
        laboratory(44),
        away,
        replace(TINY_STUDY, seeds=(1,)),
        home_title=HOME,
        away_title="the footage in data",
    )
    assert {row[-1] for row in result.tables[0].rows} == {None}
    assert result.figures["deviation"]["sc-clip"] is None
