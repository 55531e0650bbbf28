"""The few-shot study: which labels are tuned, and that what is measured is measured."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pipelines.lab.studies.models.few_shot import (
    Outcome,
    Split,
    frozen_ways,
    measure,
    study_few_shot,
    worst_labels,
)
from pipelines.lab.studies.models.laboratory import Laboratory, StudySize


def test_the_worst_labels_are_those_of_least_recall() -> None:
    true = np.array([0, 0, 1, 1, 2, 2, 3], np.int64)
    said = np.array([0, 0, 0, 1, 0, 0, 3], np.int64)
    assert worst_labels(said, true, 2) == [2, 1]


def test_tuned_labels_compete_among_themselves_and_others_with_all() -> None:
    logits = torch.tensor([[9.0, 1.0, 2.0], [1.0, 2.0, 3.0], [5.0, 1.0, 2.0]])
    labels = torch.tensor([2, 1, 0])
    assert measure(logits, labels, [1, 2]) == Outcome(tuned=0.5, others=1.0)


def test_shots_are_of_training_rooms_alone(
    laboratory: Callable[[int], Laboratory],
) -> None:
    lab = laboratory(110)
    split = Split(lab, 2, seed=0)
    rooms = lab.clips.groups
    assert not set(rooms[split.test]) & set(rooms[split.shots])
    assert not set(split.test) & set(split.checked)
    assert not set(split.shots) & set(split.checked)
    assert set(lab.clips.labels[split.shots]) == set(split.tuned)
    assert len(split.shots) == 2 * 5


@pytest.mark.slow
def test_colours_are_learnt_from_a_few_clips(
    laboratory: Callable[[int], Laboratory],
) -> None:
    lab = laboratory(220)
    split = Split(lab, 4, seed=0)
    ways = frozen_ways(lab, split)
    assert ways["linear probe"].tuned > 0.9 > ways["as it is"].tuned
    assert ways["linear probe"].others is None
    assert ways["Tip-Adapter-F"].tuned > ways["as it is"].tuned


@pytest.mark.slow
def test_the_result_holds_what_was_promised(
    laboratory: Callable[[int], Laboratory],
) -> None:
    result = study_few_shot(laboratory(110), StudySize(seeds=(1,), effort=0.2))
    wanted = {"tuned_classes_before", "tuned_classes_after"}
    wanted |= {"others_before", "others_after", "others_after_naive"}
    assert all(0 <= result.figures[name] <= 1 for name in wanted)
    assert "every weight, rate 0.001" in result.figures["ways"]
