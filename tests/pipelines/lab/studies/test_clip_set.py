"""Splits of clips: by groups, by labels, and a few of each."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.lab.studies.clip_set import ClipSet


def clip_set(labels: list[int], groups: list[int]) -> ClipSet:
    count = len(labels)
    frames = np.arange(count, dtype=np.uint8)[:, None, None, None, None]
    return ClipSet(
        frames=np.tile(frames, (1, 2, 4, 4, 3)),
        labels=np.array(labels, np.int64),
        groups=np.array(groups, np.int64),
    )


def test_a_split_keeps_groups_whole_and_is_the_same_for_a_seed() -> None:
    clips = clip_set([0, 1] * 20, [n // 4 for n in range(40)])
    one, other = clips.split(0.7, seed=3)
    assert len(set(one.groups.tolist())) == 7
    assert len(set(other.groups.tolist())) == 3
    assert not set(one.groups.tolist()) & set(other.groups.tolist())
    assert len(one) + len(other) == 40
    again, _ = clips.split(0.7, seed=3)
    assert (again.groups == one.groups).all()
    different, _ = clips.split(0.7, seed=4)
    assert set(different.groups.tolist()) != set(one.groups.tolist())


def test_a_few_clips_of_a_label_come_of_as_many_groups_as_there_are() -> None:
    clips = clip_set([0] * 12 + [1] * 2, [n % 3 for n in range(12)] + [7, 7])
    few = clips.few(3, seed=0)
    assert (few.labels == 0).sum() == 3
    assert sorted(few.groups[few.labels == 0].tolist()) == [0, 1, 2]
    assert (few.labels == 1).sum() == 2


def test_what_is_taken_belongs_together() -> None:
    clips = clip_set([2, 0, 1, 2], [5, 6, 7, 8])
    chosen = clips.of([2, 1])
    assert chosen.labels.tolist() == [2, 1, 2]
    assert chosen.groups.tolist() == [5, 7, 8]
    assert chosen.frames[:, 0, 0, 0, 0].tolist() == [0, 2, 3]
    assert chosen.imu is None


def test_joined_sets_follow_one_another() -> None:
    both = ClipSet.joined([clip_set([0], [1]), clip_set([], []), clip_set([1], [2])])
    assert both.labels.tolist() == [0, 1]
    assert both.groups.tolist() == [1, 2]


def worn(rate_hz: float) -> ClipSet:
    imu = np.zeros((1, 75, 6), np.float32)
    return replace(clip_set([0], [1]), imu=imu, imu_rate_hz=rate_hz)


def test_a_wearable_s_rate_stays_with_its_samples() -> None:
    both = ClipSet.joined([worn(25.0), clip_set([], []), worn(25.0)])
    assert both.imu_rate_hz == 25.0
    assert both.select(np.array([1], np.int64)).imu_rate_hz == 25.0


def test_samples_of_two_rates_are_not_joined() -> None:
    with pytest.raises(ValueError, match=r"^wearables of \[25.0, 50.0\] Hz, expected"):
        ClipSet.joined([worn(25.0), worn(50.0)])
