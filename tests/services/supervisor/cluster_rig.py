"""A cluster of this process: its actors are objects that a test lets fail."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, final

from ray.exceptions import RayActorError, RayTaskError

from pipelines.live.alarm_hours import AlarmRules
from pipelines.records import SourceRole
from services.errors import RayLost
from services.hub.hub import HubState
from services.recognition.deployment import RecognizerPlan, ServedRecognizer
from services.site.recognizer import RecognizerSettings
from services.site.settings import Site
from services.watcher.pulse import Pulse
from services.watcher.watched import WatchedSubject, configuration_hash
from tests.fakes import ColourRecognizer


def raised_over_there(cause: Exception) -> RayTaskError:
    """Return what Ray raises where the answer of a failed method is awaited."""
    return RayTaskError(  # type: ignore[no-untyped-call]  # Ray's own gap
        "method", str(cause), cause, ip="127.0.0.1"
    )


@final
class Method:
    """A method of an actor, as its handle has it."""

    def __init__(self, method: Callable[..., Awaitable[Any]]) -> None:
        self.remote = method


class FakeActor:
    """An actor that answers, fails, is dead or hangs, as a test wishes.

    Attributes:
        failure: What every method raises; None for an answer.
        hangs: Whether no method ever returns.
        gate: What every method waits for.
    """

    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name = log, name
        self.failure: Exception | None = None
        self.hangs = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def respond(self) -> None:
        await self.gate.wait()
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure

    def die(self) -> None:
        self.failure = RayActorError()

    async def _stop(self) -> None:
        self.log.append(f"stop {self.name}")
        await self.respond()

    @property
    def stop(self) -> Method:
        return Method(self._stop)


@final
class FakeWatcher(FakeActor):
    """A watcher that opens no source.

    Attributes:
        subjects: What it watches, by the subject's id.
        lost_changes: How many of the next changes fail.
        cores: What its process uses.
        every: One in how many pictures it uses.
    """

    def __init__(self, log: list[str], name: str) -> None:
        super().__init__(log, name)
        self.subjects: dict[str, WatchedSubject] = {}
        self.lost_changes = 0
        self.cores, self.every = 0.1, 1

    async def _pulse(self) -> Pulse:
        await self.respond()
        marks = {name: configuration_hash(it) for name, it in self.subjects.items()}
        return Pulse(marks, self.cores, self.every)

    async def _change(self, add: Sequence[WatchedSubject], drop: Sequence[str]) -> None:
        await self.respond()
        if self.lost_changes:
            self.lost_changes -= 1
            raise raised_over_there(OSError("no room for another camera"))
        for name in drop:
            self.log.append(f"{self.name} drops {name}")
            del self.subjects[name]
        for watched in add:
            self.log.append(f"{self.name} adds {watched.subject_id}")
            self.subjects[watched.subject_id] = watched

    @property
    def pulse(self) -> Method:
        return Method(self._pulse)

    @property
    def change(self) -> Method:
        return Method(self._change)


@final
class FakeHub(FakeActor):
    """A hub without store, broker and metrics.

    Attributes:
        expected: The subjects that it was last said to expect.
        rules: Their rules of alarms.
        site: The site whose targets get alarms.
    """

    def __init__(self, log: list[str], name: str) -> None:
        super().__init__(log, name)
        self.expected: Mapping[str, Sequence[SourceRole]] = {}
        self.rules: Mapping[str, AlarmRules] = {}
        self.site: Site | None = None

    async def _state(self) -> HubState:
        await self.respond()
        return HubState("http://127.0.0.1:1", 0, ())

    async def _expect(
        self,
        expected: Mapping[str, Sequence[SourceRole]],
        rules: Mapping[str, AlarmRules],
    ) -> None:
        await self.respond()
        self.expected, self.rules = expected, rules

    @property
    def state(self) -> Method:
        return Method(self._state)

    @property
    def expect(self) -> Method:
        return Method(self._expect)

    async def _deliver_to(self, site: Site) -> None:
        await self.respond()
        self.site = site

    @property
    def deliver_to(self) -> Method:
        return Method(self._deliver_to)

    @property
    def __ray_ready__(self) -> Method:
        return Method(self.respond)


@final
@dataclass(slots=True)
class FakeCluster:
    """A ``Cluster`` that logs what it is asked to do.

    Attributes:
        is_ours: Whether it ends with this process.
        holder: Who watches the site already; nobody if empty.
        deploys: Whether the deployment ever answers.
        nodes: How many nodes are alive.
        processors: How many cores they have together.
        cores_failure: What asking for them raises; None for an answer.
        hanging_starts: How many of the next watchers never answer.
        log: What was asked, in order.
        watchers: Every watcher that was started, dead ones included.
    """

    is_ours: bool = True
    holder: Exception | None = None
    deploys: bool = True
    nodes: int = 1
    processors: float = 2.0
    cores_failure: Exception | None = None
    hanging_starts: int = 0
    log: list[str] = field(default_factory=list)
    watchers: list[FakeWatcher] = field(default_factory=list)
    hub: FakeHub = field(init=False)
    answers: bool = False
    _problem: str = ""
    _lost: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.hub = FakeHub(self.log, "hub")

    def lose(self, problem: str) -> None:
        """Let the node die."""
        self._problem = problem
        self._lost.set()

    async def start(self) -> None:
        self.answers = True

    async def describe(self) -> str:
        return "joined"

    async def until_lost(self) -> None:
        await self._lost.wait()
        self.give_up(self._problem)

    def give_up(self, problem: str) -> NoReturn:
        self.answers = False
        raise RayLost(problem)

    async def claim(self) -> None:
        self.log.append("claim")
        if self.holder is not None:
            raise self.holder

    async def remove_remains(self, say: Callable[[str], None]) -> None:
        say("removing remains")
        self.log.append("remove remains")
        await asyncio.wait_for(asyncio.Event().wait(), 60)

    async def needs_frames(self, plan: RecognizerPlan) -> bool:
        self.log.append(f"load {plan.model}")
        return True

    async def deploy(
        self, plan: RecognizerPlan, settings: RecognizerSettings
    ) -> ServedRecognizer:
        self.log.append(f"deploy {settings.replicas} of {plan.model}")
        if not self.deploys:
            await asyncio.Event().wait()
        return ServedRecognizer(ColourRecognizer().info, "app")

    def start_hub(self, site: Site, recognizer: ServedRecognizer) -> FakeHub:
        self.log.append(f"start hub of {site.site} with {recognizer.info.model}")
        return self.hub

    async def start_watcher(
        self, number: int, site: Site, recognizer: ServedRecognizer
    ) -> FakeWatcher:
        del site, recognizer
        if not self.nodes:
            raise RayLost("no Ray node is alive")  # noqa: EM101  its own message
        watcher = FakeWatcher(self.log, f"watcher {number}")
        watcher.hangs = self.hanging_starts > 0
        self.hanging_starts = max(0, self.hanging_starts - 1)
        self.log.append(f"start {watcher.name}")
        self.watchers.append(watcher)
        return watcher

    async def cores(self) -> float:
        if self.cores_failure is not None:
            raise self.cores_failure
        return self.processors

    def kill(self, actor: FakeActor, *, no_restart: bool = True) -> None:
        self.log.append(f"{'kill' if no_restart else 'restart'} {actor.name}")

    async def withdraw(self) -> None:
        self.log.append("withdraw")

    async def close(self) -> None:
        self.log.append("close")
