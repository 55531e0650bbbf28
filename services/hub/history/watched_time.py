"""How long each subject was watched, and why not: the coverage of each day.

    round ─▶ online, or the reason's first word ─▶ seconds of the day, in memory
                                                     └──every 30 s──▶ store

Time in which no hub runs is not counted at all.
"""

from collections import Counter
from typing import Final, final

from pipelines.clock import ns_to_seconds, seconds_to_ns, utc_datetime
from services.errors import StoreError
from services.hub.reports import SubjectState
from services.hub.subject_states import SubjectStates
from services.hub.topics import overall_state
from services.store.coverage import Coverage, Covered

_STORED_EACH_NS: Final = seconds_to_ns(30.0)
NO_WATCHER: Final = "no watcher"
_REASONS: Final = {"service": NO_WATCHER, "imu": "wearable"}


def reason_of(state: SubjectState | None) -> str:
    """Return ``online``, or why a subject is not watched as it should be.

    The reasons are camera, wearable, recognition and no watcher.
    """
    if state is None:
        return NO_WATCHER
    overall, reason = overall_state(state)
    if overall == "online":
        return overall
    source = reason.partition(":")[0]
    return _REASONS.get(source, source)


@final
class WatchedTime:
    """Adds up the watched time of all expected subjects.

    Args:
        states: The states of the subjects.
        coverage: Where the sums are stored.
        began_ns: Start of the first span, in the hub's pipeline time.
    """

    def __init__(
        self, states: SubjectStates, coverage: Coverage, began_ns: int
    ) -> None:
        self._states, self._coverage = states, coverage
        self._counted_ns = self._stored_ns = began_ns
        self._sums: Counter[tuple[str, str, str]] = Counter()

    def count(self, now_ns: int, utc_ns: int) -> None:
        """Count the span since the last call for the present states.

        Args:
            now_ns: Pipeline time.
            utc_ns: The same moment in UTC, which names the day.
        """
        span_ns = now_ns - self._counted_ns
        self._counted_ns = now_ns
        day = utc_datetime(utc_ns).date().isoformat()
        for name in self._states.expected:
            reason = reason_of(self._states.current.get(name))
            self._sums[name, day, reason] += span_ns

    def store_if_due(self, now_ns: int) -> None:
        """Store the sums if that was last done a while ago.

        Raises:
            StoreError: If they cannot be stored; they are kept for the next time.
        """
        if now_ns - self._stored_ns >= _STORED_EACH_NS:
            self.store()
            self._stored_ns = now_ns

    def store(self) -> None:
        """Store the sums.

        Raises:
            StoreError: If they cannot be stored; they are kept for the next time.
        """
        sums, self._sums = self._sums, Counter()
        parts = [Covered(*key, ns_to_seconds(span)) for key, span in sums.items()]
        try:
            self._coverage.add(parts)
        except StoreError:
            self._sums.update(sums)
            raise
