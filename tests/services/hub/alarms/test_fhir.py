"""Alarms as FHIR, checked by a library that knows the standard."""

import json
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from pipelines.clock import NS_PER_S
from pipelines.live.alarms import Alarm, AlarmRule
from services.hub.alarms.fhir import bundle_of
from services.hub.alarms.notices import notices_of
from services.site.settings import Site
from tests.services.store.rows import alarm, resolved

RAISED = alarm("3f2a91c07be4d518")
LATER_NS = RAISED.raised_ns + 70 * NS_PER_S
LIVES = {
    "confirmed": RAISED,
    "escalated": RAISED.passed(AlarmRule(), LATER_NS),
    "snoozed": RAISED.snoozed("kim", LATER_NS, RAISED.raised_ns),
    "acknowledged": RAISED.acknowledged("kim", LATER_NS),
    "true": resolved(RAISED),
    "false": resolved(RAISED, "false"),
    "technical": replace(RAISED, name="camera lost", kind="technical", priority="low"),
}


def resources(it: Alarm) -> dict[str, Any]:
    """Return an alarm's resources by their type, as the library has read them."""
    bundle = Bundle.model_validate_json(json.dumps(bundle_of(it, "ward-3")))
    read = json.loads(bundle.model_dump_json())
    for entry in read["entry"]:
        resource = entry["resource"]
        assert entry["request"] == {
            "method": "PUT",
            "url": f"{resource['resourceType']}/{resource['id']}",
        }
    return {
        entry["resource"]["resourceType"]: entry["resource"] for entry in read["entry"]
    }


@pytest.mark.parametrize("life", LIVES)
def test_every_state_of_an_alarm_is_valid_fhir(life: str) -> None:
    found = resources(LIVES[life])
    assert found.keys() == {"Observation", "Flag", "Communication"}
    for resource in found.values():
        (identifier,) = resource["identifier"]
        assert identifier["value"] == RAISED.alarm_id
    about = [it["reference"] for it in found["Communication"]["about"]]
    assert about == [f"{it}/{found[it]['id']}" for it in ("Observation", "Flag")]


@pytest.mark.parametrize(
    ("life", "observation", "value", "flag", "communication", "priority"),
    [
        ("confirmed", "preliminary", True, "active", "in-progress", "stat"),
        ("snoozed", "preliminary", True, "active", "on-hold", "stat"),
        ("acknowledged", "preliminary", True, "active", "completed", "stat"),
        ("true", "final", True, "inactive", "completed", "stat"),
        ("false", "final", False, "inactive", "completed", "stat"),
        ("technical", "preliminary", True, "active", "in-progress", "routine"),
    ],
)
def test_states_priorities_and_verdicts_are_those_of_the_alarm(
    life: str,
    observation: str,
    value: bool,
    flag: str,
    communication: str,
    priority: str,
) -> None:
    found = resources(LIVES[life])
    assert found["Observation"]["status"] == observation
    assert found["Observation"]["valueBoolean"] is value
    assert found["Flag"]["status"] == flag
    assert ("end" in found["Flag"]["period"]) == (flag == "inactive")
    assert found["Communication"]["status"] == communication
    assert found["Communication"]["priority"] == priority


def test_who_answered_and_what_they_wrote_is_in_it() -> None:
    found = resources(LIVES["true"])
    last = found["Communication"]["payload"][-1]["contentString"]
    assert last.startswith("resolved at 2023-11-14T23:13:20")
    assert last.endswith(" by kim")
    assert found["Observation"]["note"] == [{"text": "hip"}]


def test_a_webhook_may_ask_for_it() -> None:
    webhook = {"name": "record", "url": "https://h/fhir", "secret": "s"}
    site = Site.model_validate(
        {"site": "ward-3", "webhooks": [{**webhook, "format": "fhir"}]}
    )
    (notice,) = notices_of(site, None, RAISED)
    assert json.loads(notice.body) == bundle_of(RAISED, "ward-3")
