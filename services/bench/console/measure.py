"""Measure how soon an alarm sounds in a browser, and what the tiles cost the server."""

import math
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from pipelines.clock import Clock, ns_to_seconds
from pipelines.progress import Progress
from pipelines.records import FALL
from services.bench.console.browser import Listener, listening, require_browser
from services.bench.console.streams import open_pages
from services.bench.console.ward import Ward
from services.bench.empty_store import make_empty_store
from services.bench.processes import measure_processes
from services.console.passwords import hash_of_password, new_password
from services.demo.broker import Broker
from services.demo.console_process import running_console
from services.site.settings import Site
from services.store.access import Access, Act, User
from services.store.store import Store

_SITE: Final = "bench"
_USER: Final = "bench"
_MOST_PAUSE_S: Final = 2.0
"""Alarms come at any time between two reports."""


@final
@dataclass(frozen=True, slots=True)
class Waits:
    """Times of all alarms, in milliseconds: median, 95th percentile, longest."""

    p50_ms: float
    p95_ms: float
    max_ms: float

    @property
    def text(self) -> str:
        """The three in one line of a table."""
        return f"{self.p50_ms:.0f} / {self.p95_ms:.0f} / {self.max_ms:.0f} ms"

    @classmethod
    def of(cls, spans_ns: Sequence[int]) -> "Waits":
        """Return those of at least one span; a percentile is one of the spans."""
        spans = sorted(1000 * ns_to_seconds(span_ns) for span_ns in spans_ns)
        places = (math.ceil(share * len(spans)) - 1 for share in (0.5, 0.95, 1.0))
        return cls(*(round(spans[place], 1) for place in places))


@final
@dataclass(frozen=True, slots=True)
class TileCost:
    """What open wall boards cost.

    Attributes:
        pages: Number of open wall boards.
        core_share: Processor time of the console's process per second, in cores.
        kib_per_s: What each page receives, KiB a second.
        tiles_per_s: Tiles that change in each page in a second.
    """

    pages: int
    core_share: float
    kib_per_s: float
    tiles_per_s: float


@final
@dataclass(frozen=True, slots=True)
class ConsoleCost:
    """What the benchmark of the console has found.

    Attributes:
        alarms: Number of alarms.
        sound_subjects: Number of subjects while alarms were raised.
        stored: From the event's report to the hub until the event is on the disk.
        sound: From the event's report to the hub until the browser begins the sound.
        tile_subjects: Number of tiles on the wall boards.
        pictures_hz: Poses of each stick figure in a second.
        tiles: The cost by number of open wall boards.
    """

    alarms: int
    sound_subjects: int
    stored: Waits
    sound: Waits
    tile_subjects: int
    pictures_hz: int
    tiles: tuple[TileCost, ...]


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        alarms: Number of alarms.
        seconds: Time of each measurement of the cost, in seconds.
        pictures_hz: Poses of each stick figure in a second.
        sound_subjects: Number of subjects while alarms are raised.
        tile_subjects: Number of tiles.
        pages: Numbers of open wall boards, one measurement each.
        settle_s: Time before each measurement of the cost, in seconds.
    """

    alarms: int
    seconds: float
    pictures_hz: int
    sound_subjects: int = 16
    tile_subjects: int = 32
    pages: tuple[int, ...] = (0, 1, 4)
    settle_s: float = 3.0


async def measure_console(
    plan: Plan, seed: int, folder: Path, clock: Clock, on_progress: Progress
) -> ConsoleCost:
    """Measure both.

    Args:
        plan: What is measured.
        seed: Seed of poses and moments.
        folder: An empty folder.
        clock: Clock of the measurement.
        on_progress: Called after each alarm and each measurement of the cost.

    Raises:
        BrowserMissing: If no browser can be driven.
    """
    program = require_browser()
    rng = random.Random(seed)
    ward = Ward(plan.sound_subjects, plan.pictures_hz, clock, rng)
    async with (
        _running(ward, folder / "sound", clock) as run,
        listening(program, run.url, _USER, run.password) as listener,
    ):
        stored, sound = await _sounds(run, listener, plan.alarms, rng, on_progress)
    ward = Ward(plan.tile_subjects, plan.pictures_hz, clock, rng)
    tiles = []
    async with _running(ward, folder / "tiles", clock) as run:
        for done, pages in enumerate(plan.pages, start=1):
            tiles.append(await _cost(run, pages, plan))
            on_progress("tiles", done, len(plan.pages), f"{pages} pages")
    return ConsoleCost(
        alarms=plan.alarms,
        sound_subjects=plan.sound_subjects,
        stored=stored,
        sound=sound,
        tile_subjects=plan.tile_subjects,
        pictures_hz=plan.pictures_hz,
        tiles=tuple(tiles),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """A ward with its hub and its console."""

    ward: Ward
    store: Store
    url: str
    password: str
    clock: Clock

    def utc_ns(self) -> int:
        return self.clock.now_ns() + self.clock.correction_ns()


@asynccontextmanager
async def _running(ward: Ward, folder: Path, clock: Clock) -> AsyncIterator[_Run]:
    with Broker() as broker:
        site = site_of(broker.port, folder)
        store = make_empty_store(site.hub.store_url())  # makes the folder
        password = new_password()
        user = User(_USER, hash_of_password(password), "administrator")
        Access(store.database).add(user, Act(clock.now_ns(), _USER))
        try:
            async with ward.reporting(site), running_console(site, folder) as said:
                url = said.rpartition(" ")[2]
                yield _Run(ward, store, url, password, clock)
        finally:
            store.close()


def site_of(port: int, folder: Path) -> Site:
    """Return a site whose falls alarm at once, with its store in a folder."""
    return Site.model_validate(
        {
            "site": _SITE,
            "broker": {"port": port},
            "hub": {"folder": str(folder), "port": 0, "canary_every_s": 86_400},
            "console": {"port": 0},
            "technical_alarms": False,  # recognition is missing, and that alarms
            "alarms": {FALL: {"confirm_s": 0.0, "escalate_s": []}},
        }
    )


async def _sounds(
    run: _Run,
    listener: Listener,
    alarms: int,
    rng: random.Random,
    on_progress: Progress,
) -> tuple[Waits, Waits]:
    """Raise alarms one after another; return the waits for the disk and the sound."""
    stored_ns, sound_ns = [], []
    for number in range(alarms):
        await run.clock.sleep_s(rng.uniform(0, _MOST_PAUSE_S))
        began_ns = run.utc_ns()
        event = await run.ward.fall(rng.choice(run.ward.names))
        stored_ns.append(run.utc_ns() - began_ns)
        sound_ns.append(await listener.heard_ns() - began_ns)
        run.store.answers.give(event.event_id, "resolve", {}, _USER, run.utc_ns())
        await listener.hush()
        on_progress("alarms", number + 1, alarms, f"{sound_ns[-1] / 1e6:.0f} ms")
    return Waits.of(stored_ns), Waits.of(sound_ns)


async def _cost(run: _Run, pages: int, plan: Plan) -> TileCost:
    async with open_pages(pages, run.url, _USER, run.password) as received:
        await run.clock.sleep_s(plan.settle_s)
        size_bytes, tiles = received.size_bytes, received.tiles
        began_ns, used_s = run.clock.now_ns(), _console_cpu_s()
        await run.clock.sleep_s(plan.seconds)
        span_s = ns_to_seconds(run.clock.now_ns() - began_ns)
        each_s = span_s * max(1, pages)
        return TileCost(
            pages=pages,
            core_share=round((_console_cpu_s() - used_s) / span_s, 4),
            kib_per_s=round((received.size_bytes - size_bytes) / 1024 / each_s, 1),
            tiles_per_s=round((received.tiles - tiles) / each_s, 1),
        )


def _console_cpu_s() -> float:
    return measure_processes(os.getpid())["console"].cpu_s
