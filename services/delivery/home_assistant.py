"""What Home Assistant needs to find subjects by itself: its MQTT discovery.

See home-assistant.io/integrations/mqtt: a retained message for each entity.
"""

from collections.abc import Sequence

from services.store import Message
from services.topics import Topics

_PREFIX = "homeassistant"


def discovery(topics: Topics, subject_id: str, events: Sequence[str]) -> list[Message]:
    """Announce a subject: its events, and whether something is wrong with its sources.

    Args:
        topics: Of the site.
        subject_id: Whom to announce.
        events: Names of all events that may occur.
    """
    unit = f"{topics.prefix}_{topics.site}_{subject_id}"
    shared = {
        "device": {
            "identifiers": [unit],
            "name": f"{subject_id} ({topics.site})",
            "manufacturer": "wardwatch",
        },
        "availability_topic": topics.site_status,
        "availability_template": "{{ value_json.state }}",
    }
    happens = {
        **shared,
        "name": "event",
        "unique_id": f"{unit}_event",
        "state_topic": topics.of(subject_id, "event"),
        "event_types": [
            f"{name} {state}" for name in events for state in ("started", "ended")
        ],
        "value_template": (
            "{{ {'event_type': value_json.name ~ ' ' ~ value_json.state} | tojson }}"
        ),
    }
    trouble = {
        **shared,
        "name": "sources",
        "unique_id": f"{unit}_sources",
        "device_class": "problem",
        "state_topic": topics.of(subject_id, "status"),
        "value_template": "{{ 'OFF' if value_json.state == 'online' else 'ON' }}",
        "json_attributes_topic": topics.of(subject_id, "status"),
    }
    return [
        Message(
            f"discovery {unit} {kind}",
            f"{_PREFIX}/{kind}/{unit}/config",
            payload,
            retain=True,
        )
        for kind, payload in (("event", happens), ("binary_sensor", trouble))
    ]
