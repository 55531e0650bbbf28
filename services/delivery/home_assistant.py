"""MQTT discovery, by which Home Assistant finds the subjects.

One retained message announces a device with all its entities, which Home Assistant
supports since 2024.11; see home-assistant.io/integrations/mqtt, "Device discovery
payload". Because it is retained, Home Assistant's birth message needs no answer.
"""

from collections.abc import Sequence
from typing import Final

from services.hub.topics import Topics
from services.store.outbox import Message
from services.version import installed_version

PREFIX: Final = "homeassistant/"
_PRESSED: Final = '{"by": "Home Assistant"}'
_OLD_COMPONENTS: Final = ("event", "binary_sensor")


def discovery(topics: Topics, subject_id: str, events: Sequence[str]) -> Message:
    """Return the announcement of a subject: events, alarms, faults of its sources."""
    unit = unit_of(topics, subject_id)
    happens = {
        "platform": "event",
        "name": "event",
        "unique_id": f"{unit}_event",
        "state_topic": topics.of(subject_id, "event"),
        "event_types": [
            f"{name} {state}" for name in events for state in ("started", "ended")
        ],
        # `wardwatch check` sends an empty message, for which nothing is rendered.
        "value_template": (
            "{% if value_json is defined %}{{ {'event_type': value_json.name ~ ' ' ~"
            " value_json.state} | tojson }}{% endif %}"
        ),
    }
    trouble = {
        "platform": "binary_sensor",
        "name": "sources",
        "unique_id": f"{unit}_sources",
        "device_class": "problem",
        "state_topic": topics.of(subject_id, "status"),
        "value_template": (
            "{{ 'OFF' if value_json is defined and value_json.state == 'online'"
            " else 'ON' }}"
        ),
        "json_attributes_topic": topics.of(subject_id, "status"),
    }
    alarm = {
        "platform": "binary_sensor",
        "name": "alarm",
        "unique_id": f"{unit}_alarm",
        "device_class": "safety",
        "state_topic": topics.of(subject_id, "alarm"),
        "value_template": (
            "{{ 'ON' if value_json is defined and value_json.open"
            " | rejectattr('kind', 'eq', 'technical') | selectattr('state', 'in',"
            " ['confirmed', 'escalated']) | list else 'OFF' }}"
        ),
        "json_attributes_topic": topics.of(subject_id, "alarm"),
    }
    acknowledge = {
        "platform": "button",
        "name": "acknowledge",
        "unique_id": f"{unit}_acknowledge",
        "command_topic": topics.answer(subject_id, "ack"),
        "payload_press": _PRESSED,
    }
    escalate = {
        "platform": "button",
        "name": "escalate",
        "unique_id": f"{unit}_escalate",
        "command_topic": topics.answer(subject_id, "escalate"),
        "payload_press": _PRESSED,
    }
    payload = {
        "device": {
            "identifiers": [unit],
            "name": f"{subject_id} ({topics.site})",
            "manufacturer": "wardwatch",
        },
        "origin": {"name": "wardwatch", "sw_version": installed_version()},
        "components": {
            "event": happens,
            "alarm": alarm,
            "acknowledge": acknowledge,
            "escalate": escalate,
            "sources": trouble,
        },
        "availability_topic": topics.site_status,
        "availability_template": "{{ value_json.state }}",
        "qos": 1,
    }
    topic = f"{PREFIX}device/{unit}/config"
    return Message(f"discovery {unit}", topic, payload, retain=True)


def unit_of(topics: Topics, subject_id: str) -> str:
    """Return a subject's unique id, which no other site or subject has.

    Names hold letters, digits, hyphens and underscores and begin with no underscore.
    With their own underscores doubled, a single one or the last of an odd run joins two
    names, so different names never join to the same id.
    """
    names = (topics.prefix, topics.site, subject_id)
    return "_".join(name.replace("_", "__") for name in names)


def old_topics(topics: Topics, subject_id: str) -> dict[str, bool]:
    """Return the topics on which version 0.1 announced a subject's components.

    Returns:
        Topics, each with whether its unique id is still the same, so that Home
        Assistant can keep the entity's history and settings.
    """
    old = f"{topics.prefix}_{topics.site}_{subject_id}"
    is_same = old == unit_of(topics, subject_id)
    return {f"{PREFIX}{kind}/{old}/config": is_same for kind in _OLD_COMPONENTS}


def migration(topic: str) -> Message:
    """Return the request to move an entity from a single component to its device."""
    payload = {"migrate_discovery": True}
    return Message(f"discovery {topic}", topic, payload, retain=True)


def withdrawal(topic: str) -> Message:
    """Return the message that deletes an announcement."""
    return Message(f"discovery {topic}", topic, {}, retain=True)
