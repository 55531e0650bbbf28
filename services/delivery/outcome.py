"""What became of one attempt to deliver a notice, and who delivers."""

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from services.store.notices import Notice


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt.

    Attributes:
        problem: Why it was not taken; empty if it was. It holds no secret.
        is_refused: Whether the target refuses this notice, so that time alone will
            rarely help.
    """

    problem: str = ""
    is_refused: bool = False


def unexpected(error: Exception) -> str:
    """Return the kind of an error and its place; its text may hold a secret."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"


class NoticeTarget(Protocol):
    """Somebody who takes notices.

    Attributes:
        name: Its name, by which notices are stored.
        label: Its name in logs and troubles.
    """

    name: str
    label: str

    async def send(self, notice: Notice, utc_ns: int) -> Outcome:
        """Try once to deliver a notice; ``utc_ns`` is the present, UTC."""
        ...
