"""Facts in words: times, ages, shares, and what happened to an alarm."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import final

from pipelines.clock import NS_PER_S, seconds_to_ns, utc_datetime
from pipelines.live.alarms import Alarm, AlarmEntry
from pipelines.records import BED_EXIT
from services.console.texts import Texts
from services.hub.alarms.answers import UNNAMED

_FIRST_YEAR, _LAST_YEAR = 1970, 2261
"""Years whose nanoseconds fit into an integer of the store."""
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


@final
@dataclass(frozen=True, slots=True)
class Wording:
    """Words of one language, and times of one zone."""

    texts: Texts
    zone: tzinfo = UTC

    def moment(self, time_ns: int) -> datetime:
        """Return a time in the pages' zone."""
        return utc_datetime(time_ns).astimezone(self.zone)

    def clock(self, time_ns: int) -> str:
        """Return the hour, minute and second of a time."""
        return self.moment(time_ns).strftime("%H:%M:%S")

    def hour(self, time_ns: int) -> str:
        """Return the hour and minute of a time."""
        return self.moment(time_ns).strftime("%H:%M")

    def date(self, time_ns: int) -> str:
        """Return the day of a time, in the language's order."""
        return self.moment(time_ns).strftime(self.texts("format.date"))

    def full(self, time_ns: int) -> str:
        """Return the day, hour and minute of a time."""
        return f"{self.date(time_ns)} {self.hour(time_ns)}"

    def iso(self, time_ns: int) -> str:
        """Return a time for HTML's ``datetime`` and for scripts."""
        return utc_datetime(time_ns).isoformat()

    def midnight_ns(self, day: str) -> tuple[int, int]:
        """Return the start of a day, as 2026-11-29, in the pages' zone, and its end.

        Raises:
            ValueError: If the text is no day from 1970 to 2261.
        """
        start = datetime.fromisoformat(f"{day}T00:00")
        if not _FIRST_YEAR <= start.year <= _LAST_YEAR:
            msg = f"{day} is no day from {_FIRST_YEAR} to {_LAST_YEAR}"
            raise ValueError(msg)
        return self._local_ns(start), self._local_ns(start + timedelta(days=1))

    def day(self, time_ns: int) -> str:
        """Return the day of a time as 2026-11-29."""
        return self.moment(time_ns).strftime("%Y-%m-%d")

    def duration(self, duration_ns: int) -> str:
        """Return a duration in one unit that fits its size."""
        seconds = max(0, duration_ns // NS_PER_S)
        for name, length_s in (("d", _DAY_S), ("h", _HOUR_S), ("min", _MINUTE_S)):
            if seconds >= 2 * length_s or (name == "min" and seconds >= length_s):
                return self.texts(f"unit.{name}", count=seconds // length_s)
        return self.texts("unit.s", count=seconds)

    def ago(self, time_ns: int, now_ns: int) -> str:
        """Return how long ago a time was."""
        return self.texts("time.ago", span=self.duration(now_ns - time_ns))

    def share(self, share: float) -> str:
        """Return a share of 0 to 1 in percent."""
        return self.texts("unit.percent", count=round(100 * share))

    def sure(self, confidence: float) -> str:
        """Return how sure recognition is, in words and percent."""
        level = (
            "very" if confidence >= 0.85 else "quite" if confidence >= 0.6 else "not"
        )
        return self.texts(f"sure.{level}", share=self.share(confidence))

    def event(self, name: str) -> str:
        """Return the name of an event; that of an action, if it is one."""
        known = self.texts.catalogue.get(f"event.{name}")
        return self.action(name) if known is None else known

    def action(self, label: str) -> str:
        """Return the name of an action."""
        return self.texts.word("action", label)

    def reason(self, reason: str) -> str:
        """Return why a subject is not watched, in the words of carers.

        Reasons are lists of causes such as ``camera: no data``.
        """
        return "; ".join(
            self._cause(cause) for cause in reason.split("; ") if cause.strip()
        )

    def _cause(self, cause: str) -> str:
        source, colon, detail = cause.partition(": ")
        if not colon:
            return self.texts.word("cause", cause)
        known = self.texts.catalogue.get(f"cause.{cause}")
        if known is not None:
            return known
        detail = self.texts.word("cause", detail)
        return f"{self.texts.word('source', source)}: {detail}"

    def by(self, name: str) -> str:
        """Return who has answered, in the language's word without a name."""
        return self.texts("step.somebody") if name in ("", UNNAMED) else name

    def entry(self, entry: AlarmEntry, alarm: Alarm) -> str:
        """Return one entry of an alarm's history as a sentence without its time."""
        by = self.by(entry.by)
        step = entry.step
        if step == "resolved" and not entry.by:
            text = self.texts("step.resolved by itself")
        elif step == "resolved" and alarm.verdict is not None:
            text = self.texts(f"step.resolved {alarm.verdict}", by=by)
        elif step == "escalated" and entry.by:
            text = self.texts("step.escalated by", by=by)
        elif step == "recovered" and alarm.name == BED_EXIT:
            text = self.texts("step.back in bed")
        else:
            text = self.texts(f"step.{step}", by=by)
        return f"{text} ({entry.note})" if entry.note else text

    def _local_ns(self, wall: datetime) -> int:
        """Return a time of the pages' zone, given without it."""
        zoned = wall.replace(tzinfo=self.zone)
        return seconds_to_ns(zoned.timestamp())
