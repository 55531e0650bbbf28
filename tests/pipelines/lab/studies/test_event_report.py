import pytest

from pipelines.clock import NS_PER_S
from pipelines.lab.data.footage import LabelledSpan
from pipelines.lab.data.truth import read_truth
from pipelines.lab.studies.event_report import (
    EventReport,
    RecordingResult,
    score_events,
)
from pipelines.lab.studies.matching import Episode
from pipelines.recognition import RecognizerInfo
from pipelines.records import Prediction

LABELS = ("walking", "standing", "falling", "fallen", "sitting")
INFO = RecognizerInfo(
    model="tiny",
    prompt_set="ward@0",
    labels=LABELS,
    events={label: label for label in LABELS} | {"falling": "fall", "fallen": "fall"},
    image_size_px=32,
)


def at(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def episode(start_s: float, decided_s: float, end_s: float) -> Episode:
    return Episode(at(start_s), at(decided_s), at(end_s), 0.9)


def window(
    start_s: float, end_s: float, label: str, score: float = 0.8, partial: bool = False
) -> Prediction:
    rest = (1 - score) / (len(LABELS) - 1)
    return Prediction(
        subject_id="a",
        start_ns=at(start_s),
        end_ns=at(end_s),
        label=label,
        confidence=score,
        margin=score - rest,
        entropy=0.5,
        scores={name: score if name == label else rest for name in LABELS},
        cosines=dict.fromkeys(LABELS, 0.2),
        modality="video",
        model="tiny",
        prompt_set="ward@0",
        partial=partial,
        missing_frames=0,
    )


def result(
    file: str,
    rows: list[tuple[str, float, float, str]],
    episodes: tuple[Episode, ...] = (),
    predictions: tuple[Prediction, ...] = (),
    duration_s: float = 60.0,
) -> RecordingResult:
    spans = [LabelledSpan(file, row[0], "drawn", *row[1:]) for row in rows]
    truth = read_truth(spans, {name: name for name in LABELS}.get)
    return RecordingResult(file, truth, at(duration_s), predictions, episodes)


FOUND = result(
    "found.mp4",
    # walking [falling)[fallen--------)
    # 0       10      11             21
    [
        ("walking", 0.0, 10.0, ""),
        ("falling", 10.0, 11.0, "from standing"),
        ("fallen", 11.0, 21.0, ""),
        ("sitting", 20.0, 21.0, "hard negative: another person drops into a chair"),
    ],
    episodes=(episode(10, 13, 21), episode(40, 41, 45)),
    predictions=(
        window(0, 0, "walking", partial=True),
        window(2, 5, "standing"),
        window(12, 15, "fallen"),
        window(30, 33, "sitting"),
    ),
)
MISSED = result(
    "missed.mp4",
    [
        ("falling", 5.0, 6.0, "off the chair"),
        ("fallen", 6.0, 8.0, ""),
        ("sitting", 30.0, 32.0, "hard negative: drops into the chair"),
        ("standing", 50.0, 52.0, "hard negative: stumbles"),
    ],
    episodes=(episode(31, 33, 36),),
    predictions=(
        window(0, 3, "falling", 0.9),
        window(4, 6.5, "walking", 0.6),
        window(5, 7, "sitting", 0.8),
        window(6, 8, "fallen", 0.4),
        window(7, 9, "sitting", 0.5),
        window(14, 17, "fallen", 0.9),
    ),
)


@pytest.fixture(scope="module")
def report() -> EventReport:
    return score_events([FOUND, MISSED], INFO, seed=1)


def value(report: EventReport, name: str) -> float | None:
    return report.figures[name].value


def test_recall_is_of_falls_and_precision_of_found_and_false(
    report: EventReport,
) -> None:
    assert (report.falls, report.recordings) == (2, 2)
    assert value(report, "recall") == pytest.approx(1 / 2)
    assert value(report, "precision") == pytest.approx(1 / 3)
    assert report.figures["recall"].counts == {"found": 1, "falls": 2}
    assert report.figures["precision"].counts == {"found": 1, "found_or_false": 3}


def test_false_falls_are_counted_by_the_hour_of_video(report: EventReport) -> None:
    assert report.hours == pytest.approx(120 / 3600)
    assert value(report, "false_falls_per_hour") == pytest.approx(2 * 30)


def test_the_delay_is_measured_from_onset_to_decision(report: EventReport) -> None:
    assert value(report, "delay_p50_s") == pytest.approx(3.0)
    assert report.figures["delay_p95_s"].counts == {"found": 1}


def test_a_late_find_counts_for_recall_but_not_for_prompt_recall() -> None:
    rows = [("falling", 0.0, 1.0, ""), ("fallen", 1.0, 30.0, "")]
    late = result("late.mp4", rows, (episode(8, 8, 30),))

    report = score_events([late], INFO, seed=1)

    assert value(report, "recall") == 1.0
    assert value(report, "recall_prompt") == 0.0


def test_fallen_is_recalled_where_the_event_was_open_half_of_the_time(
    report: EventReport,
) -> None:
    # fallen     [11--------21)   [6--8)
    # decided       13-------21
    assert value(report, "fallen_recall") == pytest.approx(1 / 2)
    assert value(report, "fallen_time_recall") == pytest.approx(8 / 12)


def test_fallen_that_the_event_covers_less_than_half_is_not_recalled() -> None:
    rows = [("falling", 0.0, 1.0, ""), ("fallen", 1.0, 11.0, "")]
    brief = result("brief.mp4", rows, (episode(0, 2, 5),))

    report = score_events([brief], INFO, seed=1)

    assert value(report, "fallen_recall") == 0.0
    assert value(report, "fallen_time_recall") == pytest.approx(0.3)


def test_fallen_without_length_is_not_counted() -> None:
    rows = [("falling", 0.0, 1.0, ""), ("fallen", 1.0, 1.0, "")]

    report = score_events([result("cut.mp4", rows)], INFO, seed=1)

    assert report.figures["fallen_recall"].counts == {"recalled": 0, "fallen": 0}
    assert value(report, "fallen_time_recall") is None


def test_top1_is_over_groups_and_top1_labels_over_labels(report: EventReport) -> None:
    # walking as walking and as standing, fallen as fallen, one unlabelled; then
    # falling as walking and as sitting, fallen as fallen and as sitting, one unlabelled
    assert value(report, "top1_labels") == pytest.approx(3 / 7)
    assert value(report, "top1") == pytest.approx(4 / 7)
    assert report.tallies["windows"] == 10
    assert report.tallies["partial_windows"] == 1
    assert report.tallies["windows_without_known_label"] == 3
    assert report.tallies["video_windows"] == 10
    assert report.tallies["fused_windows"] == 0


def test_a_hard_negative_is_raised_by_a_false_fall_that_touches_it(
    report: EventReport,
) -> None:
    assert report.figures["hard_negatives_raised"].counts == {
        "raised": 1,
        "hard_negatives": 3,
    }


def test_false_falls_are_listed_with_what_it_truly_was(report: EventReport) -> None:
    unlabelled, chair = report.false_falls

    assert (unlabelled.file, unlabelled.decided_s) == ("found.mp4", 41.0)
    assert (unlabelled.truth, unlabelled.hard_negative) == ("unlabelled", "")
    assert (chair.file, chair.truth) == ("missed.mp4", "sitting")
    assert chair.hard_negative == "hard negative: drops into the chair"


def test_missed_falls_are_listed_with_what_was_seen_instead(
    report: EventReport,
) -> None:
    (missed,) = report.missed_falls

    assert (missed.file, missed.onset_s, missed.end_s) == ("missed.mp4", 5.0, 8.0)
    assert missed.notes == "off the chair"
    assert missed.seen == "sitting"
    assert missed.peak_score == pytest.approx(0.4 + 0.6 / 4)  # fallen and falling


def test_footage_without_falls_leaves_recall_unknown() -> None:
    calm = result("calm.mp4", [("sitting", 0.0, 60.0, "")])

    report = score_events([calm], INFO, seed=1)

    assert value(report, "recall") is None
    assert value(report, "delay_p50_s") is None
    assert value(report, "false_falls_per_hour") == 0.0
    assert report.figures["false_falls_per_hour"].interval == pytest.approx(
        (0.0, 3.689 * 60), rel=1e-3
    )
