"""Wearables: MQTT connection, message formats, device clock, sample buffer."""
