"""The live table of a terminal: the scores now, recent events, and the sources."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import final

from rich.console import Group
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipelines.clock import Clock, ns_to_seconds, utc_datetime
from pipelines.live.subject import Record
from pipelines.records import (
    FALL,
    ActionEvent,
    BedStatus,
    DriftAlert,
    DriftStatus,
    PeopleCount,
    Prediction,
    SourceKey,
    SourceStatus,
    WornStatus,
)
from services.record_lines import source_name

_EVENTS_SHOWN = 8
_LABELS_SHOWN = 5
_STATE_STYLES = {
    "online": "green",
    "connecting": "yellow",
    "stalled": "bold yellow",
    "offline": "bold red",
}

_STATE_TEXTS = {"in": "in bed", "out": "out of bed"}


@final
@dataclass(eq=False)
class LiveView:
    """Collects records, and draws the latest ones for ``rich.live``.

    Attributes:
        title: Name of the source, without credentials.
        events: The event of each label.
        origin_ns: Pipeline time of presentation time 0; None for a live source.
        duration_s: Length of a recording, for the progress bar; None if unknown.
        clock: The clock of records in pipeline time; None for records in UTC.
    """

    title: str
    events: Mapping[str, str]
    origin_ns: int | None = field(default=None, kw_only=True)
    duration_s: float | None = field(default=None, kw_only=True)
    clock: Clock | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        self._first_ns: int | None = None
        self._latest: dict[str, Prediction] = {}
        self._events: deque[ActionEvent] = deque(maxlen=_EVENTS_SHOWN)
        self._drifts: dict[str, DriftStatus] = {}
        self._alerts: dict[str, DriftAlert] = {}
        self._people: dict[str, int] = {}
        self._statuses: dict[SourceKey, SourceStatus] = {}
        self._beds: dict[str, BedStatus] = {}
        self._worn: dict[str, WornStatus] = {}

    def add(self, record: Record) -> None:
        """Add a record to the table."""
        match record:
            case Prediction():
                self._first_ns = self._first_ns or record.start_ns
                self._latest[record.subject_id] = record
            case ActionEvent():
                self._events.append(record)
            case DriftAlert():
                if record.state == "recovered":
                    self._alerts.pop(record.alert_id, None)
                else:
                    self._alerts[record.alert_id] = record
            case DriftStatus():
                self._drifts[record.subject_id] = record
            case PeopleCount():
                self._people[record.subject_id] = record.count
            case SourceStatus():
                self._statuses[record.source] = record
            case BedStatus():
                self._beds[record.subject_id] = record
            case WornStatus():
                self._worn[record.subject_id] = record

    def event_line(self, event: ActionEvent) -> Text:
        """Return an event as a line."""
        started = event.state == "started"
        when = event.decided_ns if started or event.end_ns is None else event.end_ns
        urgent = event.name == FALL
        style = "bold white on red" if urgent and started else "red" if urgent else ""
        mark = "▶" if started else "■"
        return Text.assemble(
            (f"{self._when(when):>15}  {event.subject_id}  ", "dim"),
            (f"{mark} {event.name:<14}", style),
            (f" {event.state:<8}", ""),
            (f" {event.label:<14} {event.peak_confidence:4.0%}", "dim"),
        )

    def __rich__(self) -> Panel:
        parts = [self._now(prediction) for prediction in self._latest.values()]
        events = [self.event_line(event) for event in self._events]
        alerts = [self.alert_line(alert) for alert in self._alerts.values()]
        drifts = [*alerts, *(drift_line(status) for status in self._drifts.values())]
        beds = [self.state_line(status) for status in self._beds.values()]
        worn = [self.state_line(status) for status in self._worn.values()]
        sources = [_source_line(status) for status in self._statuses.values()]
        progress = [self._progress()] if self.duration_s else []
        return Panel(
            Group(
                *parts,
                *progress,
                Text(),
                *events,
                Text(),
                *beds,
                *worn,
                *drifts,
                *sources,
            ),
            title=Text(self.title),
        )

    def _now(self, prediction: Prediction) -> Table:
        table = Table.grid(padding=(0, 1))
        if len(self._latest) > 1:
            table.title = Text(prediction.subject_id)
        ranked = sorted(prediction.scores.items(), key=lambda item: -item[1])
        for label, score in ranked[:_LABELS_SHOWN]:
            style = "red" if self.events.get(label) == FALL else "cyan"
            bar = ProgressBar(total=1, completed=score, width=30, complete_style=style)
            table.add_row(
                Text(f"{label:<13}", style=style if score > 0.5 else ""),
                bar,
                f"{score:4.0%}",
                f"cos {prediction.cosines[label]:.2f}",
            )
        note = "partial window" if prediction.partial else ""
        if not prediction.fits:
            note += "  no label fits"
        people = self._people.get(prediction.subject_id, 1)
        if people != 1:
            note += f"  {people or 'no'} people in view"
        if prediction.missing_frames:
            note += f"  {prediction.missing_frames} frames missing"
        table.add_row(Text(self._when(prediction.end_ns), style="dim"), Text(note))
        return table

    def _progress(self) -> ProgressBar:
        ends = [prediction.end_ns for prediction in self._latest.values()]
        began_ns = self._first_ns if self.origin_ns is None else self.origin_ns
        done_ns = max(ends) - (began_ns or 0) if ends else 0
        return ProgressBar(total=self.duration_s, completed=ns_to_seconds(done_ns))

    def _when(self, timestamp_ns: int) -> str:
        return time_text(timestamp_ns, self.origin_ns, self.clock)

    def _utc(self, timestamp_ns: int) -> datetime:
        if self.clock is not None:
            timestamp_ns += self.clock.correction_ns()
        return utc_datetime(timestamp_ns)

    def state_line(self, status: BedStatus | WornStatus) -> Text:
        """Return the state of the bed or the wearable as a line."""
        name = "bed" if isinstance(status, BedStatus) else "wearable"
        since = f"  since {self._when(status.since_ns)}"
        text = _STATE_TEXTS.get(status.state, status.state)
        return Text.assemble((f"{name}: ", "dim"), text, (since, "dim"))

    def alert_line(self, alert: DriftAlert) -> Text:
        """Return a drift alert as a line."""
        if alert.state == "recovered":
            text = f"{alert.signal} is normal again"
            return Text.assemble(("drift: ", "dim"), (text, "green"))
        return Text.assemble(
            ("drift: ", "dim"),
            (f"likely cause {alert.cause}", "bold yellow"),
            f"  {alert.signal} by {alert.change:+.3g}",
            (f"  since {self._utc(alert.since_ns):%Y-%m-%d %H:%M} UTC", "dim"),
        )


def time_text(timestamp_ns: int, origin_ns: int | None, clock: Clock | None) -> str:
    """Return a time as seconds of a recording, or as time of day in UTC.

    Args:
        timestamp_ns: The time.
        origin_ns: Pipeline time of presentation time 0; None for a live source.
        clock: The clock of a time in pipeline time; None for a time in UTC.
    """
    if origin_ns is not None:
        return f"{ns_to_seconds(timestamp_ns - origin_ns):.2f} s"
    if clock is not None:
        timestamp_ns += clock.correction_ns()
    return f"{utc_datetime(timestamp_ns):%H:%M:%S.%f}"[:-4] + " UTC"


def drift_line(status: DriftStatus) -> Text:
    """Return the state of drift detection as a line."""
    line = Text.assemble(("drift: ", "dim"), status.state)
    if status.state == "learning":
        days = status.learning_left_s / 86_400
        line.append(
            f"  what is normal, {days:.1f} days left;"
            " until then only faults that the sources report are detected"
        )
    if status.accuracy is not None:
        mean, low, high = status.accuracy
        line.append(f"  implied accuracy {mean:.0%} ({low:.0%} to {high:.0%})", "dim")
    if status.note:
        line.append(f"  {status.note}", "yellow")
    return line


def _source_line(status: SourceStatus) -> Text:
    return Text.assemble(
        (f"{source_name(status)}: ", "dim"),
        (status.state, _STATE_STYLES[status.state]),
        (f"  {status.reason}", ""),
        (
            f"  time by {status.time_base}, {status.reconnects} reconnects, "
            f"{status.dropped} dropped",
            "dim",
        ),
    )
