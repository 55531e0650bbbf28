"""Topics whose messages the broker refuses, and when each is tried again."""

from dataclasses import dataclass
from random import Random
from typing import Final, Literal, final

from pipelines.clock import seconds_to_ns
from pipelines.sources.backoff import Backoff

Kind = Literal["denied", "silent", "unprovable", "closed"]
"""How a topic is refused: by a reason code; by a missing echo; by a missing echo while
no topic has one; by the end of the connection."""

_PAUSES_S: Final[dict[Kind, tuple[float, float]]] = {
    "denied": (0.5, 15.0),
    # Others may have received a message without an echo, so each try may be a copy.
    "silent": (2.5, 60.0),
    "unprovable": (2.5, 600.0),
    # Each try ends the connection for all topics.
    "closed": (15.0, 600.0),
}
_NAMED = 5
"""Number of topics that a list of troubles names; the others are counted."""


@dataclass(slots=True)
class Refusal:
    """Why messages of a topic wait.

    Attributes:
        topic: Topic of the message that was refused last.
        reason: The reason in a few words.
        kind: How the message was refused.
        due_ns: Time of the next try.
        tries: Number of refusals in a row.
        backoff: Pauses between the tries.
    """

    topic: str
    reason: str
    kind: Kind
    due_ns: int
    tries: int
    backoff: Backoff

    @property
    def is_silent(self) -> bool:
        """Whether messages are published, but nothing proves their delivery."""
        return self.kind in ("silent", "unprovable")

    def __str__(self) -> str:
        match self.kind:
            case "denied":
                return f"the broker refuses {self.topic}: {self.reason}"
            case "closed":
                return f"the broker does not accept {self.topic}: {self.reason}"
            case _:
                return f"delivery of {self.topic} is not confirmed: {self.reason}"


@final
class Refusals:
    """The refused topics, by the lane of each."""

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
        """Record a refusal and plan the next try; return whether it is the first."""
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
        """Record that a lane is free; return whether it was refused before."""
        return self._by_lane.pop(lane, None) is not None

    def is_due(self, lane: str, now_ns: int) -> bool:
        """Return whether a lane may be tried: it is free, or its pause is over."""
        refusal = self._by_lane.get(lane)
        return refusal is None or refusal.due_ns <= now_ns

    def due(self, now_ns: int) -> list[str]:
        """Return the refused lanes whose pause is over."""
        return [name for name in self._by_lane if self.is_due(name, now_ns)]

    def held(self, now_ns: int) -> list[str]:
        """Return the lanes that publish nothing until they are due."""
        return [
            name
            for name, refusal in self._by_lane.items()
            if not refusal.is_silent and refusal.due_ns > now_ns
        ]

    def next_due_ns(self) -> int | None:
        """Return when the next lane is due, or None if none waits."""
        return min((refusal.due_ns for refusal in self._by_lane.values()), default=None)

    def try_now(self, now_ns: int, *, also_denied: bool = False) -> None:
        """End the pauses of silent lanes, and of denied ones with ``also_denied``."""
        for refusal in self._by_lane.values():
            if refusal.is_silent or (also_denied and refusal.kind == "denied"):
                refusal.due_ns = now_ns

    def troubles(self) -> list[str]:
        """Return what is refused, then what is not confirmed, a line for each topic."""
        found = sorted(self._by_lane.values(), key=lambda refusal: refusal.is_silent)
        lines = [str(refusal) for refusal in found if refusal.kind != "unprovable"]
        if len(lines) > _NAMED:
            lines[_NAMED:] = [f"and {len(lines) - _NAMED} more topics"]
        return lines
