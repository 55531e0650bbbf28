import numpy as np
import pytest

from pipelines.lab.studies.confusion import (
    GROUPS,
    count_confusion,
    group_of,
    label_recall,
    likeliest_group,
    top1,
)

LABELS = ("walking", "standing", "sitting", "juggling")
WINDOWS: list[list[tuple[str | None, str]]] = [
    [("walking", "walking"), ("walking", "standing"), ("sitting", "juggling")],
    [("sitting", "sitting"), ("other", "walking"), (None, "sitting")],
]


def test_windows_are_counted_by_recording_true_and_predicted_label() -> None:
    confusion = count_confusion(LABELS, WINDOWS)

    assert confusion.total.tolist() == [
        [1, 1, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 1, 1],
        [0, 0, 0, 0],
    ]
    assert confusion.counts.sum(axis=(1, 2)).tolist() == [3, 1]


def test_top1_leaves_out_what_is_other_or_unlabelled() -> None:
    figure = top1(count_confusion(LABELS, WINDOWS), seed=1)

    assert figure.value == pytest.approx(2 / 4)
    assert figure.counts == {"right": 2, "windows": 4}


def test_labels_of_one_group_are_likely_together() -> None:
    scores = {"walking": 0.3, "standing": 0.25, "sitting": 0.4, "juggling": 0.05}

    assert likeliest_group(scores) == "upright"
    assert likeliest_group(scores | {"sitting": 0.6}) == "sitting"
    assert likeliest_group(scores | {"juggling": 0.7}) == "juggling"


def test_a_label_of_no_group_is_one_of_its_own() -> None:
    assert [group_of(label) for label in LABELS] == [
        "upright",
        "upright",
        "sitting",
        "juggling",
    ]


def test_recall_of_a_label_that_never_was_is_unknown() -> None:
    recall = label_recall(count_confusion(LABELS, WINDOWS), seed=1)

    assert recall["walking"].value == pytest.approx(1 / 2)
    assert recall["standing"].value is None
    assert recall["standing"].counts == {"right": 0, "windows": 0}


def test_intervals_come_from_whole_recordings() -> None:
    right: list[tuple[str | None, str]] = [("sitting", "sitting")] * 100
    wrong: list[tuple[str | None, str]] = [("sitting", "walking")] * 100

    figure = top1(count_confusion(LABELS, [right, wrong] * 5), seed=1)

    assert figure.interval is not None
    low, high = figure.interval
    # Of 10 independent recordings, not of 1,000 windows (which would give 0.06).
    assert high - low == pytest.approx(0.6, abs=0.1)


def test_no_recording_at_all_leaves_the_share_unknown() -> None:
    figure = top1(count_confusion(LABELS, []), seed=1)

    assert (figure.value, figure.interval) == (None, None)


def test_the_groups_split_the_label_list_in_seven() -> None:
    assert len(set(GROUPS.values())) == 7
    assert np.all([GROUPS[name] == "upright" for name in ("walking", "standing")])
