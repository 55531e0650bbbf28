"""Open alarms as alerts of an Alertmanager, by version 2 of its interface.

    open alarms ──changed, or repeat_s later──▶ POST /api/v2/alerts
                  what is open: ends in four times repeat_s, unless it is sent again
                  what was open: ends now

Nothing is stored: what is sent is always the present, as Prometheus does it. If the hub
dies, its alerts end by themselves; if it comes back, they go on.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Final, final

from pipelines.clock import Clock, seconds_to_ns, utc_datetime
from pipelines.live.alarms import Alarm
from pipelines.sources.backoff import Backoff
from services.delivery.outcome import Outcome, unexpected
from services.delivery.web_post import post
from services.site.alertmanager import AlertmanagerSettings
from services.tasks import sleep_or

logger = logging.getLogger(__name__)

_ROUND_S: Final = 0.5
"""Time between two looks at what is open."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_LASTS: Final = 4
"""Number of repeats after which an alert that is not repeated ends."""

Labels = tuple[tuple[str, str], ...]
Alert = dict[str, Any]


@final
class AlertmanagerFeed:
    """Sends the open alarms of a site to its Alertmanager, without end.

    Args:
        settings: The Alertmanager; None for no sending.
        site: Name of the site.
        open_alarms: Returns the alarms that are not over.
        clock: The hub's clock.

    Attributes:
        trouble: Why alerts are not taken; empty if they are.
    """

    def __init__(
        self,
        settings: AlertmanagerSettings | None,
        site: str,
        open_alarms: Callable[[], Iterable[Alarm]],
        clock: Clock,
    ) -> None:
        self._settings, self._site = settings, site
        self._open_alarms, self._clock = open_alarms, clock
        self._sent: dict[Labels, Alert] = {}
        self._sent_ns = 0
        self._changed = asyncio.Event()
        self.trouble = ""

    def change(self, settings: AlertmanagerSettings | None) -> None:
        """Send to another Alertmanager, or with other settings, from now on.

        The alerts of one that gets nothing any more end by themselves.
        """
        if settings == self._settings:
            return
        self._settings, self._sent, self._sent_ns = settings, {}, 0
        self.trouble = ""
        self._changed.set()

    async def run(self) -> None:
        """Send until cancelled."""
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, Random())
        while True:
            self._changed.clear()
            pause_s, settings = _ROUND_S, self._settings
            if settings is not None:
                problem = await self._try(settings)
                if problem:
                    pause_s = backoff.next_s()
                else:
                    backoff.reset()
                if settings is self._settings:
                    self._record(problem)
            await sleep_or(self._changed, self._clock, pause_s)

    async def _try(self, settings: AlertmanagerSettings) -> str:
        try:
            return await self._look(settings)
        except Exception as error:  # noqa: BLE001  a receiver must not end the hub
            return unexpected(error)

    async def _look(self, settings: AlertmanagerSettings) -> str:
        """Send what is due; return why it was not taken, or nothing."""
        now_ns = self._clock.now_ns()
        firing = alerts_of(self._open_alarms(), self._site)
        ended = {it: self._sent[it] for it in self._sent.keys() - firing.keys()}
        is_due = now_ns - self._sent_ns >= seconds_to_ns(settings.repeat_s)
        if firing == self._sent and not (firing and is_due) and not self.trouble:
            return ""
        lasts_ns = seconds_to_ns(_LASTS * settings.repeat_s)
        body = [
            *(self._until(alert, lasts_ns) for alert in firing.values()),
            *(self._until(alert, 0) for alert in ended.values()),
        ]
        outcome = await send(settings, body)
        if not outcome.problem and settings is self._settings:
            self._sent, self._sent_ns = firing, now_ns
        return outcome.problem

    def _until(self, alert: Alert, lasts_ns: int) -> Alert:
        utc_ns = self._clock.now_ns() + self._clock.correction_ns()
        return {**alert, "endsAt": utc_datetime(utc_ns + lasts_ns).isoformat()}

    def _record(self, problem: str) -> None:
        if problem and not self.trouble:
            logger.warning("alertmanager: %s; trying again", problem)
        if self.trouble and not problem:
            logger.warning("alertmanager: takes alerts again")
        self.trouble = problem and f"alertmanager: {problem}"


def alerts_of(alarms: Iterable[Alarm], site: str) -> dict[Labels, Alert]:
    """Return the alerts of open alarms, each by its labels; they have no end yet.

    An alarm that is only suspected is none. One whose priority has changed is another
    alert, because labels are what an alert is known by.
    """
    alerts: dict[Labels, Alert] = {}
    for alarm in alarms:
        if alarm.state == "suspected":
            continue
        labels = {
            "alertname": "WardwatchAlarm",
            "site": site,
            "subject": alarm.subject_id,
            "event": alarm.name,
            "kind": alarm.kind,
            "priority": alarm.priority,
            "alarm_id": alarm.alarm_id,
        }
        alerts[tuple(labels.items())] = {
            "labels": labels,
            "annotations": {
                "summary": f"{alarm.subject_id}: {alarm.name}",
                "state": alarm.state,
                "by": _who_answered(alarm),
            },
            "startsAt": utc_datetime(alarm.raised_ns).isoformat(),
        }
    return alerts


def _who_answered(alarm: Alarm) -> str:
    """Return who answered last, or nothing; what happens by itself has no name."""
    return next((entry.by for entry in reversed(alarm.history) if entry.by), "")


async def send(settings: AlertmanagerSettings, alerts: list[Alert]) -> Outcome:
    """Send alerts once; an empty list tests the connection and the login."""
    try:
        login = settings.login()
    except OSError as error:
        return Outcome(f"{error.filename}: {error.strerror}")
    body = json.dumps(alerts).encode()
    return await post(settings.alerts_address, body, login, settings.ca_file)
