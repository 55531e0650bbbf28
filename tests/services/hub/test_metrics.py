"""What Prometheus sees of how windows were answered."""

import math
from collections import Counter

import pytest
from prometheus_client import CollectorRegistry

from models.window import Modality
from pipelines.records import BedState, BedStatus, PeopleCount, WornState, WornStatus
from services.hub.metrics import Metrics
from services.hub.reports import Counts, SubjectState


def metrics_of(*subjects: str) -> Metrics:
    metrics = Metrics(CollectorRegistry(), ["fall"], now_ns=0)
    metrics.watch({name: ["camera", "imu"] for name in subjects})
    return metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"wardwatch_{name}", labels)


def test_windows_are_counted_by_what_they_rest_on_and_by_subject() -> None:
    metrics = metrics_of("bed-4", "bed-5")
    windows = Counter[tuple[str, Modality]](
        {("bed-4", "fused"): 3, ("bed-4", "video"): 1, ("bed-5", "fused"): 2}
    )
    metrics.count(Counts(windows=windows))
    assert value(metrics, "windows_total", modality="fused") == 5
    assert value(metrics, "windows_total", modality="video") == 1
    assert value(metrics, "windows_total", modality="imu") == 0
    subject = {"subject": "bed-4", "modality": "fused"}
    assert value(metrics, "subject_windows_total", **subject) == 3


def test_waits_are_counted_and_those_in_vain_by_subject() -> None:
    metrics = metrics_of("bed-4")
    metrics.count(Counts(waits_s=[0.2, 4.0], waits_expired=Counter({"bed-4": 1})))
    assert value(metrics, "wearable_wait_seconds_count") == 2
    assert value(metrics, "wearable_wait_seconds_sum") == 4.2
    assert value(metrics, "wearable_waits_expired_total", subject="bed-4") == 1


def test_a_subject_that_is_gone_leaves_no_series_and_still_counts_in_the_sum() -> None:
    metrics = metrics_of("bed-4", "bed-5")
    metrics.watch({"bed-5": ["camera"]})
    windows = Counter[tuple[str, Modality]]({("bed-4", "video"): 1})
    metrics.count(Counts(windows=windows, waits_expired=Counter({"bed-4": 1})))
    assert value(metrics, "windows_total", modality="video") == 1
    subject = {"subject": "bed-4", "modality": "video"}
    assert value(metrics, "subject_windows_total", **subject) is None
    assert value(metrics, "wearable_waits_expired_total", subject="bed-4") is None


def test_the_share_of_used_pictures_is_seen_and_the_others_are_counted() -> None:
    metrics = metrics_of("bed-4", "bed-5")
    metrics.saw("bed-4", SubjectState(every=4))
    metrics.saw("bed-5", SubjectState(every=1, has_camera=False))
    metrics.count(Counts(frames_thinned=3))
    assert value(metrics, "frames_used_ratio", subject="bed-4") == 0.25
    assert math.isnan(value(metrics, "frames_used_ratio", subject="bed-5") or 0)
    assert value(metrics, "frames_total", outcome="thinned") == 3
    metrics.lost("bed-4")
    assert math.isnan(value(metrics, "frames_used_ratio", subject="bed-4") or 0)


@pytest.mark.parametrize(("state", "expected"), [("in", 1), ("out", 0)])
def test_who_is_in_bed_is_seen(state: BedState, expected: int) -> None:
    metrics = metrics_of("bed-4")
    metrics.saw("bed-4", SubjectState(bed=BedStatus("bed-4", state, 5)))
    assert value(metrics, "in_bed", subject="bed-4") == expected


@pytest.mark.parametrize(("state", "expected"), [("worn", 1), ("not worn", 0)])
def test_whether_the_wearable_is_worn_is_seen_while_it_is_known(
    state: WornState, expected: int
) -> None:
    metrics = metrics_of("bed-4")
    before = value(metrics, "wearable_worn", subject="bed-4")
    metrics.saw("bed-4", SubjectState(worn=WornStatus("bed-4", state, 5)))
    assert value(metrics, "wearable_worn", subject="bed-4") == expected
    metrics.lost("bed-4")
    after = value(metrics, "wearable_worn", subject="bed-4")
    assert all(each is not None and math.isnan(each) for each in (before, after))


def test_the_number_of_people_in_view_is_seen_while_it_is_known() -> None:
    metrics = metrics_of("bed-4")
    counts = [value(metrics, "people", subject="bed-4")]
    for people in (PeopleCount("bed-4", 5, 0), PeopleCount("bed-4", 6, 2)):
        metrics.saw("bed-4", SubjectState(people=people))
        counts.append(value(metrics, "people", subject="bed-4"))
    metrics.lost("bed-4")
    counts.append(value(metrics, "people", subject="bed-4"))
    assert counts[1:3] == [0, 2]
    assert all(each is not None and math.isnan(each) for each in counts[::3])


def test_a_bed_of_which_nobody_knows_is_no_number() -> None:
    metrics = metrics_of("bed-4")
    beds = [value(metrics, "in_bed", subject="bed-4")]
    for bed in (BedStatus("bed-4", "in", 5), None):
        metrics.saw("bed-4", SubjectState(bed=bed))
    beds.append(value(metrics, "in_bed", subject="bed-4"))
    metrics.saw("bed-4", SubjectState(bed=BedStatus("bed-4", "in", 5)))
    metrics.lost("bed-4")
    beds.append(value(metrics, "in_bed", subject="bed-4"))
    assert all(bed is not None and math.isnan(bed) for bed in beds)


def test_messages_that_were_given_up_are_counted_by_target() -> None:
    metrics = metrics_of("bed-4")
    metrics.dead_notices({"record": 2, "nurses": 0})
    assert value(metrics, "notices_dead", target="record") == 2
    assert value(metrics, "notices_dead", target="nurses") == 0
    metrics.dead_notices({"nurses": 1})
    assert value(metrics, "notices_dead", target="record") is None
    assert value(metrics, "notices_dead", target="nurses") == 1
