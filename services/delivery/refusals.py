"""Topics whose messages the broker does not take, and when each is tried again."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, final

from pipelines.clock import seconds_to_ns
from pipelines.sources.backoff import Backoff

Kind = Literal["denied", "silent", "unprovable", "closed"]
"""How a topic is refused: by a reason code; published, but its echo is not heard; the
same where no echo is heard at all; by the end of the connection."""

_PAUSES_S: Final[dict[Kind, tuple[float, float]]] = {
    "denied": (0.5, 15.0),
    # A message without an echo may have been heard by others: each try may be a copy.
    "silent": (2.5, 60.0),
    "unprovable": (2.5, 600.0),
    # Each try costs everybody the connection.
    "closed": (15.0, 600.0),
}
_NAMED = 5
"""So many topics are named in a list of troubles; the others are counted."""


@dataclass(slots=True)
class Refusal:
    """Why messages of a topic wait.

    Attributes:
        topic: Of the message that was refused last.
        reason: Why, in a few words.
        kind: How.
        due_ns: When it is tried again.
        tries: How often it was refused in a row.
        backoff: Gives the pauses.
    """

    topic: str
    reason: str
    kind: Kind
    due_ns: int
    tries: int
    backoff: Backoff

    @property
    def is_silent(self) -> bool:
        """Whether messages go out, but nothing proves that they arrive."""
        return self.kind in ("silent", "unprovable")

    def __str__(self) -> str:
        match self.kind:
            case "denied":
                return f"the broker refuses {self.topic}: {self.reason}"
            case "closed":
                return f"the broker does not take {self.topic}: {self.reason}"
            case _:
                return f"delivery of {self.topic} is not confirmed: {self.reason}"


@final
class Refusals:
    """The refused topics, by the lane that each belongs to.

    Args:
        rng: Draws the pauses.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._by_lane: dict[str, Refusal] = {}

    def __len__(self) -> int:
        return len(self._by_lane)

    def of(self, lane: str) -> Refusal | None:
        """Return why a lane waits, or None if it does not."""
        return self._by_lane.get(lane)

    def refuse(
        self, lane: str, topic: str, reason: str, kind: Kind, now_ns: int
    ) -> bool:
        """Note a refusal, and plan the next try; tell whether the lane was free."""
        before = self._by_lane.get(lane)
        if before is not None and before.kind == kind:
            backoff, tries = before.backoff, before.tries
        else:
            backoff, tries = Backoff(*_PAUSES_S[kind], self._rng), 0
        due_ns = now_ns + seconds_to_ns(backoff.next_s())
        found = Refusal(topic, reason, kind, due_ns, tries + 1, backoff)
        self._by_lane[lane] = found
        return before is None

    def clear(self, lane: str) -> bool:
        """Note that a lane is free; tell whether it was not."""
        return self._by_lane.pop(lane, None) is not None

    def is_due(self, lane: str, now_ns: int) -> bool:
        """Tell whether a lane may be tried: it is free, or its pause is over."""
        refusal = self._by_lane.get(lane)
        return refusal is None or refusal.due_ns <= now_ns

    def due(self, now_ns: int) -> list[str]:
        """Return the refused lanes whose pause is over."""
        return [name for name in self._by_lane if self.is_due(name, now_ns)]

    def held(self, now_ns: int) -> list[str]:
        """Return the lanes in which nothing is published until they are due."""
        return [
            name
            for name, refusal in self._by_lane.items()
            if not refusal.is_silent and refusal.due_ns > now_ns
        ]

    def next_due_ns(self) -> int | None:
        """Return when the next lane is due, or None if none waits."""
        return min((it.due_ns for it in self._by_lane.values()), default=None)

    def hurry(self, now_ns: int, *, also_denied: bool = False) -> None:
        """Let what is silent, and if so asked what is denied, be tried at once."""
        for refusal in self._by_lane.values():
            if refusal.is_silent or (also_denied and refusal.kind == "denied"):
                refusal.due_ns = now_ns

    def troubles(self) -> list[str]:
        """Say what does not go out or is not proven, the worst first."""
        found = sorted(self._by_lane.values(), key=lambda it: it.is_silent)
        return _shortened(
            [str(each) for each in found if each.kind != "unprovable"], _NAMED
        )


def _shortened(lines: Iterable[str], most: int) -> list[str]:
    shown = list(lines)
    if len(shown) <= most:
        return shown
    return [*shown[:most], f"and {len(shown) - most} more topics"]
