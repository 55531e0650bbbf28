"""The demonstration: a simulated ward is played as a real one, and watched.

    simulated rooms ─▶ RTSP server ──rtsp──▶ ┌─────────────┐
                    └▶ IMU publisher ─mqtt─▶ │ the service │ ──mqtt──▶ events
                                             └─────────────┘             │
    labels.csv ─▶ truth ───────────────── compared with ◀────────────────┘

Server, broker, streams, service and console are real; only the people are not, nor the
carer who answers their alarms.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, final

import aiomqtt

from pipelines.clock import Clock, ns_to_seconds, seconds_to_ns
from pipelines.errors import PipelineError
from pipelines.lab.data.footage import Recording, read_footage
from pipelines.lab.data.truth import Resolve, TrueFall, Truth, read_truth
from pipelines.lab.simulation.footage import RecordingPlan, Stream, simulate
from pipelines.lab.studies.matching import Episode, Matching, match_falls, pair_events
from pipelines.live.alarms import ANSWERED
from pipelines.records import FALL, ActionEvent
from services.bench.counters import HubCounters
from services.demo.broker import Broker
from services.demo.carer import answer_alarms
from services.demo.console_process import running_console
from services.demo.imu_publisher import publish_imu
from services.demo.rtsp_process import PlayStart, RtspServer
from services.hub.topics import Topics
from services.record_lines import read_event
from services.site.settings import Site
from services.supervisor.supervisor import Supervisor
from services.tasks import end_tasks

WEARABLE = "waist"
SITE = "demo"
_START_S = 180.0
"""A guard against waiting for ever; a busy machine needs a minute to begin."""
_LOOK_S = 0.5  # between two looks at whether the wearables have ended
_END_NS = seconds_to_ns(1.0)
"""A camera that connects again this near the end of its video was at the end."""
_AFTER_S = 8.0
"""Events may still arrive this long after the last picture."""


@dataclass(slots=True)
class Room:
    """A simulated room: its footage, its truth, and the service's reports.

    Attributes:
        name: The subject's id, and the camera's name in its address.
        recording: The footage that is played.
        truth: The true falls.
        zero_ns: Pipeline time at which presentation time 0 was last played; 0 before.
        events: Events that the service published.
        waits_s: For each event, seconds from the newest picture that decided it to its
            receipt from the broker.
        is_worn: Whether the service has reported the wearable as online.
        windows: Number of windows by modality, as the hub counted them.
    """

    name: str
    recording: Recording
    truth: Truth
    zero_ns: int = 0
    events: list[ActionEvent] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    is_worn: bool = False
    windows: Mapping[str, float] = field(default_factory=dict)

    @property
    def fused_ratio(self) -> float | None:
        """Share of windows with camera and wearable; None without windows."""
        return fused_ratio([self])

    def matching(self) -> Matching:
        """Compare the fall events with the true falls, in presentation time."""
        events = [
            event
            for event in self.events
            if self.zero_ns <= event.start_ns < self.end_ns
        ]
        episodes = [
            Episode(
                episode.start_ns - self.zero_ns,
                episode.decided_ns - self.zero_ns,
                episode.end_ns - self.zero_ns,
                episode.peak_confidence,
            )
            for episode in pair_events(events, FALL, self.end_ns)
        ]
        return match_falls(self.truth, episodes)

    @property
    def end_ns(self) -> int:
        """Pipeline time at which the last picture of the first round was played."""
        length_s = max(span.end_s for span in self.recording.spans)
        return self.zero_ns + seconds_to_ns(length_s)


def room_plans(rooms: int, seconds: float, seed: int) -> list[RecordingPlan]:
    """Plan the rooms of a demonstration, one recording for each."""
    return [RecordingPlan(Stream.FOOTAGE, seed, i, seconds) for i in range(rooms)]


def build_rooms(
    folder: Path,
    plans: list[RecordingPlan],
    resolve: Resolve,
    on_done: Callable[[str], None],
) -> list[Room]:
    """Simulate rooms into a footage folder.

    Raises:
        PipelineError: If nobody falls in any of them.
    """
    simulate(folder, plans, on_done=lambda plan: on_done(plan.name))
    rooms = [
        Room(f"room-{i + 1}", recording, read_truth(recording.spans, resolve))
        for i, recording in enumerate(read_footage(folder).recordings)
    ]
    if not falls_of(rooms):
        msg = "nobody falls in these rooms; give another --seed, or more --seconds"
        raise PipelineError(msg)
    return rooms


def falls_of(rooms: Sequence[Room]) -> list[tuple[Room, TrueFall]]:
    """Return every true fall with its room."""
    return [(room, fall) for room in rooms for fall in room.truth.falls]


def fused_ratio(rooms: Sequence[Room]) -> float | None:
    """Return the share of windows with camera and wearable; None without windows."""
    total = sum(sum(room.windows.values()) for room in rooms)
    fused = sum(room.windows.get("fused", 0.0) for room in rooms)
    return fused / total if total else None


def summarise(
    rooms: Sequence[Room], alarms: Mapping[str, str]
) -> dict[str, int | float | None]:
    """Count falls and alarms, and measure how fast events arrived.

    ``alarms`` has the latest state of each alarm, as of ``play``.
    """
    matchings = [room.matching() for room in rooms]
    waits_s = sorted(wait for room in rooms for wait in room.waits_s)
    return {
        "falls": sum(len(room.truth.falls) for room in rooms),
        "found": sum(len(matching.found) for matching in matchings),
        "false_falls": sum(len(matching.false) for matching in matchings),
        "alarms": len(alarms),
        "alarms_answered": sum(state in ANSWERED for state in alarms.values()),
        "alarms_resolved": sum(state == "resolved" for state in alarms.values()),
        "wearables": sum(room.is_worn for room in rooms),
        "delivery_p50_s": median(waits_s) if waits_s else None,
        "delivery_longest_s": waits_s[-1] if waits_s else None,
        "fused_ratio": fused_ratio(rooms),
    }


async def play(
    rooms: Sequence[Room],
    folder: Path,
    clock: Clock,
    on_event: Callable[[ActionEvent], None],
    on_ready: Callable[[str], None],
    *,
    forever: bool = False,
) -> dict[str, str]:
    """Play every room in real time, and watch all of them with the service.

    Fills in each room's ``zero_ns``, ``events``, ``waits_s``, ``is_worn`` and
    ``windows``. A carer answers the alarms.

    ``on_ready`` gets the addresses to open. With ``forever`` each room begins again
    until cancelled, and nobody answers: whoever looks at the console may.

    Returns:
        The latest state of each alarm, by its id.

    Raises:
        PipelineError: If the broker, the server or a camera does not start.
    """
    mounts = {room.name: room.recording.video for room in rooms}
    with Broker() as broker, RtspServer(mounts, loop=forever) as server:
        site = _site_of(rooms, folder, broker, server)
        by_name = {room.name: room for room in rooms}
        showing = _Demonstration(by_name, clock, on_event, broker, server, site, folder)
        await showing.run(on_ready, forever=forever)
        return showing.alarms


def _site_of(
    rooms: Sequence[Room], folder: Path, broker: Broker, server: RtspServer
) -> Site:
    return Site.model_validate(
        {
            "site": SITE,
            "broker": {"port": broker.port},
            "hub": {"folder": str(folder), "port": 0, "canary_every_s": 10},
            "console": {"port": 0},
            "subjects": [
                {"id": room.name, "camera": server.address(room.name), "imu": room.name}
                for room in rooms
            ],
        }
    )


@final
@dataclass(frozen=True, slots=True)
class _Demonstration:
    """One run of the demonstration, with a broker and a server that are running."""

    rooms: Mapping[str, Room]
    clock: Clock
    on_event: Callable[[ActionEvent], None]
    broker: Broker
    server: RtspServer
    site: Site
    folder: Path
    alarms: dict[str, str] = field(default_factory=dict)

    async def run(self, on_ready: Callable[[str], None], *, forever: bool) -> None:
        supervisor = Supervisor(self.site, self.clock)
        async with _tasks() as tasks:
            listening = asyncio.Event()
            tasks.append(asyncio.create_task(self._listen(listening)))
            await listening.wait()
            try:
                state = await supervisor.start()
                hub = HubCounters(state.url, self.clock)
                # before the console's seconds: the cameras are playing already
                tasks.append(asyncio.create_task(self._show(hub, forever=forever)))
                async with running_console(self.site, self.folder) as console:
                    on_ready(
                        f"{state.url}/metrics  {state.url}/readyz  "
                        f"mqtt://127.0.0.1:{self.broker.port}/wardwatch/{SITE}/#\n"
                        f"{console}"
                    )
                    await self._until_over(tasks, supervisor, forever)
            finally:
                await supervisor.stop()

    async def _until_over(
        self,
        tasks: list[asyncio.Task[None]],
        supervisor: Supervisor,
        forever: bool,
    ) -> None:
        """Wait until the rooms or the service have ended."""
        tasks.append(asyncio.create_task(supervisor.until_lost()))
        if not forever:
            topics = Topics(self.site.broker.prefix, SITE)
            answering = answer_alarms(self.broker.port, topics, self.clock, self.alarms)
            tasks.append(asyncio.create_task(answering))
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()

    async def _show(self, hub: HubCounters, *, forever: bool) -> None:
        """Play each room's wearable in step with its video.

        A camera that connects again gets its video from the first picture, so its room
        begins again, unless the video had ended. Windows are counted when the wearables
        end, because later windows have none.
        """
        async with _tasks() as tasks:
            playing: dict[str, asyncio.Task[None]] = {}
            while len(playing) < len(self.rooms):
                start = await asyncio.to_thread(self.server.wait_for_start, _START_S)
                self._begin(start, playing, tasks)
            while sum(map(_is_over, playing.values())) < len(playing):
                again = await asyncio.to_thread(self.server.next_start, _LOOK_S)
                if again is not None:
                    self._begin(again, playing, tasks)
            await self._count(hub)
            if forever:
                await asyncio.Event().wait()
            over_ns = max(room.end_ns for room in self.rooms.values())
            left_s = ns_to_seconds(over_ns - self.clock.now_ns()) + _AFTER_S
            await self.clock.sleep_s(max(0.0, left_s))

    def _begin(
        self,
        start: PlayStart,
        playing: dict[str, asyncio.Task[None]],
        tasks: list[asyncio.Task[None]],
    ) -> None:
        """Play a room's wearable from the start of its video."""
        room = self.rooms[start.mount]
        if start.mount in playing:
            if start.zero_ns > room.end_ns - _END_NS:
                return
            playing[start.mount].cancel()
        room.zero_ns = start.zero_ns
        wearable = publish_imu(
            room.recording.imu[WEARABLE],
            self.site.imu_address(start.mount),
            clock=self.clock,
            origin_ns=start.zero_ns,
        )
        playing[start.mount] = asyncio.create_task(wearable)
        tasks.append(playing[start.mount])

    async def _count(self, hub: HubCounters) -> None:
        """Read the hub's counts of windows; a hub that does not answer counts none."""
        with suppress(OSError):
            for name, windows in (await hub.windows_by_subject()).items():
                if name in self.rooms:
                    self.rooms[name].windows = windows

    async def _listen(self, listening: asyncio.Event) -> None:
        """Receive events and statuses as any other client of the broker."""
        async with aiomqtt.Client("127.0.0.1", self.broker.port) as client:
            for kind in ("event", "status"):
                await client.subscribe(f"wardwatch/{SITE}/+/{kind}", qos=1)
            listening.set()
            async for message in client.messages:
                payload = message.payload
                if isinstance(payload, bytes) and payload:
                    self._receive(json.loads(payload))

    def _receive(self, message: dict[str, Any]) -> None:
        room = self.rooms[message["subject"]]
        if message["type"] == "status":
            wearable = message["sources"]["imu"]
            room.is_worn = room.is_worn or wearable["state"] == "online"
            return
        event = read_event(message)
        wait_ns = self.clock.now_ns() - event.decided_ns
        room.events.append(event)
        room.waits_s.append(ns_to_seconds(wait_ns))
        self.on_event(event)


def _is_over(task: asyncio.Task[None]) -> bool:
    """Return whether a task has ended; raise the error that ended it."""
    if task.done():
        task.result()
    return task.done()


@asynccontextmanager
async def _tasks() -> AsyncIterator[list[asyncio.Task[None]]]:
    """Cancel the listed tasks at the end; unlike a TaskGroup, raise a plain error."""
    tasks: list[asyncio.Task[None]] = []
    try:
        yield tasks
    finally:
        await end_tasks(tasks)
