"""Delivery: from the outbox to the receivers of messages."""
