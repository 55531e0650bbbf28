"""A watcher: a process that runs the chain of a group of subjects.

    cameras, wearables ─▶ Watch ─▶ records ─▶ waiting ──Report──▶ hub
           │                │                              ▲
           │                └──frames due at a tick──▶ recogniser
           └──────────── statuses, at once ────────────────┘

A watcher imports no torch. Events and alerts wait here until the hub has them on its
disk. Poses of people in view do not wait: a report carries the newest. Blurred clips of
subjects with a consent are sent beside the reports (``clip_recorder``). If a watcher
dies, the supervisor starts another, which asks the hub for the open events.
"""

import asyncio
import ctypes
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import final

from pipelines.clock import Clock, SystemClock, ns_to_seconds
from pipelines.live.drift.baseline_file import BaselineFile, BaselineKeeper
from pipelines.live.subject import Record, Subject, WatchSettings
from pipelines.live.views import ViewedFrame, picture_form
from pipelines.live.watch import Watch
from pipelines.recognition import ActionRecognizer
from pipelines.records import (
    ActionEvent,
    BedStatus,
    DriftAlert,
    DriftStatus,
    PeopleCount,
    Prediction,
    SourceStatus,
    WornStatus,
)
from pipelines.sources.camera.address import CameraAddress
from pipelines.sources.camera.source import CameraLimits, CameraSource
from pipelines.sources.wearable.address import MqttAddress
from pipelines.sources.wearable.source import ImuSource
from pipelines.sources.wearable.upright import UprightEstimator
from pipelines.sources.wearable.upright_file import UprightKeeper
from services.hub.link import HubLink
from services.hub.reports import Counting, Report, SubjectState
from services.tasks import end_tasks, sleep_or
from services.watcher.answer_timer import AnswerTimer
from services.watcher.clip_recorder import ClipRecorder
from services.watcher.overload import build_thinning
from services.watcher.pulse import CoreMeter, Pulse
from services.watcher.report_times import move_record, move_state
from services.watcher.view_collector import ViewCollector
from services.watcher.watched import WatchedSubject, camera_name, configuration_hash

logger = logging.getLogger(__name__)

_REPORT_S = 2.0
"""Longest time between two reports."""
_RECORDS_PER_REPORT = 256
_BUFFERED_S = 12.0
"""Length of a camera's buffer: pictures wait in it while no replica answers."""
_STOP_S = 10.0
_NO_ANSWER_S = 15.0
"""A request that waits longer is reported; a dead replica is replaced sooner."""
_TRIM_S = 20.0


@final
class Watcher:
    """Watches a group of subjects, which may change.

    Without a folder the subjects' baselines, and the orientations of their wearables,
    stay in memory.
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
        self._meter = CoreMeter(self._clock)
        self._recognizer = AnswerTimer(recognizer)
        self._hub, self._folder = hub, folder
        self._counting, self._views = Counting(), ViewCollector()
        self._clips = ClipRecorder(hub.keep_clip, self._clock, self._counting)
        self._states: dict[str, SubjectState] = {}
        self._opened: dict[str, AsyncExitStack] = {}
        self._configurations: dict[str, str] = {}
        self._keepers: dict[str, BaselineKeeper] = {}
        self._upright: dict[str, UprightKeeper] = {}
        self._waiting: deque[ActionEvent | DriftAlert] = deque()
        self._news = asyncio.Event()
        self._thinning = build_thinning(name, recognizer.info, settings, self._news.set)
        self._changing = asyncio.Lock()
        self._chain: Watch | None = None
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def change(
        self, add: Sequence[WatchedSubject] = (), drop: Sequence[str] = ()
    ) -> None:
        """Drop some subjects, then add others.

        Returns once the hub has the events of those dropped, so that another watcher
        may then add them.

        Raises:
            SourceError: If an address is malformed.
        """
        async with self._changing:
            await self._change(self._begin(), add, drop)
        self._news.set()

    async def _change(
        self, chain: Watch, add: Sequence[WatchedSubject], drop: Sequence[str]
    ) -> None:
        for name in drop:
            await self._close(chain, name)
        if drop:
            self._news.set()
            await self._all_reported()
        failures: list[Exception] = []
        for watched in add:
            if watched.subject_id in self._opened:
                continue
            try:
                await self._open(chain, watched)
            except Exception as error:  # noqa: BLE001  the other subjects start all the same
                await self._close(chain, watched.subject_id)
                failures.append(error)
        if failures:
            raise failures[0]

    async def _close(self, chain: Watch, name: str) -> None:
        await chain.drop(name)
        for known in (self._states, self._keepers, self._configurations):
            known.pop(name, None)
        self._views.forget(name)
        await self._clips.forget(name)
        if name in self._opened:
            await self._opened.pop(name).aclose()
        self._upright.pop(name, None)

    async def pulse(self) -> Pulse:
        """Return a sign of life.

        Raises:
            Exception: The error that ended the chain.
        """
        for task in self._tasks:
            if task.done():
                task.result()
        return Pulse(
            dict(self._configurations), self._meter.read(), self._thinning.every
        )

    async def stop(self) -> None:
        """Stop watching, and return once the hub has all events and alerts."""
        if not self._tasks:
            return
        following, reporting, trimming = self._tasks
        await end_tasks([following, trimming])
        await self._clips.end()
        while self._opened:
            _, stack = self._opened.popitem()
            await stack.aclose()
        self._news.set()
        try:
            await asyncio.wait_for(self._all_reported(), _STOP_S)
        except TimeoutError:
            logger.error("%s: %d records are lost", self._name, len(self._waiting))
        await end_tasks([reporting])

    def _begin(self) -> Watch:
        """Start the tasks at the first call; an actor has no event loop before it."""
        if self._chain is None:
            self._chain = Watch(
                [],
                self._recognizer,
                self._clock,
                self._settings,
                self._counting,
                stays=True,
                reports_statuses=False,
                on_view=self._see,
                thinning=self._thinning,
            )
            self._tasks = (
                asyncio.create_task(self._follow(self._chain), name="follow"),
                asyncio.create_task(self._report(), name="report"),
                asyncio.create_task(self._trim(), name="trim memory"),
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
                mapping=watched.wearable_form,
                tls_context=None if watched.tls is None else watched.tls.build(),
                on_status=self._receive,
            )
        self._news.set()
        await self._all_reported()  # or the hub's answer would lack open events
        known_events = await self._hub.open_events([name])
        correction_ns = self._clock.correction_ns()
        open_events = [move_record(event, -correction_ns) for event in known_events]
        self._states[name] = SubjectState(
            has_wearable=wearable is not None,
            has_camera=camera is not None,
            zones=watched.zones,
            keep_poses=watched.keep_poses,
        )
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            subject = Subject(
                name,
                None if camera is None else await enter(camera),
                None if wearable is None else await enter(wearable),
                camera_name=camera_name(watched),
                open_events=tuple(open_events),
                zones=watched.zones,
                bed_settings=watched.bed,
                upright=self._open_upright(watched),
                waiting=(lambda: 0) if camera is None else lambda: camera.waiting,
            )
            stack.callback(self._upright[name].keep)
            chain.add(subject)
            self._open_baseline(chain, name)
            self._clips.begin(name, watched.clips)
            self._opened[name] = stack.pop_all()
            self._configurations[name] = configuration_hash(watched)

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
            on_status=self._receive,
        )

    def _open_upright(self, watched: WatchedSubject) -> UprightEstimator:
        """Load what the subject's wearable has learnt, if it was saved."""
        device = "none"
        if watched.wearable is not None:
            device = str(MqttAddress.parse(watched.wearable))
        keeper = UprightKeeper(self._kept(f"upright/{watched.subject_id}.json"), device)
        self._upright[watched.subject_id] = keeper
        return keeper.estimator

    def _kept(self, name: str) -> Path | None:
        """Return the path of a file in the folder, whose folders are made."""
        if self._folder is None:
            return None
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _open_baseline(self, chain: Watch, name: str) -> None:
        """Load the subject's baseline, if one was saved."""
        path = self._kept(f"{name}.json")
        file = None if path is None else BaselineFile(path)
        keeper = BaselineKeeper(file, {name: chain.drift[name]}, self._clock)
        self._keepers[name] = keeper
        for record in keeper.open():
            self._receive(record)

    def _see(self, viewed: ViewedFrame) -> None:
        self._views.add(viewed)
        self._clips.add(viewed.camera)

    async def _follow(self, chain: Watch) -> None:
        async with aclosing(chain.records()) as records:
            async for record in records:
                self._receive(record)

    def _receive(self, record: Record) -> None:
        """Update the subject's state; queue events and alerts for the report."""
        state = self._states.get(record.subject_id)
        if state is None:
            return
        match record:
            case SourceStatus(role="camera"):
                state = replace(state, camera=record)
                self._news.set()
            case SourceStatus():
                state = replace(state, wearable=record)
                self._news.set()
            case Prediction():
                state = replace(
                    state,
                    predicted_ns=record.end_ns,
                    label=record.label,
                    confidence=record.confidence,
                )
                counted = (record.subject_id, record.modality)
                self._counting.counts.windows[counted] += 1
            case BedStatus():
                state = replace(state, bed=record)
                self._news.set()
            case PeopleCount():
                state = replace(state, people=record)
                self._news.set()
            case WornStatus():
                state = replace(state, worn=record)
                self._news.set()
            case DriftStatus():
                state = replace(state, drift=record)
                if record.subject_id in self._keepers:
                    self._keepers[record.subject_id].keep()
                if record.subject_id in self._upright:
                    self._upright[record.subject_id].keep()
            case ActionEvent() | DriftAlert():
                self._waiting.append(record)
                self._news.set()
                if isinstance(record, ActionEvent):
                    self._clips.happened(record)
        self._states[record.subject_id] = state

    async def _report(self) -> None:
        """Report what happened at once, and the states at least every two seconds."""
        while True:
            sent = list(islice(self._waiting, _RECORDS_PER_REPORT))
            self._thinning.end_if_idle(self._clock.now_ns())
            self._news.clear()
            correction_ns = self._clock.correction_ns()
            events = [record for record in sent if isinstance(record, ActionEvent)]
            alerts = [record for record in sent if isinstance(record, DriftAlert)]
            states = self._take_states()
            report = Report(
                watcher=self._name,
                sent_ns=self._clock.now_ns(),
                events=tuple(move_record(event, correction_ns) for event in events),
                alerts=tuple(move_record(alert, correction_ns) for alert in alerts),
                subjects={
                    name: move_state(state, correction_ns)
                    for name, state in states.items()
                },
                counts=self._counting.take(),
                waiting=len(self._waiting) - len(sent),
            )
            await self._hub.accept(report)
            for _ in sent:
                self._waiting.popleft()
            if not self._waiting and not self._news.is_set():
                await sleep_or(self._news, self._clock, _REPORT_S)

    def _take_states(self) -> dict[str, SubjectState]:
        answers = self._recognizer.waiting_s < _NO_ANSWER_S
        views = self._views.take(self._states)
        return {
            name: replace(
                state,
                is_recognised=answers,
                every=self._thinning.every if state.has_camera else 1,
                view=views.get(name),
            )
            for name, state in self._states.items()
        }

    async def _trim(self) -> None:
        """Return memory of closed cameras to the system regularly.

        The C library keeps the holes that they leave in the heap. With cameras that
        come and go, the process would grow for hours.
        """
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's own
        while trim is not None:
            await self._clock.sleep_s(_TRIM_S)
            await asyncio.to_thread(trim, 0)

    async def _all_reported(self) -> None:
        while self._waiting:
            await self._clock.sleep_s(0.05)
