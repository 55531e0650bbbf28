"""The chain from frames to events; ``watch`` holds it whole, read it first."""
