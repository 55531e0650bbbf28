"""A watcher: the chain of a group of subjects, in a process of its own.

    cameras, wearables ─▶ Watch ─▶ records ─▶ waiting ──Report──▶ hub
           │                │                              ▲
           │                └──frames due at a tick──▶ recogniser
           └──────────── statuses, at once ────────────────┘

It knows no torch. Events and alerts wait here until the hub has them on its disk. If it
dies, the supervisor makes another, which asks the hub what was going on.
"""

import asyncio
import ctypes
import hashlib
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import final

from pipelines.clock import Clock, SystemClock, ns_to_seconds
from pipelines.live.drift.baseline_file import BaselineFile, BaselineKeeper
from pipelines.live.views import picture_form
from pipelines.live.watch import Record, Subject, Watch, WatchSettings
from pipelines.recognition import ActionRecognizer
from pipelines.records import (
    ActionEvent,
    DriftAlert,
    DriftStatus,
    Prediction,
    SourceStatus,
)
from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.camera.framing import Framing
from pipelines.sources.camera.rtsp_access import SYSTEM_TRUST, RtspAccess
from pipelines.sources.camera.source import CameraLimits, CameraSource
from pipelines.sources.wearable.source import ImuSource
from services.hub.link import HubLink
from services.hub.reports import Counting, Report, SubjectState
from services.site.broker import Tls
from services.watcher.answer_timer import AnswerTimer
from services.watcher.report_times import move_alerts, move_events, move_states

logger = logging.getLogger(__name__)

_REPORT_S = 2.0
"""A watcher reports so often though nothing happens."""
_AT_ONCE = 256
_BUFFERED_S = 12.0
"""So much of a camera waits while no replica answers, and is then made up for."""
_STOP_S = 10.0
_NO_ANSWER_S = 15.0
"""A request that waits longer is reported: a dead replica is replaced before."""
_TIDY_S = 20.0


@dataclass(frozen=True, slots=True)
class WatchedSubject:
    """A subject and its sources; the ``repr`` holds no credentials.

    Attributes:
        subject_id: Its name.
        camera: The camera's address, or None.
        wearable: The wearable's, or None; one of both there is.
        framing: How a picture becomes square.
        tls: How the wearable's broker is known, if at all.
        rtsp: How an RTSP camera is reached and trusted.
    """

    subject_id: str
    camera: str | None = field(repr=False)
    wearable: str | None = field(repr=False)
    framing: Framing
    tls: Tls | None = None
    rtsp: RtspAccess = SYSTEM_TRUST


def _camera_name(watched: WatchedSubject) -> str:
    """Name a view without credentials: another has another normal."""
    if watched.camera is None:
        return "no camera"
    return f"{CameraAddress.parse(watched.camera).view_name} {watched.framing}"


def mark_of(watched: WatchedSubject) -> str:
    """Return a mark of all that is configured of a subject; it tells no secret."""
    facts = (
        *(watched.camera, watched.wearable, watched.framing),
        *(watched.tls, watched.rtsp),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Pulse:
    """Sign of life of a watcher, with its subjects by ``mark_of``."""

    subjects: dict[str, str]


@final
class Watcher:
    """Watches a group of subjects, who may come and go.

    Args:
        name: Of this watcher.
        settings: Of the chain.
        recognizer: What encodes and classifies.
        hub: Receiver of the reports.
        folder: Keeps what is normal for each subject; forgotten at the end if None.
        clock: Stamps and dates.
    """

    def __init__(
        self,
        name: str,
        settings: WatchSettings,
        recognizer: ActionRecognizer,
        hub: HubLink,
        folder: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._name, self._settings = name, settings
        self._clock = clock or SystemClock()
        self._recognizer = AnswerTimer(recognizer)
        self._hub, self._folder = hub, folder
        self._counting = Counting()
        self._states: dict[str, SubjectState] = {}
        self._opened: dict[str, AsyncExitStack] = {}
        self._marks: dict[str, str] = {}
        self._keepers: dict[str, BaselineKeeper] = {}
        self._waiting: deque[ActionEvent | DriftAlert] = deque()
        self._told = asyncio.Event()
        self._changing = asyncio.Lock()
        self._chain: Watch | None = None
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def change(
        self, add: Sequence[WatchedSubject] = (), drop: Sequence[str] = ()
    ) -> None:
        """Watch some subjects no longer, and others from now on.

        Raises:
            SourceError: If an address is malformed.
        """
        async with self._changing:
            await self._change(self._begin(), add, drop)
        self._told.set()

    async def _change(
        self, chain: Watch, add: Sequence[WatchedSubject], drop: Sequence[str]
    ) -> None:
        for name in drop:
            await self._close(chain, name)
        failures: list[Exception] = []
        for watched in add:
            if watched.subject_id in self._opened:
                continue
            try:
                await self._open(chain, watched)
            except Exception as error:  # noqa: BLE001  the others begin nonetheless
                await self._close(chain, watched.subject_id)
                failures.append(error)
        if failures:
            raise failures[0]

    async def _close(self, chain: Watch, name: str) -> None:
        await chain.drop(name)
        for known in (self._states, self._keepers, self._marks):
            known.pop(name, None)
        if name in self._opened:
            await self._opened.pop(name).aclose()

    async def pulse(self) -> Pulse:
        """Say that it lives.

        Raises:
            Exception: What its chain failed by.
        """
        for task in self._tasks:
            if task.done():
                task.result()
        return Pulse(dict(self._marks))

    async def stop(self) -> None:
        """Watch nobody any more; return once the hub has all that happened."""
        if not self._tasks:
            return
        following, reporting, tidying = self._tasks
        following.cancel()
        tidying.cancel()
        await asyncio.gather(following, tidying, return_exceptions=True)
        while self._opened:
            _, stack = self._opened.popitem()
            await stack.aclose()
        self._told.set()
        try:
            await asyncio.wait_for(self._all_told(), _STOP_S)
        except TimeoutError:
            logger.error("%s: %d records are lost", self._name, len(self._waiting))
        reporting.cancel()
        await asyncio.gather(reporting, return_exceptions=True)

    def _begin(self) -> Watch:
        """Set to work: an actor has no event loop before its first call."""
        if self._chain is None:
            self._chain = Watch(
                [],
                self._recognizer,
                self._clock,
                self._settings,
                self._counting,
                stays=True,
                reports_statuses=False,
            )
            self._tasks = (
                asyncio.create_task(self._follow(self._chain), name="follow"),
                asyncio.create_task(self._report(), name="report"),
                asyncio.create_task(self._tidy(), name="tidy"),
            )
        return self._chain

    async def _open(self, chain: Watch, watched: WatchedSubject) -> None:
        name = watched.subject_id
        camera = self._camera(watched)
        wearable = None
        if watched.wearable is not None:
            wearable = ImuSource(
                name,
                watched.wearable,
                clock=self._clock,
                tls_context=None if watched.tls is None else watched.tls.build(),
                on_status=self._take,
            )
        self._told.set()
        await self._all_told()  # the hub must know what was going on until now
        told_events = await self._hub.open_events([name])
        open_events = move_events(told_events, -self._clock.correction_ns())
        self._states[name] = SubjectState(
            has_wearable=wearable is not None, has_camera=camera is not None
        )
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            subject = Subject(
                name,
                None if camera is None else await enter(camera),
                None if wearable is None else await enter(wearable),
                camera_name=_camera_name(watched),
                open_events=open_events,
            )
            chain.add(subject)
            self._remember(chain, name)
            self._opened[name] = stack.pop_all()
            self._marks[name] = mark_of(watched)

    def _camera(self, watched: WatchedSubject) -> CameraSource | None:
        if watched.camera is None:
            return None
        form = picture_form(self._recognizer.info, self._settings.windows)
        frames = max(8, round(_BUFFERED_S / ns_to_seconds(form.step_ns)))
        recorded = CameraAddress.parse(watched.camera).kind == "file"
        return CameraSource(
            watched.subject_id,
            watched.camera,
            clock=self._clock,
            image_size_px=form.side_px,
            step_ns=form.step_ns,
            framing=watched.framing,
            rtsp=watched.rtsp,
            limits=CameraLimits(buffered_frames=frames),
            origin_ns=self._clock.now_ns(),
            speed=1.0 if recorded else None,
            on_status=self._take,
        )

    def _remember(self, chain: Watch, name: str) -> None:
        """Bring a subject what is known of its normal."""
        file = None
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = BaselineFile(self._folder / f"{name}.json")
        keeper = BaselineKeeper(file, {name: chain.drift[name]}, self._clock)
        self._keepers[name] = keeper
        for record in keeper.open():
            self._take(record)

    async def _follow(self, chain: Watch) -> None:
        async with aclosing(chain.records()) as records:
            async for record in records:
                self._take(record)

    def _take(self, record: Record) -> None:
        """Remember how things stand, and put what must not be lost in the queue."""
        known_state = self._states.get(record.subject_id)
        if known_state is None:
            return
        match record:
            case SourceStatus():
                self._states[record.subject_id] = (
                    replace(known_state, camera=record)
                    if record.role == "camera"
                    else replace(known_state, wearable=record)
                )
                self._told.set()
            case Prediction():
                self._states[record.subject_id] = replace(
                    known_state, predicted_ns=record.end_ns
                )
                counted = (record.subject_id, record.modality)
                self._counting.counts.windows[counted] += 1
            case DriftStatus():
                self._states[record.subject_id] = replace(known_state, drift=record)
                if record.subject_id in self._keepers:
                    self._keepers[record.subject_id].keep()
            case ActionEvent() | DriftAlert():
                self._waiting.append(record)
                self._told.set()

    async def _report(self) -> None:
        """Tell the hub at once what happened, and now and then that all is well."""
        while True:
            sent = [self._waiting[i] for i in range(min(len(self._waiting), _AT_ONCE))]
            self._told.clear()
            correction_ns = self._clock.correction_ns()
            events = [it for it in sent if isinstance(it, ActionEvent)]
            alerts = [it for it in sent if isinstance(it, DriftAlert)]
            report = Report(
                watcher=self._name,
                sent_ns=self._clock.now_ns(),
                events=move_events(events, correction_ns),
                alerts=move_alerts(alerts, correction_ns),
                subjects=move_states(self._current_states(), correction_ns),
                counts=self._counting.take(),
                waiting=len(self._waiting) - len(sent),
            )
            await self._hub.accept(report)
            for _ in sent:
                self._waiting.popleft()
            if not self._waiting and not self._told.is_set():
                await self._wait_for_news()

    def _current_states(self) -> dict[str, SubjectState]:
        answers = self._recognizer.waiting_s < _NO_ANSWER_S
        return {
            name: replace(state, is_recognised=answers)
            for name, state in self._states.items()
        }

    async def _tidy(self) -> None:
        """Give back to the system what cameras that went away held.

        They leave holes in the heap, which the C library keeps: with cameras that
        come and go it would grow for hours before it settles.
        """
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's own
        while trim is not None:
            await self._clock.sleep_s(_TIDY_S)
            await asyncio.to_thread(trim, 0)

    async def _wait_for_news(self) -> None:
        pause = asyncio.create_task(self._clock.sleep_s(_REPORT_S))
        news = asyncio.create_task(self._told.wait())
        try:
            await asyncio.wait((pause, news), return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
            news.cancel()

    async def _all_told(self) -> None:
        while self._waiting:
            await self._clock.sleep_s(0.05)
