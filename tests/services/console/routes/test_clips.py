"""Who may see the blurred clip of an alarm, and what is noted of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pipelines.live.alarms import Alarm
from services.console.context import Console
from services.store.notes import CLIP_SUBJECTS
from tests.clip_rig import OTHER_KEY, clip, key_file
from tests.console_rig import asking, log_in, open_rig
from tests.made_up_ward import fall

HTML = {"accept": "text/html"}
SHOW, NO_KEY = "Show blurred clip", "is not the key that this clip was encrypted with"


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return open_rig(tmp_path, key_file=key_file(tmp_path))


@pytest.fixture
def client(console: Console) -> Iterator[TestClient]:
    with asking(console) as client:
        yield client


@pytest.fixture
def alarm(console: Console) -> Alarm:
    """A fall of bed 4, with a clip."""
    raised = fall(console.store, "bed-4", console.utc_ns())
    console.store.clips.put(clip(raised.alarm_id, "bed-4", raised.raised_ns))
    return raised


def page_of(client: TestClient, alarm: Alarm) -> str:
    return client.get(f"/alarms/{alarm.alarm_id}", headers=HTML).text


def test_a_carer_sees_a_clip_and_the_audit_notes_each_view(
    client: TestClient, console: Console, alarm: Alarm
) -> None:
    log_in(client, "kim")
    assert SHOW in page_of(client, alarm)
    before = len(console.store.audit.page(99))
    answer = client.get(f"/api/alarms/{alarm.alarm_id}/clip")
    assert answer.headers["cache-control"] == "no-store"
    assert [it["t"] for it in answer.json()["pictures"]] == [-30, 0, 60]
    entry, *others = console.store.audit.page(99)
    assert len(others) == before
    assert (entry.who, entry.what, entry.about) == (
        *("kim", "clip viewed"),
        alarm.alarm_id,
    )
    assert entry.detail == {"subject": "bed-4"}


@pytest.mark.parametrize(("name", "status"), [("vera", 403), ("nina", 404)])
def test_a_viewer_and_who_may_not_see_the_subject_get_no_clip_and_no_button(
    client: TestClient, alarm: Alarm, name: str, status: int
) -> None:
    log_in(client, name)
    assert SHOW not in page_of(client, alarm)
    assert client.get(f"/api/alarms/{alarm.alarm_id}/clip").status_code == status


def test_an_alarm_without_a_clip_has_no_button(
    client: TestClient, console: Console
) -> None:
    bare = fall(console.store, "bed-5", console.utc_ns())
    log_in(client, "kim")
    assert SHOW not in page_of(client, bare)
    assert client.get(f"/api/alarms/{bare.alarm_id}/clip").status_code == 404


def test_another_key_and_no_key_are_said_and_nothing_is_noted(
    client: TestClient, console: Console, alarm: Alarm
) -> None:
    log_in(client, "kim")
    before = console.store.audit.page(1)
    assert console.site.clips is not None
    path = console.site.clips.key_file
    path.write_text(OTHER_KEY)
    answer = client.get(f"/api/alarms/{alarm.alarm_id}/clip")
    assert answer.status_code == 409
    assert answer.json() == {"detail": f"clips.key_file: {NO_KEY}"}
    path.unlink()
    gone = client.get(f"/api/alarms/{alarm.alarm_id}/clip")
    assert gone.status_code == 409
    assert gone.json()["detail"].endswith("No such file or directory")
    assert console.store.audit.page(1) == before


def test_the_page_of_the_system_names_those_with_clips(
    client: TestClient, console: Console
) -> None:
    log_in(client, "nina")
    shown = client.get("/system", headers=HTML).text
    assert "No clips of alarms are stored." in shown
    console.store.notes.note(CLIP_SUBJECTS, ["bed-2", "bed-4"])
    shown = client.get("/system", headers=HTML).text
    assert "Blurred clips of alarms are stored of: bed-2<" in shown  # hers alone
