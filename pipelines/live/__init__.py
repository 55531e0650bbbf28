"""The chain from frames to events. ``watch`` is the whole chain; read it first."""
