"""Records as programs read them."""

import json
from typing import Any

import pytest

from pipelines.clock import NS_PER_S
from pipelines.live.subject import Record
from pipelines.records import (
    ActionEvent,
    BedStatus,
    DriftAlert,
    DriftStatus,
    PeopleCount,
    Prediction,
    SourceStatus,
    WornStatus,
)
from services.record_lines import RecordLines
from tests.fakes import FakeClock

ORIGIN_NS = 1_700_000_000 * NS_PER_S

PREDICTION = Prediction(
    subject_id="bed-1",
    start_ns=ORIGIN_NS + 500_000_000,
    end_ns=ORIGIN_NS + 3_500_000_000,
    label="falling",
    confidence=0.123456,
    margin=0.5,
    entropy=0.1,
    scores={"falling": 0.123456},
    cosines={"falling": 0.98765},
    modality="video",
    model="tiny",
    prompt_set="x@00000000",
    partial=True,
    missing_frames=2,
)


def event(end_ns: int | None) -> ActionEvent:
    return ActionEvent(
        event_id="0123456789abcdef",
        subject_id="bed-1",
        name="fall",
        label="falling",
        state="started" if end_ns is None else "ended",
        start_ns=ORIGIN_NS + NS_PER_S,
        end_ns=end_ns,
        decided_ns=ORIGIN_NS + 2 * NS_PER_S,
        peak_confidence=0.75,
        modality="fused",
        model="tiny",
        prompt_set="x@00000000",
    )


STATUS = SourceStatus(
    "bed-4", "imu", "offline", ORIGIN_NS, "no broker", "arrival", 3, 4
)


ALERT = DriftAlert(
    alert_id="0123456789abcdef",
    subject_id="bed-1",
    state="alerted",
    signal="luma",
    change=-61.23456,
    statistic=15.0,
    threshold=9.87654,
    cause="dark",
    since_ns=ORIGIN_NS + 300 * NS_PER_S,
    decided_ns=ORIGIN_NS + 900 * NS_PER_S,
)
DRIFT = DriftStatus(
    "bed-1", "learning", 3600.0, (0.71234, 0.6, 0.8), ORIGIN_NS, "another camera"
)


BED = BedStatus("bed-1", "out", ORIGIN_NS + 5 * NS_PER_S)
WORN = WornStatus("bed-1", "not worn", ORIGIN_NS + 5 * NS_PER_S)


def times_of(line: dict[str, Any]) -> dict[str, Any]:
    return {name: it for name, it in line.items() if name.endswith(("_at", "_s"))}


@pytest.mark.parametrize(
    "record", [PREDICTION, event(None), ALERT, DRIFT, STATUS, BED, WORN]
)
def test_every_line_is_json_and_has_its_type(record: Record) -> None:
    line = json.loads(json.dumps(RecordLines().line(record)))
    assert line["type"] in ("prediction", "event", "drift", "status", "bed", "worn")


def test_a_state_of_the_bed_has_the_time_of_its_change() -> None:
    assert RecordLines(ORIGIN_NS).line(BED) == {
        "type": "bed",
        "subject": "bed-1",
        "state": "out",
        "since_at": "2023-11-14T22:13:25+00:00",
        "since_t_s": 5.0,
    }


def test_a_wearable_that_is_not_worn_has_the_time_since() -> None:
    line = RecordLines(ORIGIN_NS).line(WORN)
    assert (line["type"], line["state"], line["since_t_s"]) == ("worn", "not worn", 5.0)


def test_a_prediction_of_a_recording_has_seconds_beside_utc() -> None:
    assert times_of(RecordLines(ORIGIN_NS).line(PREDICTION)) == {
        "start_at": "2023-11-14T22:13:20.500000+00:00",
        "t_start_s": 0.5,
        "end_at": "2023-11-14T22:13:23.500000+00:00",
        "t_end_s": 3.5,
    }


def test_a_prediction_of_a_live_source_has_utc_alone() -> None:
    assert times_of(RecordLines().line(PREDICTION)).keys() == {"start_at", "end_at"}


def test_scores_are_rounded_and_named() -> None:
    line = RecordLines().line(PREDICTION)
    assert line["confidence"] == 0.1235
    assert (line["scores"], line["cosines"]) == (
        {"falling": 0.1235},
        {"falling": 0.9877},
    )
    assert (line["partial"], line["missing_frames"]) == (True, 2)


def test_an_event_that_goes_on_has_null_for_both_forms_of_its_end() -> None:
    assert times_of(RecordLines(ORIGIN_NS).line(event(None))) == {
        "start_at": "2023-11-14T22:13:21+00:00",
        "t_start_s": 1.0,
        "end_at": None,
        "t_end_s": None,
        "decided_at": "2023-11-14T22:13:22+00:00",
        "decided_t_s": 2.0,
    }


def test_a_live_event_that_goes_on_has_null_for_its_end() -> None:
    times = times_of(RecordLines().line(event(None)))
    assert times.keys() == {"start_at", "end_at", "decided_at"}
    assert times["end_at"] is None


def test_an_event_that_ended_has_its_end() -> None:
    times = times_of(RecordLines(ORIGIN_NS).line(event(ORIGIN_NS + 9 * NS_PER_S)))
    assert (times["t_end_s"], times["end_at"]) == (9.0, "2023-11-14T22:13:29+00:00")


def test_a_status_has_everything_of_its_source() -> None:
    assert RecordLines(ORIGIN_NS).line(STATUS) == {
        "type": "status",
        "source": "wearable",
        "subject": "bed-4",
        "role": "imu",
        "state": "offline",
        "since_at": "2023-11-14T22:13:20+00:00",
        "reason": "no broker",
        "time_base": "arrival",
        "reconnects": 3,
        "dropped": 4,
        "bridged": 0,
    }


def test_times_follow_a_correction_of_the_clock() -> None:
    clock = FakeClock()
    lines = RecordLines(ORIGIN_NS, clock)
    before = lines.line(PREDICTION)
    assert before == RecordLines(ORIGIN_NS).line(PREDICTION)

    clock.correct_s(31 * 86_400)

    after = lines.line(PREDICTION)
    assert (before["start_at"][:10], after["start_at"][:10]) == (
        "2023-11-14",
        "2023-12-15",
    )
    assert after["t_start_s"] == before["t_start_s"]
    assert lines.line(STATUS)["since_at"] == "2023-12-15T22:13:20+00:00"


def test_a_drift_alert_says_what_changed_by_how_much_since_when_and_why() -> None:
    line = RecordLines(ORIGIN_NS).line(ALERT)
    assert (line["state"], line["signal"], line["cause"]) == ("alerted", "luma", "dark")
    assert (line["change"], line["threshold"]) == (-61.2346, 9.88)
    assert (line["since_t_s"], line["decided_t_s"]) == (300.0, 900.0)


def test_a_drift_status_says_what_is_being_learnt_and_how_accurate_it_may_be() -> None:
    line = RecordLines().line(DRIFT)
    assert (line["type"], line["source"]) == ("status", "drift")
    assert (line["state"], line["learning_left_s"]) == ("learning", 3600.0)
    assert (line["accuracy"], line["accuracy_95"]) == (0.7123, [0.6, 0.8])
    assert line["note"] == "another camera"


def test_the_number_of_people_in_view_is_a_line() -> None:
    people = PeopleCount("bed-1", ORIGIN_NS + NS_PER_S // 2, 2)
    assert RecordLines(ORIGIN_NS).line(people) == {
        "type": "people",
        "subject": "bed-1",
        "count": 2,
        "since_at": "2023-11-14T22:13:20.500000+00:00",
        "since_t_s": 0.5,
    }
