"""What the pages show, and to whom."""

import asyncio
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text as sql
from starlette.testclient import TestClient

from services.console.context import Console
from services.hub.http import listen, make_server
from services.store.audit import AuditEntry
from services.store.coverage import Covered
from services.store.notices import Notice
from tests import made_up_ward
from tests.console_rig import asking, log_in, open_rig
from tests.made_up_ward import fall

pytestmark = pytest.mark.slow

UNBROKEN = "\u00a0"
"""The space of a number and its unit."""

HTML = {"accept": "text/html"}


@pytest.fixture
def ward(console: Console, client: TestClient) -> Console:
    """The client's console, on a whole ward that it has seen."""
    made_up_ward.fill(console.store, console.utc_ns())
    assert client.portal is not None
    client.portal.call(console.feed.look)
    return console


def text_of(client: TestClient, path: str) -> str:
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text.replace(UNBROKEN, " ")


def latest(console: Console) -> AuditEntry:
    return console.store.audit.page(1)[0]


def test_the_ward_shows_everybody_and_the_open_alarms(
    client: TestClient, ward: Console
) -> None:
    log_in(client, "kim")
    text = text_of(client, "/")
    assert all(f'data-tile="{name}"' in text for name in made_up_ward.BEDS)
    assert text.index("bed-4</a>: Fall") < text.index("bed-10</a>: Left the bed")
    assert text.index("Left the bed") < text.index("kim is on the way")


def test_a_limited_user_sees_nothing_of_others_anywhere(
    client: TestClient, ward: Console
) -> None:
    log_in(client, "nina")
    paths = ("/", "/alarms", "/history", "/history?kind=events", "/coverage")
    for path in (*paths, "/system", "/history.csv", "/api/subjects", "/api/alarms"):
        text = client.get(path, headers=HTML).text
        assert "bed-4" not in text, path
        assert "bed-12" not in text, path
    (alarm,) = (it for it in ward.store.alarms.open() if it.subject_id == "bed-4")
    for path in ("/subjects/bed-4", f"/alarms/{alarm.alarm_id}"):
        assert client.get(path, headers=HTML).status_code == 404, path
    hidden = client.get(f"/alarms/{alarm.alarm_id}").json()
    nothing = client.get("/alarms/nothing").json()
    told = str(hidden).replace(alarm.alarm_id, "nothing")
    assert told == str(nothing)
    api = f"/api/alarms/{alarm.alarm_id}"
    assert client.get(f"{api}/poses").status_code == 404
    assert client.get("/history?subject=bed-4", headers=HTML).text.count("<tr>") == 0


def test_a_viewer_gets_no_buttons_and_cannot_answer(
    client: TestClient, ward: Console
) -> None:
    csrf = log_in(client, "vera")
    assert "data-answer" not in text_of(client, "/")
    alarm = ward.store.alarms.open()[0]
    fields = {"csrf": csrf, "kind": "ack"}
    path = f"/alarms/{alarm.alarm_id}/answer"
    assert client.post(path, data=fields).status_code == 403
    assert ward.store.answers.waiting(1) == []


def test_an_answer_works_without_scripts(client: TestClient, ward: Console) -> None:
    csrf = log_in(client, "kim")
    (alarm,) = (it for it in ward.store.alarms.open() if it.subject_id == "bed-4")
    fields = {"csrf": csrf, "kind": "snooze", "minutes": "5"}
    answer = client.post(f"/alarms/{alarm.alarm_id}/answer", data=fields, headers=HTML)
    assert answer.status_code == 303
    assert "waits for the service" in text_of(client, answer.headers["location"])
    (stored,) = ward.store.answers.waiting(10)
    assert stored.facts == {"minutes": 5.0}


def test_the_site_sets_how_long_a_snooze_may_be(tmp_path: Path) -> None:
    console = open_rig(tmp_path, snooze_minutes=[3, 20])
    fall(console.store, "bed-4", console.utc_ns())
    with asking(console) as client:
        log_in(client, "kim")
        offered = re.findall(r'name="minutes" value="(\d+)"', text_of(client, "/"))
    assert offered == ["3", "20"]


def test_an_answer_that_did_not_fit_says_why(client: TestClient, ward: Console) -> None:
    log_in(client, "kim")
    alarm = ward.store.alarms.open()[0]
    number = ward.store.answers.give(alarm.alarm_id, "ack", {}, "kim", 1)
    ward.store.take([], {}, 1, outcomes={number: "it is already acknowledged"})
    text = text_of(client, f"/alarms/{alarm.alarm_id}")
    assert "it is already acknowledged" in text


def test_an_alarm_shows_its_history_and_what_recognised_it(
    client: TestClient, ward: Console
) -> None:
    log_in(client, "kim")
    (alarm,) = (it for it in ward.store.alarms.open() if it.subject_id == "bed-4")
    text = text_of(client, f"/alarms/{alarm.alarm_id}")
    for words in ("camera and wearable", "very sure (93 %)", "others were called"):
        assert words in text
    assert "<dd>2</dd>" in text  # people in view, by the poses


def test_a_subject_shows_how_sure_recognition_was_over_the_day(
    client: TestClient, ward: Console
) -> None:
    log_in(client, "vera")
    text = text_of(client, "/subjects/bed-4")
    assert text.count('role="img" aria-label="How ') == 2
    assert "Mean " in text
    assert text.count("<polyline") >= 2
    quiet = text_of(client, "/subjects/bed-3")
    assert "Nothing was recognised on this day" in quiet
    assert "<polyline" not in quiet


def test_an_alarm_shows_who_was_told_and_who_was_not(
    client: TestClient, ward: Console
) -> None:
    log_in(client, "vera")
    (alarm,) = (it for it in ward.store.alarms.open() if it.subject_id == "bed-4")
    rows = text_of(client, f"/alarms/{alarm.alarm_id}").split("<tr>")[2:]
    words = [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in rows]
    assert words[0].startswith("night nurse Confirmed delivered, ")
    assert words[1].startswith("records Confirmed given up, ")
    assert words[1].endswith(": answers HTTP 403")
    called = "Nobody had answered, others were called"
    assert words[2].startswith(f"Broker (MQTT) {called} delivered, ")
    assert words[3].startswith(f"doctor {called} not delivered yet")
    text = text_of(client, "/system")
    assert re.search(r"doctor</td><td[^>]*>1</td><td[^>]*>0</td>", text)
    assert re.search(r"records</td><td[^>]*>0</td><td[^>]*>1</td>", text)


def test_a_fault_of_the_system_is_closed_without_a_question(
    client: TestClient, ward: Console
) -> None:
    lost = made_up_ward.fault("bed-7", ward.utc_ns())
    ward.store.take([], {}, 1, [lost])
    csrf = log_in(client, "kim")
    text = text_of(client, f"/alarms/{lost.alarm_id}")
    for words in ("sure (", "It was true", "False alarm", "What was seen"):
        assert words not in text
    assert f'id="done-{lost.alarm_id}"' in text
    fields = {"csrf": csrf, "kind": "resolve"}
    client.post(f"/alarms/{lost.alarm_id}/answer", data=fields)
    (stored,) = ward.store.answers.waiting(10)
    assert stored.facts == {"verdict": None, "note": ""}


def test_poses_are_noted_in_the_audit_when_somebody_looks(
    client: TestClient, ward: Console
) -> None:
    log_in(client, "vera")
    (alarm,) = (it for it in ward.store.alarms.open() if it.subject_id == "bed-4")
    poses = client.get(f"/api/alarms/{alarm.alarm_id}/poses").json()
    assert poses["alarm_id"] == alarm.alarm_id
    entry = latest(ward)
    assert (entry.who, entry.what, entry.about) == (
        *("vera", "poses viewed"),
        alarm.alarm_id,
    )


def test_the_history_has_all_rows_in_pages_without_a_gap(
    client: TestClient, ward: Console
) -> None:
    log_in(client, "kim")
    found, path = 0, "/history?kind=events"
    while path:
        text = text_of(client, path)
        found += text.count("<tr><td>")
        older = text.partition('href="/history?kind=events&amp;before_ns')[2]
        query = older.partition('"')[0].replace("&amp;", "&")
        path = f"/history?kind=events&before_ns{query}" if older else ""
    rows = client.get("/history.csv?kind=events").text.splitlines()[1:]
    assert found == len(rows) > 50


def test_the_export_is_noted_and_holds_no_formula(
    client: TestClient, ward: Console
) -> None:
    log_in(client, "kim")
    odd = fall(ward.store, "=cmd()", ward.utc_ns())
    text = client.get("/history.csv").text
    rows = list(csv.DictReader(io.StringIO(text)))
    (row,) = (row for row in rows if row["alarm_id"].endswith(odd.alarm_id))
    assert row["subject"] == "'=cmd()"
    assert latest(ward).what == "history exported"


@pytest.mark.parametrize(
    "path",
    [
        *("/history?since=yesterday", "/history?kind=all", "/coverage?day=x"),
        *("/subjects/bed-4?day=0", "/subjects/bed-4?day=9999-12-31"),
        *("/subjects/bed-4?day=1969-12-31", "/history?until=2262-01-01"),
        *("/history?before_ns=x", f"/history?before_ns={10**30}"),
        f"/audit?before={10**30}",
    ],
)
def test_what_cannot_be_understood_is_said_in_one_line(
    client: TestClient, ward: Console, path: str
) -> None:
    log_in(client, "ada")
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 422
    assert "This cannot be understood" in answer.text


def test_a_number_that_no_store_holds_is_refused(client: TestClient) -> None:
    fields = {"csrf": log_in(client, "ada")}
    for path in ("/account/tokens/{}/remove", "/users/tokens/{}/remove"):
        answer = client.post(path.format(10**30), data=fields)
        assert answer.status_code == 422


def test_a_store_that_cannot_be_read_is_said_without_its_place(
    client: TestClient, ward: Console
) -> None:
    log_in(client, "kim")
    ward.store.database.execute(sql("DROP TABLE coverage"))
    answer = client.get("/coverage", headers=HTML)
    assert answer.status_code == 503
    assert "coverage" in answer.text
    assert "hub.sqlite" not in answer.text


def test_an_unknown_subject_is_not_found(client: TestClient, ward: Console) -> None:
    log_in(client, "kim")
    assert client.get("/subjects/bed-99", headers=HTML).status_code == 404


def test_the_coverage_of_a_day_is_that_of_the_utc_day_at_its_middle(
    console: Console,
) -> None:
    site = console.site.model_copy(update={"timezone": "Pacific/Kiritimati"})  # +14 h
    covered = [
        Covered("bed-1", "2026-05-06", "online", 900.0),
        Covered("bed-1", "2026-05-06", "no data", 100.0),
        Covered("bed-1", "2026-05-07", "online", 1000.0),
    ]
    console.store.coverage.add(covered)
    console.store.notes.note("expected sources", {"bed-1": ["camera"]})
    with asking(replace(console, site=site)) as client:
        log_in(client, "kim")
        text = text_of(client, "/subjects/bed-1?day=2026-05-07")
    assert "Days are in UTC" in text
    assert '<td class="number">90 %</td>' in text


def test_the_system_page_says_that_the_hub_does_not_answer(
    client: TestClient, ward: Console
) -> None:
    log_in(client, "kim")
    text = text_of(client, "/system")
    assert "The service does not answer" in text
    assert "<dd>1, the oldest 1 min ago</dd>" in text


@contextmanager
def hub_with(console: Console, troubles: list[str]) -> Iterator[None]:
    """A hub that answers the console with its troubles."""
    listener = listen("127.0.0.1", 0)
    console.store.notes.note("port", listener.getsockname()[1])
    server = make_server(CollectorRegistry(), lambda: troubles, list)
    thread = Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    yield
    server.should_exit = True
    thread.join()
    listener.close()


def test_only_who_sees_everybody_reads_whom_a_message_or_a_trouble_is_about(
    client: TestClient, ward: Console
) -> None:
    made = Notice("1", "nurses", "bed-4-fall", "bed-4: fall", "")
    ward.store.take([], {}, 1, notices=[made])
    with hub_with(ward, ["bed-4: camera: no data"]):
        log_in(client, "kim")
        whole = text_of(client, "/system")
        log_in(client, "nina")
        limited = text_of(client, "/system")
    for words in ("bed-4: fall", "bed-4: camera"):
        assert words in whole
        assert words not in limited
    for text in (whole, limited):
        assert "<dd>2</dd>" in text
        assert "Something is wrong (1)" in text


def test_texts_of_the_store_are_shown_as_texts(
    client: TestClient, ward: Console
) -> None:
    log_in(client, "ada")
    attack = "<script>alert(1)</script>"
    ward.store.audit.add(1, attack, attack, attack, {attack: attack})
    assert attack not in text_of(client, "/audit")
