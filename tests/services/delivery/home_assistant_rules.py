"""What Home Assistant asks of a device's discovery message, as a JSON Schema.

Written down from ``homeassistant/components/mqtt``: ``schemas.py``
(DEVICE_DISCOVERY_SCHEMA), ``event.py``, ``binary_sensor.py``, ``button.py`` and
``entity.py`` of Home Assistant 2025.4, and home-assistant.io/integrations/mqtt. Keys
that it does not know are dropped there in silence; here they are mistakes.
"""

from typing import Any, Final

TOPIC: Final = r"^homeassistant/device/[a-zA-Z0-9_-]+/config$"
"""``TOPIC_MATCHER`` of ``discovery.py``, with the device's component."""

_TEXT: Final = {"type": "string", "minLength": 1}
_SUBSCRIBED: Final = {"type": "string", "pattern": r"^[^#+\x00]{1,65535}$"}

_ENTITY: Final[dict[str, Any]] = {
    "name": _TEXT,
    "unique_id": _TEXT,
    "state_topic": _SUBSCRIBED,
    "value_template": _TEXT,
    "json_attributes_topic": _SUBSCRIBED,
}

_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["platform", "unique_id", "state_topic", "event_types"],
    "additionalProperties": False,
    "properties": {
        **_ENTITY,
        "platform": {"const": "event"},
        "event_types": {
            "type": "array",
            "items": _TEXT,
            "minItems": 1,
            "uniqueItems": True,
        },
    },
}

_BINARY_SENSOR: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["platform", "unique_id", "state_topic"],
    "additionalProperties": False,
    "properties": {
        **_ENTITY,
        "platform": {"const": "binary_sensor"},
        "device_class": {"enum": ["problem", "connectivity", "running", "safety"]},
    },
}

_BUTTON: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["platform", "unique_id", "command_topic"],
    "additionalProperties": False,
    "properties": {
        "name": _TEXT,
        "unique_id": _TEXT,
        "platform": {"const": "button"},
        "command_topic": _SUBSCRIBED,  # published to: without wildcards too
        "payload_press": _TEXT,
    },
}

DEVICE_DISCOVERY: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["device", "components", "origin"],
    "additionalProperties": False,
    "properties": {
        "device": {
            "type": "object",
            "required": ["identifiers"],
            "additionalProperties": False,
            "properties": {
                "identifiers": {"type": "array", "items": _TEXT, "minItems": 1},
                "name": _TEXT,
                "manufacturer": _TEXT,
                "model": _TEXT,
                "sw_version": _TEXT,
            },
        },
        "origin": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {"name": _TEXT, "sw_version": _TEXT},
        },
        "components": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"oneOf": [_EVENT, _BINARY_SENSOR, _BUTTON]},
        },
        "availability_topic": _SUBSCRIBED,
        "availability_template": _TEXT,
        "qos": {"enum": [0, 1, 2]},
    },
}
