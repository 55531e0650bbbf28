"""An administrator manages users."""

import pytest
from starlette.testclient import TestClient

from services.console.context import Console
from services.console.passwords import fits
from tests.console_rig import log_in


@pytest.fixture
def csrf(client: TestClient) -> str:
    return log_in(client, "ada")


def test_a_new_user_has_a_password_that_is_shown_once(
    client: TestClient, console: Console, csrf: str
) -> None:
    fields = {"csrf": csrf, "name": "Tom", "role": "carer", "subject": "bed-1"}
    text = client.post("/users", data=fields).text
    password = text.partition("<code>")[2].partition("</code>")[0]
    tom = console.access.user("tom")
    assert tom is not None
    assert (tom.role, tom.subjects, tom.must_change) == ("carer", ("bed-1",), True)
    assert fits(password, tom.password_hash)
    assert password not in client.get("/users").text
    assert console.store.audit.page(1)[0].what == "user added"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "kim"}, "This name is taken"),
        ({"name": "Tom Jones"}, "small letters"),
        ({"role": "king"}, "small letters"),
    ],
)
def test_a_user_who_does_not_fit_is_refused(
    client: TestClient, csrf: str, change: dict[str, str], words: str
) -> None:
    fields = {"csrf": csrf, "name": "tom", "role": "carer", "all_subjects": "1"}
    answer = client.post("/users", data={**fields, **change})
    assert answer.status_code == 422
    assert words in answer.text


def test_new_rights_count_at_once(
    client: TestClient, console: Console, csrf: str
) -> None:
    fields = {"csrf": csrf, "role": "viewer", "subject": ["bed-1", "bed-3"]}
    client.post("/users/kim/rights", data=fields)
    kim = console.access.user("kim")
    assert kim is not None
    assert (kim.role, kim.subjects) == ("viewer", ("bed-1", "bed-3"))


def test_the_last_administrator_can_neither_go_nor_step_down(
    client: TestClient, console: Console, csrf: str
) -> None:
    fields = {"csrf": csrf, "role": "viewer", "all_subjects": "1"}
    for path in ("/users/ada/rights", "/users/ada/remove"):
        answer = client.post(path, data=fields)
        assert "Somebody must stay administrator" in answer.text
    assert console.access.has_administrator()


def test_a_removed_user_is_out_at_once(
    client: TestClient, console: Console, csrf: str
) -> None:
    ada = dict(client.cookies)
    log_in(client, "kim")
    kim = dict(client.cookies)
    client.cookies.clear()
    client.cookies.update(ada)
    client.post("/users/kim/remove", data={"csrf": csrf})
    client.cookies.clear()
    client.cookies.update(kim)
    assert client.get("/alarms").status_code == 401


def test_a_reset_ends_sessions_and_shows_a_new_password(
    client: TestClient, console: Console, csrf: str
) -> None:
    before = console.access.user("kim")
    text = client.post("/users/kim/password", data={"csrf": csrf}).text
    after = console.access.user("kim")
    assert before is not None
    assert after is not None
    assert after.must_change
    assert after.password_hash != before.password_hash
    assert fits(
        text.partition("<code>")[2].partition("</code>")[0], after.password_hash
    )
