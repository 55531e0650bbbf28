"""What Prometheus sees of the counts in the watchers' reports."""

from collections import Counter

from models.window import Modality
from services.hub.reports import Counts
from tests.services.hub.metrics.metrics_rig import metrics_of, value


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
    metrics.subjects.watch({"bed-5": ["camera"]})
    windows = Counter[tuple[str, Modality]]({("bed-4", "video"): 1})
    metrics.count(Counts(windows=windows, waits_expired=Counter({"bed-4": 1})))
    assert value(metrics, "windows_total", modality="video") == 1
    subject = {"subject": "bed-4", "modality": "video"}
    assert value(metrics, "subject_windows_total", **subject) is None
    assert value(metrics, "wearable_waits_expired_total", subject="bed-4") is None
