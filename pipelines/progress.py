"""The callback by which long work reports its progress."""

from collections.abc import Callable
from itertools import count
from typing import Protocol

Progress = Callable[[str, int, int, str], None]
"""Arguments: name of the stage, units done, units in all, a note for a person."""


class Named(Protocol):
    """A unit of work with a name."""

    @property
    def name(self) -> str:
        """The name, for a person."""
        ...


def counting(on_progress: Progress, stage: str, total: int) -> Callable[[Named], None]:
    """Return a function that reports one more unit of a stage, with its name."""
    done = count(1)
    return lambda unit: on_progress(stage, next(done), total, unit.name)
