import pytest

from pipelines.clock import utc_ns
from pipelines.records import SourceState, SourceStatus, WornStatus
from services.hub.reports import SubjectState
from services.hub.topics import Topics, overall_state
from services.record_lines import RecordLines, read_event
from tests.services.store.rows import event


def status(state: SourceState, reason: str = "") -> SourceStatus:
    return SourceStatus("bed-4", "camera", state, 5, reason, "sender")


@pytest.mark.parametrize(
    ("state", "standing"),
    [
        (SubjectState(), ("offline", "camera: connecting")),
        (SubjectState(status("online")), ("online", "")),
        (SubjectState(status("offline", "gone")), ("offline", "camera: gone")),
        (SubjectState(status("connecting")), ("offline", "camera: connecting")),
        (
            SubjectState(has_wearable=True, has_camera=False),
            ("offline", "imu: connecting"),
        ),
        (
            SubjectState(None, status("online"), True, has_camera=False),
            ("online", ""),
        ),
        (
            SubjectState(None, status("stalled", "silent"), True, has_camera=False),
            ("degraded", "imu: silent"),
        ),
        (SubjectState(status("stalled", "frozen")), ("degraded", "camera: frozen")),
        (
            SubjectState(status("online"), is_recognised=False),
            ("degraded", "recognition: does not answer"),
        ),
        (
            SubjectState(status("stalled"), every=2),
            ("degraded", "recognition: overloaded; camera: stalled"),
        ),
        (
            SubjectState(status("online"), is_watched=False),
            ("offline", "service: no watcher reports"),
        ),
        (
            SubjectState(status("online"), has_wearable=True),
            ("degraded", "imu: connecting"),
        ),
        (
            SubjectState(status("stalled"), status("offline"), has_wearable=True),
            ("degraded", "camera: stalled; imu: offline"),
        ),
        (
            SubjectState(status("online"), status("online"), has_wearable=True),
            ("online", ""),
        ),
        (
            SubjectState(status("online"), worn=WornStatus("bed-4", "worn", 5)),
            ("online", ""),
        ),
        (
            SubjectState(status("online"), worn=WornStatus("bed-4", "not worn", 5)),
            ("degraded", "imu: not worn"),
        ),
    ],
)
def test_a_subject_stands_as_its_sources_do(
    state: SubjectState, standing: tuple[str, str]
) -> None:
    assert overall_state(state) == standing


def test_a_status_names_each_source_and_is_kept_by_the_broker() -> None:
    state = SubjectState(status("online"), status("stalled", "silent"), True)
    message = Topics("wardwatch", "ward-3").status("bed-4", state, 7)
    assert (message.topic, message.retain) == ("wardwatch/ward-3/bed-4/status", True)
    assert message.payload["sources"]["imu"]["reason"] == "silent"
    assert message.payload["v"] == 1


def test_an_event_read_back_is_the_event_to_the_microsecond() -> None:
    sent = event()
    read = read_event(RecordLines().line(sent))
    assert read.start_ns == sent.start_ns // 1000 * 1000
    assert (read.event_id, read.state, read.end_ns) == ("e1", "started", None)


def test_a_time_without_a_zone_is_refused() -> None:
    assert utc_ns("1970-01-01T00:00:01.000002+00:00") == 1_000_002_000
    with pytest.raises(ValueError, match=r"names no time zone$"):
        utc_ns("1970-01-01T00:00:01")
