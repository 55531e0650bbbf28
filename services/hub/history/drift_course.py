"""Which blocks of drift detection a report brings, each once."""

from collections.abc import Iterable, Mapping
from typing import Final, final

from pipelines.clock import NS_PER_S
from services.hub.reports import SubjectState
from services.store.drift_blocks import DriftBlock

_MINUTE_NS: Final = 60 * NS_PER_S


@final
class DriftCourse:
    """Finds the blocks that are not stored yet.

    Reports repeat the latest block. Its time is cut to the minute, because it is moved
    by small corrections of the clock from one report to the next.
    """

    def __init__(self) -> None:
        self._latest_ns: dict[str, int] = {}

    def new(self, states: Mapping[str, SubjectState]) -> list[DriftBlock]:
        """Return the blocks of states that were not stored before."""
        found = []
        for name, state in states.items():
            drift = state.drift
            if drift is None or (drift.confidence is None and drift.level is None):
                continue
            at_ns = drift.decided_ns // _MINUTE_NS * _MINUTE_NS
            if self._latest_ns.get(name) != at_ns:
                found.append(DriftBlock(name, at_ns, drift.confidence, drift.level))
        return found

    def stored(self, blocks: Iterable[DriftBlock]) -> None:
        """Record that blocks are stored."""
        self._latest_ns |= {block.subject_id: block.at_ns for block in blocks}
