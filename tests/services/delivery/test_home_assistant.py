"""What subjects are called in Home Assistant, and whether it understands it."""

import re

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from services.delivery.home_assistant import discovery, old_topics, unit_of
from services.hub.topics import Topics
from tests.services.delivery.home_assistant_rules import DEVICE_DISCOVERY, TOPIC

names = st.from_regex(r"\A[a-c3][a-c3_-]{0,5}\Z")
places = st.tuples(names, names, names)


@pytest.mark.slow
@given(places, places)
def test_two_subjects_never_have_the_same_id(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    prefix, site, subject = one
    prefix_2, site_2, subject_2 = other
    same = unit_of(Topics(prefix, site), subject) == unit_of(
        Topics(prefix_2, site_2), subject_2
    )
    assert same == (one == other)


def test_sites_that_share_a_name_with_a_subject_are_told_apart() -> None:
    assert unit_of(Topics("wardwatch", "ward"), "3_bed") == "wardwatch_ward_3__bed"
    assert unit_of(Topics("wardwatch", "ward_3"), "bed") == "wardwatch_ward__3_bed"


def test_an_id_without_underscores_in_its_names_is_that_of_version_0_1() -> None:
    assert old_topics(Topics("wardwatch", "ward-3"), "bed-4") == {
        "homeassistant/event/wardwatch_ward-3_bed-4/config": True,
        "homeassistant/binary_sensor/wardwatch_ward-3_bed-4/config": True,
    }
    assert set(old_topics(Topics("wardwatch", "ward_3"), "bed").values()) == {False}


@pytest.mark.slow
@given(places, st.lists(st.sampled_from(["fall", "bed exit"]), min_size=1, unique=True))
def test_home_assistant_accepts_what_is_announced(
    place: tuple[str, str, str], events: list[str]
) -> None:
    prefix, site, subject = place
    message = discovery(Topics(prefix, site), subject, events)
    assert re.match(TOPIC, message.topic)
    jsonschema.validate(message.payload, DEVICE_DISCOVERY)
    assert message.retain
    entities = message.payload["components"]
    assert entities["event"]["state_topic"] == f"{prefix}/{site}/{subject}/event"
    assert entities["event"]["event_types"] == [
        f"{name} {state}" for name in events for state in ("started", "ended")
    ]
    for name, kind in (("acknowledge", "ack"), ("escalate", "escalate")):
        topic = f"{prefix}/{site}/alarm/{subject}/{kind}"
        assert entities[name]["command_topic"] == topic
    ids = [each["unique_id"] for each in entities.values()]
    assert len(set(ids)) == len(ids)
    assert message.payload["availability_topic"] == f"{prefix}/{site}/status"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ({"open": []}, "OFF"),
        ({"open": [{"state": "acknowledged"}]}, "OFF"),
        ({"open": [{"state": "suspected"}]}, "OFF"),
        ({"open": [{"state": "snoozed"}, {"state": "escalated"}]}, "ON"),
        (None, "OFF"),
    ],
)
def test_an_alarm_that_waits_for_an_answer_is_on(message: object, shown: str) -> None:
    payload = discovery(Topics("wardwatch", "ward-3"), "bed-4", ["fall"]).payload
    template = payload["components"]["alarm"]["value_template"]
    values = {} if message is None else {"value_json": message}
    assert Environment(autoescape=True).from_string(template).render(values) == shown
