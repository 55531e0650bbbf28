"""How long work tells how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int, str], None]
"""Takes a stage, how much of it is done, of how much, and a note for a person."""
