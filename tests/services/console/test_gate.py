"""The gate: other sites, large bodies, headers."""

import pytest
from starlette.testclient import TestClient

from services.console.gate import CSRF_HEADER, fields_of
from tests.console_rig import PASSWORD, log_in

HTML = {"accept": "text/html"}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://["},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_a_form_of_another_site_is_refused_even_at_the_login(
    client: TestClient, headers: dict[str, str]
) -> None:
    fields = {"name": "kim", "password": PASSWORD}
    assert client.post("/login", data=fields, headers=headers).status_code == 403


def test_a_form_of_our_own_origin_passes(client: TestClient) -> None:
    fields = {"name": "kim", "password": PASSWORD}
    headers = {"origin": "http://ward", "sec-fetch-site": "same-origin"}
    assert client.post("/login", data=fields, headers=headers).status_code == 303


@pytest.mark.parametrize("host", ["ward/static/x?", "ward/login?", "ward/healthz#"])
def test_the_name_of_the_host_opens_no_way_past_the_gate(
    client: TestClient, host: str
) -> None:
    for path in ("/", "/alarms", "/api/subjects", "/users", "/nothing"):
        assert client.get(path, headers={"host": host}).status_code == 401, path
    csrf = log_in(client, "kim")
    headers = {"host": host, "origin": f"http://{host}"}
    assert client.post("/logout", headers=headers).status_code == 403
    assert client.post("/logout", data={"csrf": csrf}).status_code == 303


def test_json_of_a_browser_carries_its_proof_in_a_header(client: TestClient) -> None:
    csrf = log_in(client, "kim")
    path, answer = "/api/alarms/nothing/answer", {"kind": "ack"}
    assert client.post(path, json=answer).status_code == 403
    fine = client.post(path, json=answer, headers={CSRF_HEADER: csrf})
    assert fine.status_code == 404


def test_the_proof_of_another_session_does_not_fit(client: TestClient) -> None:
    old = log_in(client, "kim")
    log_in(client, "kim")
    assert client.post("/logout", data={"csrf": old}).status_code == 403


def test_an_endless_body_is_refused(client: TestClient) -> None:
    answer = client.post("/login", content=b"x" * 70_000)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/login", "/static/console.css", "/nothing"])
def test_every_answer_has_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_pages_are_kept_by_no_browser(client: TestClient) -> None:
    assert client.get("/login").headers["cache-control"] == "no-store"


def test_a_page_leads_to_the_login_and_back(client: TestClient) -> None:
    answer = client.get("/history?kind=events", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/history%3Fkind%3Devents"


def test_a_body_that_is_no_form_has_no_fields() -> None:
    assert not fields_of(b"\xff=1")
    assert not fields_of(b"&".join(b"a=1" for _ in range(1000)))
    assert fields_of(b"a=1&a=2&b=").getlist("a") == ["1", "2"]
