"""Covered pictures: how much is covered, and how scatter is measured."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.lab.studies.models.csn import study_csn
from pipelines.lab.studies.models.disturbed import (
    covered_at_random,
    covered_by_part,
    measure_scatter,
    middle_pictures,
)
from pipelines.lab.studies.models.laboratory import Laboratory, StudySize
from pipelines.lab.studies.models.masking import study_masking
from pipelines.lab.studies.models.result import write_result


def test_pictures_are_covered_by_as_much_as_is_said(
    laboratory: Callable[[int], Laboratory],
) -> None:
    clips = laboratory(11).clips
    whole = middle_pictures(clips)
    for name, pictures, covered in covered_at_random(clips, seed=1):
        black = (pictures == 0).all(axis=-1) & (whole != 0).any(axis=-1)
        if "mean" not in name:
            assert black.mean() == pytest.approx(covered, abs=0.02)
        if name.endswith("%"):
            assert covered == pytest.approx(int(name.split()[1][:-1]) / 100, abs=0.02)


def test_parts_and_their_control_cover_the_same_area(
    laboratory: Callable[[int], Laboratory],
) -> None:
    given = {n: (p, c) for n, p, c in covered_by_part(laboratory(11).clips, seed=1)}
    person, person_share = given["no person"]
    assert person_share == 0.25
    assert given["as much as the person, elsewhere"][1] == 0.25
    assert given["the person alone"][1] == 0.75
    assert (person[:, 8:24, 8:24] == 0).all()
    assert (given["the person alone"][0][:, :8] == 0).all()


def test_scatter_is_measured_label_by_label() -> None:
    logits = np.log(
        np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    ).astype(np.float32)
    labels = np.array([0, 0, 0, 1], np.int64)
    found = measure_scatter(logits, labels, covered=0.3)
    assert found.top1 == 0.75
    assert found.labels == 1.5
    assert found.top_share == pytest.approx((2 / 3 + 1) / 2)
    assert found.confidence == pytest.approx(0.75)
    assert found.counts.tolist() == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert found.trust[0, 0] == pytest.approx(0.7)
    assert np.isnan(found.trust[2, 2])


def test_both_studies_say_what_was_promised_for_each_condition(
    laboratory: Callable[[int], Laboratory], out: Path
) -> None:
    size = StudySize(seeds=(1,), effort=0.02)
    masking = study_masking(laboratory(22), size)
    assert {"whole", "pixels 30%", "shapes 50%", "no person"} <= set(
        masking.figures["top_share"]
    )
    csn = study_csn(laboratory(44), size)
    assert {"whole, without", "whole, noise", "shapes 30%, noise"} <= set(
        csn.figures["labels"]
    )
    write_result(out, masking)
    write_result(out, csn)
    assert (out / "histograms.png").stat().st_size > 10_000
    assert (out / "csn.png").exists()


def test_clips_whose_parts_nobody_knows_are_covered_at_random_alone(
    laboratory: Callable[[int], Laboratory], out: Path
) -> None:
    made = laboratory(44)
    clips = replace(made.clips, parts=None)
    lab = Laboratory(made.recognizer, clips, made.basis, made.on_progress)
    masking = study_masking(lab, StudySize(seeds=(1,)))
    assert "shapes 50%" in masking.figures["top1"]
    assert "no person" not in masking.figures["top1"]
    assert "parts.png" not in masking.plots
    assert [it.title for it in masking.tables] == ["Covered at random", "Published"]
    csn = study_csn(lab, StudySize(seeds=(1,)))
    assert "whole, noise of pixels" in csn.figures["top1"]
    write_result(out, csn)
    assert (out / "grid.png").stat().st_size > 10_000
