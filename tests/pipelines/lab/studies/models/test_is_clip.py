"""The study of IS-CLIP divides labels, trains on base alone, and tells the outcome."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.prompts.prompt_file import bundled_prompt_set
from models.recognizer import ClipRecognizer
from pipelines.errors import TrainingError
from pipelines.lab.studies.models.is_clip import divide_labels, study_is_clip
from pipelines.lab.studies.models.is_clip_report import (
    FALL,
    HALF,
    THREE_QUARTERS,
    Score,
    average,
)
from pipelines.lab.studies.models.laboratory import Laboratory, StudySize
from pipelines.lab.studies.models.result import harmonic_mean, write_result
from pipelines.lab.studies.video_clips import (
    class_prompts,
    open_set,
    read_video_clips,
)
from pipelines.lab.training.is_clip import SMALL_TOWER
from tests.pipelines.lab.studies.set_rig import make_uestc
from tests.tiny_checkpoint import TINY_PX

TINY_STUDY = StudySize(clips=110, seeds=(1,), effort=0.05)


def test_labels_are_divided_in_three_ways() -> None:
    names = [*"abcdefgh", "falling", "fallen"]
    found = divide_labels(names)
    assert list(found) == [HALF, THREE_QUARTERS, FALL]
    for sides in found.values():
        assert sorted(sides.base + sides.novel) == list(range(10))
    assert len(found[HALF].novel) == 5
    assert len(found[THREE_QUARTERS].novel) == 2
    assert found[FALL].novel == (8, 9)
    assert FALL not in divide_labels([*"abcd", "falling"])


def test_one_checkpoint_without_the_novel_labels_serves_every_setting() -> None:
    found = divide_labels(bundled_prompt_set().labels)
    half, quarter, falls = (found[it] for it in (HALF, THREE_QUARTERS, FALL))
    assert set(quarter.novel) | set(falls.novel) == set(half.novel)
    assert not set(quarter.novel) & set(falls.novel)


def test_harmonic_mean_is_of_unrounded_averages() -> None:
    runs = [{"both": Score(0.5, 0.25, 4)}, {"both": Score(1.0, 0.75, 4)}]
    assert average(runs)["both"] == {
        "base": 0.75,
        "novel": 0.5,
        "hm": harmonic_mean(0.75, 0.5),
    }


def test_quick_study_compares_four_variants_in_one_setting(
    laboratory: Callable[[int], Laboratory], tmp_path: Path
) -> None:
    lab = laboratory(110)
    result = study_is_clip(lab, TINY_STUDY)
    facts = result.figures
    for kind in ("base", "novel", "hm"):
        assert list(facts[kind]) == ["video", "sirm", "sgam", "both"]
    for way in facts["hm"]:
        expected = harmonic_mean(facts["base"][way], facts["novel"][way])
        assert facts["hm"][way] == expected
    assert facts["settings"] == {}
    assert set(facts["imu_only"]) == {"base", "novel", "hm"}
    assert facts["training"]["steps"] == 4
    bank, clips = lab.text_bank, lab.clips
    chosen = [lab.names.index(name) for name in facts["labels"][HALF]["novel"]]
    groups = np.random.default_rng(1).permutation(10)[6:]
    tested = np.isin(clips.groups, groups) & np.isin(clips.labels, chosen)
    said = np.array(chosen)[(lab.vectors[tested] @ bank[chosen].T).argmax(axis=1)]
    assert facts["frozen"]["novel"] == (said == clips.labels[tested]).mean()
    assert facts["labels"][HALF]["novel_test_clips"] == [tested.sum()]
    verdicts = ("beats", "does not beat", "equals")
    assert any(
        f"IS-CLIP {verdict} the same model without IMU" in result.findings[0]
        for verdict in verdicts
    )
    write_result(tmp_path, result)
    kept = json.loads((tmp_path / "is-clip.json").read_text())
    assert kept["novel"] == facts["novel"]
    assert "| IS-CLIP: SIRM and SGAM |" in (tmp_path / "is-clip.md").read_text()
    assert {path.name for path in tmp_path.glob("*.png")} == set(result.plots)


def test_full_study_has_every_setting_and_sensor(
    laboratory: Callable[[int], Laboratory], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.lab.studies.models import is_clip

    few = replace(SMALL_TOWER, steps=1)
    monkeypatch.setattr(is_clip, "SMALL_TOWER", few)
    result = study_is_clip(laboratory(110), StudySize(110, (1, 2)))
    assert list(result.figures["settings"]) == [THREE_QUARTERS, FALL]
    assert list(result.figures["sensors"]) == ["acc", "gyro", "both"]
    labels = result.figures["labels"]
    assert labels[FALL]["novel"] == ["falling", "fallen"]
    assert len(labels[FALL]["novel_test_clips"]) == 2
    assert [row[0] for row in result.tables[1].rows] == [
        "frozen CLIP",
        "the same model without IMU",
        "IS-CLIP: SIRM and SGAM",
        "IMU alone, no pictures",
    ]
    assert result.tables[1].rows[2][-1] == 0.864
    assert result.tables[2].rows[2][-1] is None


def test_training_never_sees_novel_labels_or_test_groups(
    laboratory: Callable[[int], Laboratory],
) -> None:
    lab = laboratory(110)
    usual = study_is_clip(lab, TINY_STUDY).figures
    novel = [lab.names.index(name) for name in usual["labels"][HALF]["novel"]]
    groups = np.random.default_rng(1).permutation(10)[:6]
    unseen = np.isin(lab.clips.labels, novel) & np.isin(lab.clips.groups, groups)
    frames, imu = lab.clips.frames.copy(), lab.clips.imu
    assert imu is not None
    frames[unseen] = 0
    loud = np.where(unseen[:, None, None], 100 * imu, imu)
    changed = replace(lab.clips, frames=frames, imu=loud)
    other = Laboratory(lab.recognizer, changed, lab.basis, lab.on_progress)
    assert_alike(study_is_clip(other, TINY_STUDY).figures, usual)


def assert_alike(found: object, expected: object) -> None:
    """Compare figures in all their depth, numbers up to the rounding of 32 bits.

    The same training may differ in the last digit: it depends on where arrays lie in
    memory which instructions add them up.
    """
    if isinstance(expected, dict):
        assert isinstance(found, dict)
        assert list(found) == list(expected)
        for name, value in expected.items():
            assert_alike(found[name], value)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)
    else:
        assert found == expected


def test_clips_without_a_wearable_are_refused(
    laboratory: Callable[[int], Laboratory],
) -> None:
    lab = laboratory(22)
    bare = Laboratory(
        lab.recognizer, replace(lab.clips, imu=None), lab.basis, lab.on_progress
    )
    with pytest.raises(TrainingError, match=r"^IS-CLIP: the clips have no samples"):
        study_is_clip(bare, TINY_STUDY)


def test_too_few_clips_are_refused(laboratory: Callable[[int], Laboratory]) -> None:
    with pytest.raises(TrainingError, match=r"^IS-CLIP: too few clips to train and"):
        study_is_clip(laboratory(2), TINY_STUDY)


def test_samples_are_taken_at_the_wearable_s_own_rate(
    laboratory: Callable[[int], Laboratory],
) -> None:
    lab = laboratory(110)
    assert lab.clips.imu is not None
    # 3 s at 10 Hz: at the ward's 50 Hz these would be fewer than a spectrogram needs
    slow = replace(lab.clips, imu=lab.clips.imu[:, :30], imu_rate_hz=10.0)
    other = Laboratory(lab.recognizer, slow, lab.basis, lab.on_progress)
    assert study_is_clip(other, TINY_STUDY).figures["training"]["steps"] == 4


@pytest.mark.gst
def test_a_public_set_with_a_wearable_is_studied_as_it_is(
    tiny_recognizer: ClipRecognizer, tmp_path: Path
) -> None:
    folder = make_uestc(tmp_path)
    uestc = open_set("uestc", folder, folder, 1)
    prompts = class_prompts(uestc)
    read = read_video_clips(uestc, prompts, TINY_PX, lambda *_: None)
    lab = Laboratory(
        ClipRecognizer(tiny_recognizer.clip, prompts),
        read.clips,
        "Measured on four classes.",
        lambda *_: None,
    )
    facts = study_is_clip(lab, TINY_STUDY).figures
    assert facts["labels"][HALF]["base"] == ["upstairs", "drinking"]
    assert facts["labels"][HALF]["novel"] == ["downstairs", "fall"]
    assert facts["labels"][HALF]["novel_test_clips"] == [
        np.isin(read.clips.groups, np.random.default_rng(1).permutation(20)[12:])[
            np.isin(read.clips.labels, [1, 3])
        ].sum()
    ]
