"""Technical alarms: faults of sources and of recognition, in the life of any alarm.

    states, canary ─▶ faults ──last longer than a while──▶ Alarm ─▶ store, MQTT, targets
                        └── are over ─────────────────────▶ resolved

There is one for each fault of a subject. What is not known, as the camera of a subject
that no watcher reports, changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple, final

from models.prompts.prompt_set import Priority
from models.window import Modality
from pipelines.clock import Clock, seconds_to_ns
from pipelines.live.alarms import Alarm, AlarmEntry
from pipelines.records import SourceStatus, make_event_id
from services.errors import StoreError
from services.hub.alarms.desk import AlarmDesk
from services.hub.alarms.rounds import KeepAlarms
from services.hub.clock import HubClock
from services.hub.reports import SubjectState

SITE_SUBJECT: Final = "technical"
"""In place of a subject's name, for faults of the whole site."""
_ROUND_S: Final = 2.0


class Fault(NamedTuple):
    """One kind of fault.

    Attributes:
        name: Name of its alarms.
        priority: Their priority.
        modality: Which source it is about.
        advice: What to do, for technicians; the note of its alarms.
    """

    name: str
    priority: Priority
    modality: Modality
    advice: str = ""


CAMERA_LOST: Final = Fault("camera lost", "medium", "video")
WEARABLE_SILENT: Final = Fault("wearable silent", "medium", "imu")
NOT_WORN: Final = Fault("wearable not worn", "low", "imu")
DRIFT: Final = Fault("drift", "low", "fused")
NOT_WATCHED: Final = Fault("not watched", "medium", "fused")
RECOGNITION_FAILS: Final = Fault("recognition fails", "medium", "fused")
OVERLOADED: Final = Fault(
    "overloaded",
    "medium",
    "video",
    "not all pictures are used: watch fewer cameras, or add cores or nodes",
)

Faults = Mapping[tuple[str, Fault], bool]
"""Whether each fault of each subject is present; one that is not known is left out."""


def faults_of(states: Mapping[str, SubjectState]) -> dict[tuple[str, Fault], bool]:
    """Return what is known about the faults of subjects, and of all together."""
    found: dict[tuple[str, Fault], bool] = {}
    for name, state in states.items():
        found[name, NOT_WATCHED] = not state.is_watched
        if not state.is_watched:
            continue
        found[name, DRIFT] = state.drift is not None and state.drift.state == "alerted"
        if state.has_camera:
            found[name, CAMERA_LOST] = _is_lost(state.camera)
        if state.has_wearable:
            worn = state.worn
            found[name, WEARABLE_SILENT] = _is_lost(state.wearable)
            found[name, NOT_WORN] = worn is not None and worn.state == "not worn"
    if watched := [state for state in states.values() if state.is_watched]:
        # One alarm of the site: an overload is of the machine, not of a subject.
        found[SITE_SUBJECT, OVERLOADED] = any(state.every > 1 for state in watched)
    return found


@final
class TechnicalAlarms:
    """Which technical alarms begin and end.

    Args:
        after_s: Time in seconds that a fault lasts before it alarms.
    """

    def __init__(self, after_s: float) -> None:
        self._after_ns = seconds_to_ns(after_s)
        self._since: dict[tuple[str, Fault], int] = {}
        self._told: set[tuple[str, Fault]] = set()

    def changes(
        self, faults: Faults, open_alarms: Iterable[Alarm], now_ns: int, utc_ns: int
    ) -> list[Alarm]:
        """Return the alarms that faults raise or end.

        An alarm that a person has resolved is not raised again before its fault was
        over once, or its subject was removed. What is not known is not over.

        Args:
            faults: What is known of each fault.
            open_alarms: All alarms that are not over.
            now_ns: Pipeline time.
            utc_ns: The same moment in UTC, which dates the alarms.
        """
        known = {
            (alarm.subject_id, alarm.name): alarm
            for alarm in open_alarms
            if alarm.kind == "technical"
        }
        present = {key for key, is_present in faults.items() if is_present}
        self._forget(faults)
        for key in present:
            self._since.setdefault(key, now_ns)
        ended = [
            known[subject, fault.name].resolved("", None, utc_ns, "it is over")
            for subject, fault in faults.keys() - present
            if (subject, fault.name) in known
        ]
        begun = [
            _raised(subject, fault, utc_ns)
            for subject, fault in present - self._told
            if (subject, fault.name) not in known
            and now_ns - self._since[subject, fault] >= self._after_ns
        ]
        return ended + begun

    def _forget(self, faults: Faults) -> None:
        """Forget the faults that are over, and those of removed subjects."""
        subjects = {subject for subject, _ in faults}
        self._since = {
            key: since_ns
            for key, since_ns in self._since.items()
            if key[0] in subjects and faults.get(key, True)
        }
        self._told &= self._since.keys()

    def kept(self, changed: Iterable[Alarm]) -> None:
        """Record that changed alarms are stored."""
        names = {(alarm.subject_id, alarm.name) for alarm in changed}
        self._told |= {key for key in self._since if (key[0], key[1].name) in names}


@final
class TechnicalRounds:
    """Looks for faults every two seconds, and keeps what changes.

    Args:
        alarms: Which alarms begin and end; None ends them all.
        faults: Returns what is known of each fault.
        desk: All alarms.
        clock: Clock of the rounds.
        dates: The hub's dates.
        keep: Puts what has changed on the disk.
    """

    def __init__(
        self,
        alarms: TechnicalAlarms | None,
        faults: Callable[[], Faults],
        desk: AlarmDesk,
        clock: Clock,
        dates: HubClock,
        keep: KeepAlarms,
    ) -> None:
        self._alarms, self._faults, self._desk = alarms, faults, desk
        self._clock, self._dates, self._keep = clock, dates, keep

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            with suppress(StoreError):  # said already; the next round tries again
                await self._look()
            await self._clock.sleep_s(_ROUND_S)

    async def _look(self) -> None:
        async with self._desk.changing():
            utc_ns, open_alarms = self._dates.utc_ns(), self._desk.open_alarms
            if self._alarms is None:
                changed = [
                    alarm.resolved("", None, utc_ns, "technical alarms are off")
                    for alarm in open_alarms
                    if alarm.kind == "technical"
                ]
            else:
                now_ns = self._clock.now_ns()
                faults = self._faults()
                changed = self._alarms.changes(faults, open_alarms, now_ns, utc_ns)
            if changed:
                await self._keep(changed, {})
        if self._alarms is not None:
            self._alarms.kept(changed)


def _is_lost(status: SourceStatus | None) -> bool:
    return status is None or status.state != "online"


def _raised(subject_id: str, fault: Fault, utc_ns: int) -> Alarm:
    return Alarm(
        alarm_id=make_event_id(subject_id, fault.name, utc_ns),
        subject_id=subject_id,
        name=fault.name,
        priority=fault.priority,
        state="confirmed",
        raised_ns=utc_ns,
        confidence=1.0,
        modality=fault.modality,
        waits_since_ns=utc_ns,
        history=(AlarmEntry("confirmed", utc_ns, note=fault.advice),),
        kind="technical",
    )
