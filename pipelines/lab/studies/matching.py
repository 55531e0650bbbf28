"""Match detected falls to true falls.

    reach of a fall    (--[=========fall=========]-----------)
                    0.5 s                            6 s

A fall is found by the first ``fall`` event decided within its reach, which extends to
the end of the whole episode, *falling* and *fallen* together: an alarm for a person who
still lies there is late, not wrong, and the delay measures how late. An event decided
within the reach of two falls belongs to the later one.

An event that does not touch the reach of any fall is false. An event that touches a
fall without finding it (the fall was already found, or the event was decided before it)
is neither. The same holds for an event that only touches a long lie, *fallen* from the
start.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.clock import NS_PER_S, ns_to_seconds
from pipelines.lab.data.truth import TrueFall, Truth
from pipelines.records import ActionEvent

BEFORE_NS = NS_PER_S // 2
AFTER_NS = 6 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Episode:
    """A detected event; ``end_ns`` of an open one is the end of the recording."""

    start_ns: int
    decided_ns: int
    end_ns: int
    peak_confidence: float


@dataclass(frozen=True, slots=True)
class FoundFall:
    """A true fall and the event that found it."""

    fall: TrueFall
    episode: Episode

    @property
    def delay_s(self) -> float:
        """Seconds from the fall's onset to the decision; at least -0.5."""
        return ns_to_seconds(self.episode.decided_ns - self.fall.onset_ns)


@dataclass(frozen=True, slots=True)
class Matching:
    """Falls found or missed, and the remaining events in three kinds.

    Attributes:
        found: The falls found, with the event that found each.
        missed: The falls that no event found.
        false: Events that touch no fall.
        repeated: Events that touch a fall without finding it.
        long_lies: Events that touch no fall but a person lying from the start.
    """

    found: tuple[FoundFall, ...]
    missed: tuple[TrueFall, ...]
    false: tuple[Episode, ...]
    repeated: tuple[Episode, ...]
    long_lies: tuple[Episode, ...]


def pair_events(
    events: Iterable[ActionEvent], name: str, until_ns: int
) -> list[Episode]:
    """Join the start and the end of each event called ``name`` by its id.

    Events are in order of time. The end of the recording, ``until_ns``, ends open ones.
    """
    started: dict[str, ActionEvent] = {}
    latest: dict[str, ActionEvent] = {}
    for event in events:
        if event.name == name:
            started.setdefault(event.event_id, event)
            latest[event.event_id] = event
    episodes = []
    for event_id, first in started.items():
        last = latest[event_id]
        end_ns = until_ns if last.end_ns is None else last.end_ns
        episodes.append(
            Episode(first.start_ns, first.decided_ns, end_ns, last.peak_confidence)
        )
    return episodes


def match_falls(truth: Truth, episodes: Iterable[Episode]) -> Matching:
    """Match the detected falls of one recording to its true falls."""
    falls = truth.falls
    found: dict[int, FoundFall] = {}
    false, repeated, long_lies = [], [], []
    for episode in sorted(episodes, key=lambda episode: episode.decided_ns):
        index = _fall_at(falls, episode.decided_ns)
        if index is not None and index not in found:
            found[index] = FoundFall(falls[index], episode)
        elif any(touches(episode, fall.onset_ns, fall.end_ns) for fall in falls):
            repeated.append(episode)
        elif any(touches(episode, s.start_ns, s.end_ns) for s in truth.long_lies):
            long_lies.append(episode)
        else:
            false.append(episode)
    return Matching(
        found=tuple(found[index] for index in sorted(found)),
        missed=tuple(fall for i, fall in enumerate(falls) if i not in found),
        false=tuple(false),
        repeated=tuple(repeated),
        long_lies=tuple(long_lies),
    )


def touches(episode: Episode, start_ns: int, end_ns: int) -> bool:
    """Return whether an event overlaps the reach of a span."""
    last_ns = max(episode.end_ns, episode.decided_ns)
    return episode.start_ns <= end_ns + AFTER_NS and last_ns >= start_ns - BEFORE_NS


def _fall_at(falls: Sequence[TrueFall], moment_ns: int) -> int | None:
    reached = [
        index
        for index, fall in enumerate(falls)
        if fall.onset_ns - BEFORE_NS <= moment_ns <= fall.end_ns + AFTER_NS
    ]
    return max(reached, default=None)
