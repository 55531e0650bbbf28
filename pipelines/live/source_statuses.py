"""The latest status of each source, and the status of one that has failed."""

import logging
import traceback
from dataclasses import replace
from typing import final

from pipelines.errors import PipelineError
from pipelines.live.observer import Observer
from pipelines.records import SourceKey, SourceStatus

logger = logging.getLogger(__name__)


@final
class SourceStatuses:
    """The latest status of each source; dropped frames are reported to an observer."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._latest: dict[SourceKey, SourceStatus] = {}

    def add(self, source: SourceKey, status: SourceStatus) -> None:
        """Store a status; record the frames dropped since the one before."""
        earlier = self._latest.get(source)
        self._latest[source] = status
        dropped = status.dropped - (earlier.dropped if earlier is not None else 0)
        if dropped > 0:
            self._observer.dropped(source, frames=dropped)

    def forget(self, source: SourceKey) -> None:
        """Forget a source; do nothing if it is not known."""
        self._latest.pop(source, None)

    def failed(
        self, source: SourceKey, error: BaseException, now_ns: int
    ) -> SourceStatus:
        """Return the status of a source that has failed now."""
        latest = self._latest.get(source) or SourceStatus(
            *source, "connecting", now_ns, "", "arrival"
        )
        return replace(latest, state="offline", since_ns=now_ns, reason=_reason(error))


def _reason(error: BaseException) -> str:
    """Return the text of our own errors; other texts may contain credentials."""
    if isinstance(error, PipelineError):
        return str(error)
    kind = type(error).__name__
    places = "".join(traceback.format_tb(error.__traceback__))
    logger.error("unexpected %s in a source, raised at\n%s", kind, places)
    return f"unexpected {kind}; see the log"
