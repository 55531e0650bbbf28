"""The latest status of a source, its dropped frames, and how it failed."""

import logging

import pytest

from pipelines.errors import SourceError
from pipelines.live.observer import Tally
from pipelines.live.source_statuses import SourceStatuses
from pipelines.records import SourceKey, SourceStatus

CAMERA = SourceKey("bed-4", "camera")
LOST = SourceError("rtsp://ward/4", "the camera closed the connection")


def online(dropped: int = 0) -> SourceStatus:
    return SourceStatus(*CAMERA, "online", 5, "playing", "sender", 2, dropped)


def test_frames_that_a_source_dropped_are_counted_once() -> None:
    tally = Tally()
    statuses = SourceStatuses(tally)
    for count in (3, 3, 5, 0):  # a source that begins anew counts anew
        statuses.add(CAMERA, online(dropped=count))
    assert tally.frames_dropped == 5


def test_a_failed_source_keeps_its_clock_and_its_counts() -> None:
    statuses = SourceStatuses(Tally())
    statuses.add(CAMERA, online(dropped=9))
    assert statuses.failed(CAMERA, LOST, now_ns=77) == SourceStatus(
        *CAMERA, "offline", 77, str(LOST), "sender", 2, 9
    )


def test_a_source_that_fails_at_once_or_is_forgotten_has_the_clock_of_arrival() -> None:
    statuses = SourceStatuses(Tally())
    statuses.add(CAMERA, online(dropped=9))
    statuses.forget(CAMERA)
    assert statuses.failed(CAMERA, LOST, now_ns=77) == SourceStatus(
        *CAMERA, "offline", 77, str(LOST), "arrival"
    )


def test_the_text_of_a_foreign_error_is_not_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    leak = RuntimeError("rtsp://nurse:secret@ward/4 broke")

    def read() -> None:
        raise leak

    with pytest.raises(RuntimeError), caplog.at_level(logging.ERROR):
        read()
    status = SourceStatuses(Tally()).failed(CAMERA, leak, now_ns=77)
    assert status.reason == "unexpected RuntimeError; see the log"
    assert "in read" in caplog.text
    assert "secret" not in caplog.text
