"""Logins by a real OpenID Connect provider, and every answer that is refused."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from services.console.gate import SESSION_COOKIE
from services.store.access import Act, User
from tests.console_rig import PASSWORD, asking, log_in, open_rig
from tests.openid_provider import OpenIdProvider, openid_provider, rsa_key

HTML = {"accept": "text/html"}
LONG_AGO = 1_000_000_000
NOT_FOR_US: tuple[tuple[dict[str, Any], str], ...] = (
    ({"nonce": "of another login"}, "invalid_claim nonce"),
    ({"nonce": None}, "missing_claim nonce"),
    ({"aud": "another"}, "invalid_claim aud"),
    ({"aud": ["another"], "azp": "console"}, "invalid_claim aud"),
    ({"aud": None}, "missing_claim aud"),
    ({"iss": "https://another.example"}, "invalid_claim iss"),
    ({"exp": LONG_AGO}, "expired_token exp"),
    ({"sub": None}, "missing_claim sub"),
    ({"at_hash": "of another token"}, "invalid_claim at_hash"),
)

Open = Callable[..., TestClient]


@pytest.fixture
def provider() -> Iterator[OpenIdProvider]:
    with openid_provider() as provider:
        yield provider


@pytest.fixture
def opened(tmp_path: Path, provider: OpenIdProvider) -> Iterator[Open]:
    """Opens a console with that provider."""
    with ExitStack() as stack:

        def open_it(password_login: str = "everybody", **oidc: Any) -> TestClient:
            console = open_rig(
                tmp_path,
                oidc=provider.settings(tmp_path, **oidc),
                password_login=password_login,
            )
            return stack.enter_context(asking(console))

        yield open_it


def way_back(client: TestClient, target: str = "/") -> str:
    """Begin a login, log in at the provider, and return where it sends the browser."""
    begun = client.get("/login/openid", params={"next": target})
    assert begun.status_code == 303, begun.text
    there = httpx2.get(begun.headers["location"], verify=False)  # no CAs to read
    back: str = there.headers["location"]
    assert back.startswith("http://127.0.0.1:9480/login/openid/callback?")
    return back.removeprefix("http://127.0.0.1:9480")


def go_back(client: TestClient, path: str) -> httpx2.Response:
    return client.get(path, headers=HTML)


def latest_audit(client: TestClient) -> tuple[str, str, Any]:
    console = client.app.state.console  # type: ignore[attr-defined]
    (entry,) = console.store.audit.page(1)
    return entry.what, entry.about, entry.detail


def user_of(client: TestClient, name: str) -> User:
    console = client.app.state.console  # type: ignore[attr-defined]
    user = console.access.user(name)
    assert isinstance(user, User)
    return user


def test_who_logs_in_at_the_provider_is_a_user_here_with_the_role_of_the_group(
    opened: Open, provider: OpenIdProvider
) -> None:
    client = opened()
    answer = go_back(client, way_back(client, "/alarms?x=1"))
    assert answer.status_code == 200
    assert 'content="0;url=/alarms?x=1"' in answer.text
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    detail = {"address": "testclient", "by": provider.issuer}
    assert latest_audit(client) == ("logged in", "nora", detail)
    account = client.get("/account", headers=HTML)
    assert "nora" in account.text
    assert "/account/password" not in account.text
    csrf = account.text.partition('name="csrf" content="')[2].partition('"')[0]
    changed = client.post("/account/password", data={"csrf": csrf, "new": PASSWORD})
    assert "have no password here" in changed.text
    assert user_of(client, "nora").role == "carer"


def test_an_id_token_that_is_not_for_this_login_is_refused_and_noted(
    opened: Open, provider: OpenIdProvider
) -> None:
    client = opened()
    for claims, reason in NOT_FOR_US:
        provider.claims = claims
        answer = go_back(client, way_back(client))
        assert answer.status_code == 403, claims
        assert "did not confirm who you are" in answer.text
        assert SESSION_COOKIE not in client.cookies
        what, _, detail = latest_audit(client)
        assert what == "login failed"
        assert detail["reason"] == f"the ID token is not accepted: {reason}"


def test_an_id_token_with_the_signature_of_somebody_else_is_refused(
    opened: Open, provider: OpenIdProvider
) -> None:
    client = opened()
    theirs = rsa_key("theirs")
    forged = RSAKey.import_key({**theirs.as_dict(private=True), "kid": "ours"})
    for key, reason in ((theirs, "invalid_key_id"), (forged, "bad_signature")):
        provider.signs_with = key
        assert go_back(client, way_back(client)).status_code == 403
        assert latest_audit(client)[2]["reason"].endswith(reason)


def test_a_new_key_of_the_provider_is_fetched(
    opened: Open, provider: OpenIdProvider
) -> None:
    client = opened()
    assert go_back(client, way_back(client)).status_code == 200
    client.cookies.clear()
    provider.published = provider.signs_with = rsa_key("theirs")
    assert go_back(client, way_back(client)).status_code == 200


def test_an_answer_counts_once_and_in_the_browser_that_began(opened: Open) -> None:
    client = opened()
    path = way_back(client)
    cookies = dict(client.cookies)
    client.cookies.clear()
    assert go_back(client, path).status_code == 400  # another browser; now it is over
    client.cookies.update(cookies)
    assert go_back(client, path).status_code == 400
    path = way_back(client)
    assert go_back(client, path).status_code == 200
    client.cookies.clear()
    client.cookies.update(cookies)
    replayed = go_back(client, path)
    assert replayed.status_code == 400
    assert "was used before" in replayed.text
    assert SESSION_COOKIE not in client.cookies


def test_a_code_of_another_login_is_refused(opened: Open) -> None:
    client = opened()
    first, second = way_back(client), way_back(client)
    state = second.partition("state=")[2]
    answer = go_back(client, f"{first.partition('&')[0]}&state={state}")
    assert answer.status_code == 403  # by the provider, since its verifier is another
    reason = latest_audit(client)[2]["reason"]
    assert reason == "the provider refuses the code: invalid_grant"


def test_a_refusal_by_the_provider_is_shown_and_noted(opened: Open) -> None:
    client = opened()
    state = way_back(client).partition("state=")[2]
    path = f"/login/openid/callback?error=access_denied&state={state}"
    assert go_back(client, path).status_code == 403
    assert latest_audit(client)[2]["reason"] == "the provider says access_denied"


def test_nobody_without_a_group_of_ours_is_let_in(
    opened: Open, provider: OpenIdProvider
) -> None:
    client = opened()
    provider.claims = {"groups": ["visitors"]}
    answer = go_back(client, way_back(client))
    assert answer.status_code == 403
    assert "You have no rights here" in answer.text
    reason = "the claim groups gives no role"
    detail = {"address": "testclient", "reason": reason}
    assert latest_audit(client) == ("login failed", "nora", detail)


def test_nobody_becomes_a_local_user_by_choosing_the_name(
    opened: Open, provider: OpenIdProvider
) -> None:
    client = opened()
    provider.claims = {"preferred_username": "ada", "groups": ["it"]}
    answer = go_back(client, way_back(client))
    assert answer.status_code == 403
    assert "belongs to another user" in answer.text
    assert user_of(client, "ada").identity is None


def test_a_person_stays_the_same_user_with_the_rights_of_the_latest_login(
    opened: Open, provider: OpenIdProvider
) -> None:
    client = opened(subjects={"nurses": ["bed-1"], "it": "all"})
    go_back(client, way_back(client))
    assert user_of(client, "nora").subjects == ("bed-1",)
    client.cookies.clear()
    provider.claims = {"preferred_username": "married", "groups": ["nurses", "it"]}
    go_back(client, way_back(client))
    nora = user_of(client, "nora")
    assert (nora.role, nora.subjects) == ("administrator", None)


@pytest.mark.slow
def test_subjects_that_an_administrator_has_set_stay_and_the_role_does_not(
    opened: Open,
) -> None:
    client = opened()
    go_back(client, way_back(client))
    csrf = log_in(client, "ada")
    fields = {"csrf": csrf, "role": "administrator", "subject": "bed-2"}
    client.post("/users/nora/rights", data=fields)
    nora = user_of(client, "nora")
    assert (nora.role, nora.subjects) == ("carer", ("bed-2",))
    reset = client.post("/users/nora/password", data={"csrf": csrf})
    assert reset.status_code == 422
    client.cookies.clear()
    go_back(client, way_back(client))
    assert user_of(client, "nora").subjects == ("bed-2",)


@pytest.mark.slow
def test_nobody_logs_in_with_a_password_as_a_user_of_the_provider(
    opened: Open,
) -> None:
    client = opened()
    go_back(client, way_back(client))
    client.cookies.clear()
    for password in ("", PASSWORD):
        answer = client.post("/login", data={"name": "nora", "password": password})
        assert answer.status_code == 401


@pytest.mark.slow
def test_claims_that_the_id_token_lacks_are_asked_for(
    opened: Open, provider: OpenIdProvider
) -> None:
    client = opened()
    provider.claims = {"groups": None}
    provider.userinfo = {"sub": "4711", "groups": ["it"]}
    assert go_back(client, way_back(client)).status_code == 200
    assert user_of(client, "nora").role == "administrator"
    client.cookies.clear()
    provider.userinfo = {"sub": "another", "groups": ["it"]}
    assert go_back(client, way_back(client)).status_code == 403


@pytest.mark.slow
def test_passwords_can_be_for_administrators_alone(opened: Open) -> None:
    client = opened(password_login="administrators")
    answer = client.post("/login", data={"name": "kim", "password": PASSWORD})
    assert answer.status_code == 403
    assert "Only administrators log in with a password" in answer.text
    assert latest_audit(client)[2]["reason"] == "passwords are for administrators"
    log_in(client, "ada")


def test_the_last_administrator_with_a_password_stays(
    opened: Open, provider: OpenIdProvider
) -> None:
    client = opened()
    provider.claims = {"groups": ["it"]}
    go_back(client, way_back(client))
    console = client.app.state.console  # type: ignore[attr-defined]
    assert not console.access.remove("ada", Act(0, "nora"))
    assert console.access.remove("nora", Act(0, "ada"))


def test_a_provider_that_is_away_is_said_and_the_password_still_works(
    opened: Open, provider: OpenIdProvider
) -> None:
    client = opened()
    provider.discovery = {"issuer": "https://another.example"}
    answer = client.get("/login/openid", headers=HTML)
    assert answer.status_code == 503
    assert "does not answer" in answer.text
    log_in(client, "kim")


def test_an_address_that_fails_too_often_waits(
    opened: Open, provider: OpenIdProvider
) -> None:
    client = opened()
    state = client.app.state.console  # type: ignore[attr-defined]
    for number in range(20):
        state.limit.failed(f"name-{number}", "testclient")
    before = len(provider.asked)
    answer = go_back(client, way_back(client))
    assert answer.status_code == 429
    assert provider.asked[before:] == [
        "/ward/.well-known/openid-configuration",
        "/authorize",
    ]


def test_a_provider_that_fails_uses_up_no_tries_of_its_address(
    opened: Open, provider: OpenIdProvider
) -> None:
    client = opened()
    limit = client.app.state.console.limit  # type: ignore[attr-defined]
    for number in range(19):
        limit.failed(f"name-{number}", "testclient")
    provider.discovery = {"token_endpoint": "http://127.0.0.1:1/"}  # nobody listens
    answer = go_back(client, way_back(client))
    assert answer.status_code == 503
    assert limit.wait_s("kim", "testclient") == 0


def test_without_a_provider_there_is_no_such_login(client: TestClient) -> None:
    assert client.get("/login/openid").status_code == 404
    assert "/login/openid" not in client.get("/login").text


def test_the_page_of_the_login_names_the_provider(opened: Open) -> None:
    client = opened(name="St. Mary's")
    german = {"accept-language": "de"}
    page = client.get("/login?next=/alarms%3Fx%3D1", headers=german).text
    assert (
        'href="/login/openid?next=/alarms%3Fx%3D1">Mit St. Mary&#39;s anmelden' in page
    )
