"""The programming interface keeps its own description."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from schemathesis.core.result import Ok
from starlette.testclient import TestClient

from services.console.gate import CSRF_HEADER
from services.console.passwords import hash_of_secret, new_secret
from services.console.people import SCOPES
from services.store.access import Act
from tests import made_up_ward
from tests.console_rig import asking, log_in, open_rig, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    console = open_rig(tmp_path_factory.mktemp("store"))
    made_up_ward.fill(console.store, console.utc_ns())
    with asking(console) as client:
        client.headers[CSRF_HEADER] = log_in(client, "kim")
        yield client


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # schemathesis
def test_every_answer_to_generated_requests_is_as_described(tmp_path: Path) -> None:
    console = open_rig(tmp_path)
    made_up_ward.fill(console.store, console.utc_ns())
    secret, act = new_secret(), Act(0, "kim")
    console.access.add_token("kim", "t", SCOPES, hash_of_secret(secret), act)
    headers = {"authorization": f"Bearer {secret}"}
    paths = set()
    with serving(console) as served:
        described = f"{served.url}/api/openapi.json"
        schema = schemathesis.openapi.from_url(described, headers=headers)
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            paths.add(operation.path)

            @settings(
                max_examples=10, deadline=None, suppress_health_check=list(HealthCheck)
            )
            @given(case=operation.as_strategy())
            def check(case: schemathesis.Case[Any]) -> None:
                answer = case.call(base_url=served.url, headers=headers)
                case.validate_response(answer)

            check()
    console.store.close()
    assert len(paths) == 8


def test_alarms_come_in_pages_without_a_gap(asked: TestClient) -> None:
    whole = asked.get("/api/alarms?state=all&limit=500").json()
    found: list[str] = []
    query = ""
    while lines := asked.get(f"/api/alarms?state=all&limit=4{query}").json():
        found += [line["alarm_id"] for line in lines]
        last = lines[-1]
        query = f"&before_ns={last['raised_ns']}&before_id={last['alarm_id']}"
    assert found == [line["alarm_id"] for line in whole]
    assert len(found) > 8


def test_an_alarm_says_whether_it_is_about_a_person_or_a_fault(
    asked: TestClient,
) -> None:
    store = cast("FastAPI", asked.app).state.console.store
    store.take([], {}, 1, [made_up_ward.fault("bed-7", 1)])
    kinds = {it["name"]: it["kind"] for it in asked.get("/api/alarms").json()}
    assert (kinds["fall"], kinds["camera lost"]) == ("person", "technical")


def test_an_answer_can_be_followed_to_its_outcome(asked: TestClient) -> None:
    alarm = asked.get("/api/alarms").json()[0]["alarm_id"]
    given = {"kind": "resolve", "verdict": "true", "note": "helped"}
    answer = asked.post(f"/api/alarms/{alarm}/answer", json=given)
    assert answer.status_code == 202
    number = answer.json()["number"]
    assert asked.get(f"/api/answers/{number}").json()["outcome"] is None


def test_a_subject_has_its_state_and_its_alarm(asked: TestClient) -> None:
    lines = {line["subject"]: line for line in asked.get("/api/subjects").json()}
    assert lines["bed-1"]["bed"] == "in"
    assert lines["bed-7"]["state"] == "offline"
    assert lines["bed-4"]["alarm_id"]
