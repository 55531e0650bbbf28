"""Every route, asked by nobody and by every role.

The routes come from the application: one that is not in the table fails the test.
"""

import re
from collections.abc import Iterable, Iterator

import pytest
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount
from starlette.testclient import TestClient

from services.console.app import make_app
from services.console.context import Console
from services.console.people import ROLES
from tests.console_rig import asking, log_in, open_rig
from tests.made_up_ward import fall

OPEN = {
    *{("GET", "/healthz"), ("GET", "/login"), ("POST", "/login")},
    *{("GET", "/login/openid"), ("GET", "/login/openid/callback")},
}
LEAST_ROLE = {
    "viewer": {
        *{("GET", "/"), ("GET", "/alarms"), ("GET", "/alarms/{alarm_id}")},
        *{("GET", "/subjects/{subject_id}"), ("GET", "/history")},
        *{("GET", "/history.csv"), ("GET", "/coverage"), ("GET", "/system")},
        *{("GET", "/stream"), ("POST", "/logout"), ("GET", "/account")},
        *{("POST", "/account/password"), ("POST", "/account/language")},
        *{("POST", "/account/tokens"), ("POST", "/account/tokens/{number}/remove")},
        *{("GET", "/api/subjects"), ("GET", "/api/alarms"), ("GET", "/api/events")},
        *{("GET", "/api/alarms/{alarm_id}"), ("GET", "/api/alarms/{alarm_id}/poses")},
        *{("GET", "/api/answers/{number}"), ("GET", "/api/openapi.json")},
    },
    "carer": {
        ("GET", "/api/alarms/{alarm_id}/clip"),
        ("POST", "/alarms/{alarm_id}/answer"),
        ("POST", "/api/alarms/{alarm_id}/answer"),
    },
    "administrator": {
        *{("GET", "/audit"), ("GET", "/users"), ("POST", "/users")},
        *{("POST", "/users/{name}/rights"), ("POST", "/users/{name}/password")},
        *{("POST", "/users/{name}/remove"), ("POST", "/users/tokens/{number}/remove")},
    },
}
USER_OF = {"viewer": "vera", "carer": "kim", "administrator": "ada"}
ENDLESS = ("GET", "/stream")
"""Tested with a real server; here only that nobody reaches it."""


def routes_in(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Every method and path; what is neither a route nor a router is refused."""
    for route in routes:
        router = getattr(route, "original_router", None)  # of an included router
        if router is not None:
            yield from routes_in(router.routes)
        elif isinstance(route, APIRoute):
            yield from ((method, route.path) for method in route.methods or ())
        else:
            assert isinstance(route, Mount), route
            yield "mounted", route.path


def least_role(route: tuple[str, str]) -> str:
    return next(role for role, routes in LEAST_ROLE.items() if route in routes)


PROTECTED = sorted(set().union(*LEAST_ROLE.values()))


def ask(client: TestClient, route: tuple[str, str], csrf: str = "") -> int:
    method, path = route
    filled = re.sub(r"\{number\}", "1", path)
    filled = re.sub(r"\{\w+\}", "nothing", filled)
    fields = {"csrf": csrf} if method == "POST" else None
    answer = client.request(method, filled, data=fields)
    return answer.status_code


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    console = open_rig(tmp_path_factory.mktemp("store"))
    fall(console.store, "bed-4", console.utc_ns())
    with asking(console) as client:
        yield client


def test_the_table_knows_every_route_and_no_other(console: Console) -> None:
    found = set(routes_in(make_app(console).routes))
    assert found == OPEN | set(PROTECTED) | {("mounted", "/static")}


@pytest.mark.parametrize("route", PROTECTED, ids=" ".join)
def test_nobody_reaches_anything_without_a_login(
    shared: TestClient, route: tuple[str, str]
) -> None:
    shared.cookies.clear()
    assert ask(shared, route) == 401


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_what_is_for_it_and_nothing_above(
    shared: TestClient, role: str
) -> None:
    csrf = log_in(shared, USER_OF[role])
    answers = {}
    for route in PROTECTED:
        if route == ENDLESS or route[1] == "/logout":
            continue
        status = ask(shared, route, csrf)
        may = ROLES.index(role) >= ROLES.index(least_role(route))
        if may == (status in (401, 403)):
            answers[route] = status
    assert answers == {}


@pytest.mark.parametrize("route", PROTECTED, ids=" ".join)
def test_no_form_is_taken_without_its_proof(
    shared: TestClient, route: tuple[str, str]
) -> None:
    if route[0] == "GET":
        return
    log_in(shared, "ada")
    assert ask(shared, route, "forged") == 403
