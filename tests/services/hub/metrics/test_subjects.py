"""What Prometheus sees of the state of each subject."""

import math

import pytest

from pipelines.records import (
    BedState,
    BedStatus,
    PeopleCount,
    SourceStatus,
    WornState,
    WornStatus,
)
from services.hub.reports import Counts, SubjectState
from tests.services.hub.metrics.metrics_rig import metrics_of, value


def test_the_share_of_used_pictures_is_seen_and_the_others_are_counted() -> None:
    metrics = metrics_of("bed-4", "bed-5")
    metrics.subjects.saw("bed-4", SubjectState(every=4))
    metrics.subjects.saw("bed-5", SubjectState(every=1, has_camera=False))
    metrics.count(Counts(frames_thinned=3))
    assert value(metrics, "frames_used_ratio", subject="bed-4") == 0.25
    assert math.isnan(value(metrics, "frames_used_ratio", subject="bed-5") or 0)
    assert value(metrics, "frames_total", outcome="thinned") == 3
    metrics.subjects.lost("bed-4")
    assert math.isnan(value(metrics, "frames_used_ratio", subject="bed-4") or 0)


def test_the_series_of_sources_follow_a_changed_subject_and_the_others_go_on() -> None:
    online = SourceStatus("bed-4", "camera", "online", 0, "", "sender", reconnects=2)
    metrics = metrics_of("bed-4")

    def sources(name: str) -> list[float | None]:
        labels = [{"subject": "bed-4", "source": each} for each in ("camera", "imu")]
        return [value(metrics, name, **each) for each in labels]

    metrics.subjects.watch({"bed-4": ["camera"]})
    metrics.subjects.saw("bed-4", SubjectState(camera=online, predicted_ns=7 * 10**9))
    assert sources("source_up") == [1, None]
    assert sources("source_reconnects_total") == [2, None]
    metrics.subjects.watch({"bed-4": ["camera", "imu"]})
    assert sources("source_up") == [1, 0]
    assert sources("source_reconnects_total") == [2, 0]
    assert value(metrics, "last_prediction_timestamp_seconds", subject="bed-4") == 7


@pytest.mark.parametrize(("state", "expected"), [("in", 1), ("out", 0)])
def test_who_is_in_bed_is_seen(state: BedState, expected: int) -> None:
    metrics = metrics_of("bed-4")
    metrics.subjects.saw("bed-4", SubjectState(bed=BedStatus("bed-4", state, 5)))
    assert value(metrics, "in_bed", subject="bed-4") == expected


@pytest.mark.parametrize(("state", "expected"), [("worn", 1), ("not worn", 0)])
def test_whether_the_wearable_is_worn_is_seen_while_it_is_known(
    state: WornState, expected: int
) -> None:
    metrics = metrics_of("bed-4")
    before = value(metrics, "wearable_worn", subject="bed-4")
    metrics.subjects.saw("bed-4", SubjectState(worn=WornStatus("bed-4", state, 5)))
    assert value(metrics, "wearable_worn", subject="bed-4") == expected
    metrics.subjects.lost("bed-4")
    after = value(metrics, "wearable_worn", subject="bed-4")
    assert all(each is not None and math.isnan(each) for each in (before, after))


def test_the_number_of_people_in_view_is_seen_while_it_is_known() -> None:
    metrics = metrics_of("bed-4")
    counts = [value(metrics, "people", subject="bed-4")]
    for people in (PeopleCount("bed-4", 5, 0), PeopleCount("bed-4", 6, 2)):
        metrics.subjects.saw("bed-4", SubjectState(people=people))
        counts.append(value(metrics, "people", subject="bed-4"))
    metrics.subjects.lost("bed-4")
    counts.append(value(metrics, "people", subject="bed-4"))
    assert counts[1:3] == [0, 2]
    assert all(each is not None and math.isnan(each) for each in counts[::3])


def test_a_bed_of_which_nobody_knows_is_no_number() -> None:
    metrics = metrics_of("bed-4")
    beds = [value(metrics, "in_bed", subject="bed-4")]
    for bed in (BedStatus("bed-4", "in", 5), None):
        metrics.subjects.saw("bed-4", SubjectState(bed=bed))
    beds.append(value(metrics, "in_bed", subject="bed-4"))
    metrics.subjects.saw("bed-4", SubjectState(bed=BedStatus("bed-4", "in", 5)))
    metrics.subjects.lost("bed-4")
    beds.append(value(metrics, "in_bed", subject="bed-4"))
    assert all(bed is not None and math.isnan(bed) for bed in beds)
