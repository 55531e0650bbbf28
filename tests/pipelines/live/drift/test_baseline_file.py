import json
import logging
from pathlib import Path

import pytest

from pipelines.errors import BaselineError
from pipelines.live.drift.baseline_file import BaselineFile, BaselineKeeper
from pipelines.live.drift.subject import Origin, SubjectDrift
from pipelines.records import DriftStatus
from tests.fakes import FakeClock

ORIGIN = Origin("abc123", "ward@1", "rtsp://cam")


def keeper(path: Path, clock: FakeClock) -> BaselineKeeper:
    drift = {"bed-4": SubjectDrift("bed-4", ORIGIN)}
    return BaselineKeeper(BaselineFile(path), drift, clock)


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    clock, path = FakeClock(), tmp_path / "baseline.json"
    keeper(path, clock).keep()
    clock.advance_s(60)
    (standing,) = keeper(path, clock).open()
    assert isinstance(standing, DriftStatus)
    assert (standing.state, standing.note) == ("learning", "")
    assert [it.name for it in tmp_path.iterdir()] == ["baseline.json"]


def test_no_file_yet_is_no_mistake(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (standing,) = keeper(tmp_path / "new.json", FakeClock()).open()
    assert isinstance(standing, DriftStatus)
    assert standing.note == ""
    assert caplog.records == []


def test_a_file_from_the_future_is_said_once_and_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # A machine without a battery-backed clock begins in the past each time.
    clock, path = FakeClock(), tmp_path / "baseline.json"
    clock.correct_s(31 * 86_400)
    keeper(path, clock).keep()
    again = keeper(path, FakeClock())
    (standing,) = again.open()
    again.keep()
    assert isinstance(standing, DriftStatus)
    assert standing.note == ""
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == (
        f"{path}: was saved +31.0 d in the future: the clock was set back, or is not"
        " set yet; it is used all the same"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "cannot be read"),
        ("[]", "is no baseline file"),
        ('{"version": 9, "saved_at_ns": 0, "subjects": {}}', "has version 9"),
        ('{"version": 1, "saved_at_ns": 0}', "is no baseline file"),
    ],
)
def test_a_damaged_file_is_told_in_one_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(BaselineError, match=problem):
        BaselineFile(path).read(now_ns=10)
    (standing,) = keeper(path, FakeClock()).open()
    assert isinstance(standing, DriftStatus)
    assert standing.note.startswith(f"{path}: ")
    assert standing.note.endswith("learnt again")


@pytest.mark.parametrize(
    ("field", "value"),
    [("clips", float("inf")), ("clips", None), ("view", [1, 2]), ("monitor", {})],
)
def test_one_damaged_subject_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, field: str, value: object
) -> None:
    clock, path = FakeClock(), tmp_path / "baseline.json"
    keeper(path, clock).keep()
    content = json.loads(path.read_text())
    content["subjects"]["bed-4"][field] = value
    path.write_text(json.dumps(content))
    (standing,) = keeper(path, clock).open()
    assert isinstance(standing, DriftStatus)
    assert "bed-4: damaged" in standing.note
    assert len(caplog.records) == 1


def test_who_asks_to_learn_anew_is_not_reminded(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text("{")
    (standing,) = keeper(path, FakeClock()).open(relearn=True)
    assert isinstance(standing, DriftStatus)
    assert standing.note == ""


def test_a_folder_that_cannot_be_written_to_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    keeper(tmp_path / "missing" / "baseline.json", FakeClock()).keep()
    assert "the drift baselines are not saved" in caplog.text
