"""The state of each subject: as its watcher reports it, or that nobody reports it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import final

from pipelines.clock import seconds_to_ns
from pipelines.records import SourceRole
from services.hub.metrics.metrics import Metrics
from services.hub.reports import Report, SubjectState
from services.hub.topics import Topics, overall_state
from services.store.outbox import Message

_SILENT_NS = seconds_to_ns(12.0)
"""Silence after which a watcher counts as gone."""


@final
class SubjectStates:
    """The states of the expected subjects.

    Args:
        expected: The sources of each subject to watch.
        topics: Topics of the site.
        metrics: The hub's metrics.
        began_ns: Start of the hub, in its pipeline time. Watchers have some time from
            there to report.

    Attributes:
        expected: The sources of each subject to watch.
        current: The latest state of each subject that was reported or given up.
    """

    def __init__(
        self,
        expected: Mapping[str, Sequence[SourceRole]],
        topics: Topics,
        metrics: Metrics,
        began_ns: int,
    ) -> None:
        self.expected = {name: list(roles) for name, roles in expected.items()}
        self.current: dict[str, SubjectState] = {}
        self._topics, self._metrics, self._began_ns = topics, metrics, began_ns
        self._announced: dict[str, object] = {}
        self._reports: dict[str, tuple[int, Report]] = {}
        metrics.subjects.watch(self.expected)

    def expect(self, subjects: Mapping[str, Sequence[SourceRole]]) -> None:
        """Set the subjects to watch, and forget the others."""
        self.expected = {name: list(roles) for name, roles in subjects.items()}
        self._metrics.subjects.watch(self.expected)
        for name in self.current.keys() - subjects.keys():
            del self.current[name]
        for name in self._announced.keys() - subjects.keys():
            del self._announced[name]

    def known(self, report: Report) -> dict[str, SubjectState]:
        """Return the states of a report that are of expected subjects."""
        states = report.subjects.items()
        return {name: state for name, state in states if name in self.expected}

    def changes(
        self, states: Mapping[str, SubjectState], now_ns: int
    ) -> tuple[dict[str, object], list[Message]]:
        """Return the subjects whose state has changed, and a message for each."""
        summaries: dict[str, object] = {}
        messages = []
        for name, state in states.items():
            summary = (
                overall_state(state),
                state.camera and (state.camera.state, state.camera.time_base),
                state.wearable and state.wearable.state,
            )
            if self._announced.get(name) != summary:
                summaries[name] = summary
                messages.append(self._topics.status(name, state, now_ns))
        return summaries, messages

    def announced(self, summaries: Mapping[str, object]) -> None:
        """Record that the messages of ``changes`` are stored."""
        self._announced |= {  # some may have been removed meanwhile
            name: summary
            for name, summary in summaries.items()
            if name in self.expected
        }

    def reported(self, report: Report, now_ns: int) -> None:
        """Record a report whose events are stored."""
        _, earlier = self._reports.get(report.watcher, (0, None))
        if earlier is None or earlier.sent_ns != report.sent_ns:  # or it came twice
            self._metrics.count(report.counts)
        for name, state in self.known(report).items():
            self.current[name] = state
            self._metrics.subjects.saw(name, state)
        self._reports[report.watcher] = now_ns, report

    def forget_silent_watchers(self, now_ns: int) -> None:
        """Forget watchers that have been silent for too long."""
        alive = {
            name: (at_ns, report)
            for name, (at_ns, report) in self._reports.items()
            if now_ns - at_ns < _SILENT_NS
        }
        self._reports = alive
        waiting = sum(report.waiting for _, report in alive.values())
        self._metrics.hub.watchers(len(alive), waiting)

    def give_up(self, now_ns: int) -> dict[str, SubjectState]:
        """Return the states of subjects that nobody reports, after recording them."""
        unseen = {
            name: SubjectState(
                has_wearable="imu" in self.expected[name],
                has_camera="camera" in self.expected[name],
                is_watched=False,
            )
            for name in self.unwatched(now_ns)
        }
        for name, state in unseen.items():
            self.current[name] = state
            self._metrics.subjects.lost(name)
        return unseen

    def unwatched(self, now_ns: int) -> list[str]:
        """Return the subjects that no watcher reports."""
        if now_ns - self._began_ns < _SILENT_NS:
            return []
        reports = [report for _, report in self._reports.values()]
        seen = {name for report in reports for name in report.subjects}
        return [name for name in self.expected if name not in seen]

    def troubles(self, now_ns: int) -> Iterable[str]:
        """Yield what is wrong with the watching."""
        asking = sum(not state.is_recognised for state in self.current.values())
        if asking:
            yield f"recognition does not answer for {asking} subjects"
        if unwatched := self.unwatched(now_ns):
            yield f"no watcher reports {', '.join(unwatched)}"
