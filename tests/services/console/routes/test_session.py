"""Logging in and out, and one's own account."""

from pathlib import Path
from urllib.parse import urlencode

import httpx2
import pytest
from starlette.testclient import TestClient

from services.console.context import Console
from services.console.gate import SESSION_COOKIE
from services.console.passwords import hash_of_password
from services.store.access import Act
from tests.console_rig import PASSWORD, asking, log_in, open_rig, serving
from tests.fakes import FakeClock

HTML = {"accept": "text/html"}


def test_a_login_sets_a_cookie_that_scripts_and_other_sites_cannot_use(
    client: TestClient,
) -> None:
    answer = client.post("/login", data={"name": "Kim ", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie  # without TLS the browser would not send it


def test_a_wrong_password_is_refused_and_noted(
    client: TestClient, console: Console
) -> None:
    answer = client.post("/login", data={"name": "kim", "password": "guess"})
    assert answer.status_code == 401
    assert "do not fit" in answer.text
    (entry,) = console.store.audit.page(1)
    assert (entry.what, entry.about) == ("login failed", "kim")


def forwarded(url: str, password: str) -> tuple[int, str]:
    """Log in as through a proxy; return the status, and the cookie if there is one."""
    fields = urlencode({"name": "kim", "password": password}).encode()
    headers = {
        "x-forwarded-for": "198.51.100.1, 203.0.113.9",  # the first may be made up
        "x-forwarded-proto": "https",
    }
    answer = httpx2.post(
        f"{url}/login",
        content=fields,
        headers={**headers, "content-type": "application/x-www-form-urlencoded"},
        verify=False,
    )
    return answer.status_code, answer.headers.get("set-cookie", "").lower()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("proxies", "address", "is_secure"),
    [
        ([], "127.0.0.1", False),
        (["203.0.113.0/24"], "127.0.0.1", False),
        (["127.0.0.1"], "203.0.113.9", True),
    ],
)
def test_only_a_trusted_proxy_says_who_asks_and_whether_by_tls(
    tmp_path: Path, proxies: list[str], address: str, is_secure: bool
) -> None:
    console = open_rig(tmp_path, trusted_proxies=proxies)
    with serving(console) as served:
        assert forwarded(served.url, "guess")[0] == 401
        (entry,) = console.store.audit.page(1)
        status, cookie = forwarded(served.url, PASSWORD)
    assert entry.detail == {"address": address}
    assert (status, "; secure" in cookie) == (303, is_secure)
    console.store.close()


def test_an_unknown_name_gets_the_same_answer_as_a_wrong_password(
    client: TestClient,
) -> None:
    texts = {
        client.post("/login", data={"name": name, "password": "x"}).text.replace(
            f'value="{name}"', ""
        )
        for name in ("kim", "nobody")
    }
    assert len(texts) == 1


def test_the_sixth_wrong_password_is_not_even_looked_at(client: TestClient) -> None:
    for _ in range(5):
        client.post("/login", data={"name": "kim", "password": "guess"})
    answer = client.post("/login", data={"name": "kim", "password": PASSWORD})
    assert answer.status_code == 429


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/alarms?x=1", "/alarms?x=1"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\\[//[", "/"),
        ("http://[", "/"),
        ("/x//[", "/x//["),
    ],
)
def test_a_login_leads_to_a_page_of_ours_alone(
    client: TestClient, wanted: str, target: str
) -> None:
    fields = {"name": "kim", "password": PASSWORD, "next": wanted}
    assert client.post("/login", data=fields).headers["location"] == target


def test_logging_out_ends_the_session_itself(client: TestClient) -> None:
    csrf = log_in(client, "kim")
    secret = client.cookies[SESSION_COOKIE]
    client.post("/logout", data={"csrf": csrf})
    client.cookies.set(SESSION_COOKIE, secret)
    assert client.get("/alarms").status_code == 401


def test_a_session_ends_after_hours_without_use_and_not_before(tmp_path: Path) -> None:
    clock = FakeClock()
    with asking(open_rig(tmp_path, clock, session_hours=1)) as client:
        log_in(client, "kim")
        for _ in range(3):
            clock.advance_s(3000)
            assert client.get("/alarms").status_code == 200
        clock.advance_s(3601)
        assert client.get("/alarms").status_code == 401


def test_a_session_ends_after_a_month_even_if_it_is_used(tmp_path: Path) -> None:
    clock = FakeClock()
    with asking(open_rig(tmp_path, clock, session_hours=600)) as client:
        log_in(client, "kim")
        clock.advance_s(20 * 86_400)
        assert client.get("/alarms").status_code == 200
        clock.advance_s(11 * 86_400)
        assert client.get("/alarms").status_code == 401


def test_a_password_of_somebody_else_must_be_changed_first(
    client: TestClient, console: Console
) -> None:
    hashed = hash_of_password(PASSWORD)
    console.access.set_password("kim", hashed, Act(0, "ada"), must_change=True)
    csrf = log_in(client, "kim")
    assert client.get("/", headers=HTML).headers["location"] == "/account"
    assert client.get("/api/subjects").status_code == 403
    fields = {"csrf": csrf, "name": "x", "read": "1"}
    assert client.post("/account/tokens", data=fields).status_code == 403
    new = {"old": PASSWORD, "new": "a new long one", "again": "a new long one"}
    answer = client.post("/account/password", data={"csrf": csrf, **new})
    assert answer.status_code == 303
    fields = {"name": "kim", "password": "a new long one"}
    client.post("/login", data=fields)
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"old": "wrong"},
        {"new": "short", "again": "short"},
        {"again": "another one"},
        {"new": PASSWORD, "again": PASSWORD},
    ],
)
def test_a_change_that_does_not_fit_changes_no_password(
    client: TestClient, change: dict[str, str]
) -> None:
    csrf = log_in(client, "kim")
    fields = {"old": PASSWORD, "new": "a new long one", "again": "a new long one"}
    answer = client.post("/account/password", data={"csrf": csrf, **fields, **change})
    assert answer.status_code == 422
    assert log_in(client, "kim")


def test_the_present_password_cannot_be_guessed_from_a_session(
    client: TestClient,
) -> None:
    csrf = log_in(client, "kim")
    new = {"new": "a new long one", "again": "a new long one"}
    for old in (*("guess",) * 5, PASSWORD):
        fields = {"csrf": csrf, "old": old, **new}
        answer = client.post("/account/password", data=fields)
        assert answer.status_code == 422
    assert "Too many tries" in answer.text
    assert log_in(client, "kim")


def test_a_token_reads_and_answers_by_its_scopes_alone(
    client: TestClient, console: Console
) -> None:
    csrf = log_in(client, "kim")
    fields = {"csrf": csrf, "name": "pager", "read": "1"}
    page = client.post("/account/tokens", data=fields).text
    secret = page.partition("<code>")[2].partition("</code>")[0]
    client.cookies.clear()
    bearer = {"authorization": f"Bearer {secret}"}
    assert client.get("/api/subjects", headers=bearer).status_code == 200
    answer = {"kind": "ack"}
    path = "/api/alarms/nothing/answer"
    assert client.post(path, json=answer, headers=bearer).status_code == 403
    assert client.get("/users", headers=bearer).status_code == 403
    (token,) = console.access.tokens("kim")
    console.access.remove_token(token.number, Act(0, "kim"))
    assert client.get("/api/subjects", headers=bearer).status_code == 401


def test_the_pages_speak_the_chosen_language_before_the_browsers(
    client: TestClient,
) -> None:
    german = {**HTML, "accept-language": "de"}
    assert '<html lang="de">' in client.get("/login", headers=german).text
    csrf = log_in(client, "kim")
    client.post("/account/language", data={"csrf": csrf, "language": "en"})
    assert '<html lang="en">' in client.get("/alarms", headers=german).text
