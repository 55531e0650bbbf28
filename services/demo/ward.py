"""The demonstration: a simulated ward played as if it were real, and watched.

    simulated rooms ─▶ RTSP server ──rtsp──▶ camera ──┐
                    └▶ IMU publisher ─mqtt─▶ wearable ┴─▶ the chain ─▶ events
                                                                         │
    labels.csv ─▶ truth ───────────────── compared with ◀────────────────┘

Server, broker and streams are real; only the people are not.
"""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from pipelines.clock import Clock, seconds_to_ns
from pipelines.data.footage import Recording, read_footage
from pipelines.data.truth import Resolve, TrueFall, Truth, read_truth
from pipelines.errors import PipelineError
from pipelines.live.watch import Item, Record, Subject, Watch, WatchSettings
from pipelines.recognition import ActionRecognizer
from pipelines.records import ActionEvent, SourceStatus
from pipelines.simulation.footage import RecordingPlan, Stream, simulate
from pipelines.sources.camera import CameraSource
from pipelines.sources.imu import ImuSource
from pipelines.sources.imu_receiver import ImuCounts
from pipelines.studies.matching import Episode, Matching, match_falls, pair_events
from services.demo.broker import Broker
from services.demo.imu_publisher import publish_imu
from services.demo.rtsp_process import RtspServer

WEARABLE = "wrist"
_START_S = 60.0


@dataclass(slots=True)
class Room:
    """A simulated room: what is played, what is true, and what was seen of it.

    Attributes:
        name: The subject's id, and the camera's name in its address.
        zero_ns: When presentation time 0 was played; set once it is.
        events: What the chain reported.
        wearable: What came of the wearable; set at the end.
    """

    name: str
    recording: Recording
    truth: Truth
    zero_ns: int = 0
    events: list[ActionEvent] = field(default_factory=list)
    wearable: ImuCounts | None = None

    def matching(self) -> Matching:
        """Compare the fall events with the true falls, in presentation time."""
        episodes = [
            Episode(
                episode.start_ns - self.zero_ns,
                episode.decided_ns - self.zero_ns,
                episode.end_ns - self.zero_ns,
                episode.peak_confidence,
            )
            for episode in pair_events(self.events, "fall", self._end_ns)
        ]
        return match_falls(self.truth, episodes)

    @property
    def _end_ns(self) -> int:
        """When the last picture was played."""
        length_s = max(span.end_s for span in self.recording.spans)
        return self.zero_ns + seconds_to_ns(length_s)


def room_plans(rooms: int, seconds: float, seed: int) -> list[RecordingPlan]:
    """Plan the rooms of a demonstration, each a recording of its own."""
    return [RecordingPlan(Stream.FOOTAGE, seed, i, seconds) for i in range(rooms)]


def build_rooms(
    folder: Path,
    plans: list[RecordingPlan],
    resolve: Resolve,
    on_done: Callable[[str], None],
) -> list[Room]:
    """Simulate rooms into a footage folder.

    Args:
        folder: Where to.
        plans: One for each room.
        resolve: Gives the recogniser's label for a label of the footage.
        on_done: Told the name of every finished video.

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


async def play(
    rooms: Sequence[Room],
    recognizer: ActionRecognizer,
    clock: Clock,
    on_record: Callable[[Record], None],
) -> None:
    """Play every room once, in real time, and watch them all in one chain.

    Fills in each room's ``zero_ns``, ``events`` and ``wearable``.

    Raises:
        PipelineError: If broker or server do not start, or a camera is not reached.
    """
    with (
        Broker() as broker,
        RtspServer({room.name: room.recording.video for room in rooms}) as server,
    ):
        await _Showing(rooms, recognizer, clock, on_record, broker, server).run()


@final
class _Showing:
    """One run of the demonstration on a broker and a server that are up."""

    def __init__(
        self,
        rooms: Sequence[Room],
        recognizer: ActionRecognizer,
        clock: Clock,
        on_record: Callable[[Record], None],
        broker: Broker,
        server: RtspServer,
    ) -> None:
        self._rooms = {room.name: room for room in rooms}
        self._recognizer, self._clock = recognizer, clock
        self._on_record = on_record
        self._broker, self._server = broker, server
        self._settings = WatchSettings()

    async def run(self) -> None:
        async with AsyncExitStack() as stack:
            wearables = {}
            subjects = []
            for name in self._rooms:
                camera = await stack.enter_async_context(self._camera(name))
                wearable = ImuSource(
                    f"{name}/{WEARABLE}", self._topic(name), clock=self._clock
                )
                wearables[name] = await stack.enter_async_context(wearable)
                subjects.append(Subject(name, first_showing(camera), wearable))
            async with _tasks() as tasks:
                publishing = asyncio.create_task(self._publish())
                watching = asyncio.create_task(self._watch(subjects))
                tasks += [publishing, watching]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if publishing.done():
                    publishing.result()
                await watching
            for name, room in self._rooms.items():
                room.wearable = wearables[name].counts

    async def _watch(self, subjects: Sequence[Subject]) -> None:
        chain = Watch(subjects, self._recognizer, self._clock, self._settings)
        async with aclosing(chain.records()) as records:
            async for record in records:
                if isinstance(record, ActionEvent):
                    self._rooms[record.subject_id].events.append(record)
                self._on_record(record)

    async def _publish(self) -> None:
        """Play each room's wearable from the moment its video starts."""
        async with _tasks() as tasks:
            for _ in self._rooms:
                start = await asyncio.to_thread(self._server.wait_for_start, _START_S)
                room = self._rooms[start.mount]
                room.zero_ns = start.zero_ns
                playing = publish_imu(
                    room.recording.imu[WEARABLE],
                    self._topic(start.mount),
                    clock=self._clock,
                    origin_ns=start.zero_ns,
                )
                tasks.append(asyncio.create_task(playing))
            await asyncio.gather(*tasks)

    def _camera(self, name: str) -> CameraSource:
        return CameraSource(
            name,
            self._server.address(name),
            clock=self._clock,
            image_size_px=self._recognizer.info.image_size_px,
            step_ns=self._settings.windows.step_ns,
            fail_fast=True,
        )

    def _topic(self, name: str) -> str:
        return self._broker.address(f"wardwatch/demo/imu/{name}")


@asynccontextmanager
async def _tasks() -> AsyncIterator[list[asyncio.Task[None]]]:
    """Cancel at the end what was started; an error comes bare, not in a group."""
    tasks: list[asyncio.Task[None]] = []
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def first_showing(camera: AsyncIterable[Item]) -> AsyncGenerator[Item, None]:
    """End with the first showing; a live camera would connect again and again."""
    is_online = False
    async for item in camera:
        yield item
        if isinstance(item, SourceStatus):
            if is_online and item.state in ("offline", "connecting"):
                return
            is_online = is_online or item.state == "online"
