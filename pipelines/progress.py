"""The callback by which long work reports its progress."""

from collections.abc import Callable

Progress = Callable[[str, int, int, str], None]
"""Arguments: name of the stage, units done, units in all, a note for a person."""
