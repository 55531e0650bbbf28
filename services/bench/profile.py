"""Where the processor time of one camera goes, stage by stage.

The chain of one camera runs in one thread under Python's profiler, which counts the
process's processor time, not the time that passes. Pictures are decoded beforehand, so
that the decoder's threads are measured apart: once into tiny pictures, which need
little scaling, and once into those that the chain needs.
"""

import asyncio
import cProfile
import pstats
import resource
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, final

import numpy as np
from jaxtyping import Float32, UInt8

from models.recognizer import ClipRecognizer
from models.window import Window
from pipelines.clock import NS_PER_S, Clock
from pipelines.in_process import InProcessRecognizer
from pipelines.live.subject import Subject, WatchSettings
from pipelines.live.views import PictureForm, picture_form
from pipelines.live.watch import Watch
from pipelines.recognition import ClipScores, RecognizerInfo
from pipelines.records import Clip, Frame
from pipelines.sources.camera.source import CameraSource

Answer = TypeVar("Answer")

_TINY_PX = 16
_MOST_PICTURES = 240
"""Pictures kept in memory: half a minute of a view of people, 300 MB."""

_FINDER = "finder.py:find"
_STAGES = {
    "comparing with the picture before": (("inference.py:cell_luma", ""),),
    "detector: cutting": (("region.py:cut", "detector.py:detect"),),
    "detector: network": (("network.py:__call__", "detector.py:detect"),),
    "landmarks: cutting": (("region.py:cut", "landmarks.py:read"),),
    "landmarks: network": (("network.py:__call__", "landmarks.py:read"),),
    "person finder, all else": ((_FINDER, ""),),
    "people and their pictures": (("people.py:add", ""), ("views.py:_show", "")),
    "encoding": (("profile.py:_encode", ""),),
    "classification": (("profile.py:_classify", ""),),
    "drift": (("subject.py:add_frame", ""), ("subject.py:add_prediction", "")),
    "events": (("detector.py:update", ""),),
}
"""Functions of each stage, with the caller that counts; an empty one means all."""


@dataclass(frozen=True, slots=True)
class CameraProfile:
    """The measured cost of one camera.

    Attributes:
        pictures: Number of pictures measured.
        pictures_per_s: Pictures a second that the chain takes from a camera.
        searches: Runs of the detector for each picture.
        readings: Runs of the landmark network for each picture.
        ms: Processor time of each stage for each picture, in milliseconds.
    """

    pictures: int
    pictures_per_s: float
    searches: float
    readings: float
    ms: dict[str, float]

    @property
    def cores(self) -> float:
        """Share of a core that the camera takes."""
        return sum(self.ms.values()) * self.pictures_per_s / 1e3


def measure_profile(
    recognizer: ClipRecognizer, video: Path, clock: Clock
) -> CameraProfile:
    """Measure a camera that shows a video.

    Raises:
        SourceError: If the video cannot be read.
        PersonModelError: If the person finder is needed, and a file of it is missing.
    """
    settings = WatchSettings()
    with InProcessRecognizer(recognizer) as opened:
        info = opened.info
    form = picture_form(info, settings.windows)
    tiny = PictureForm(_TINY_PX, form.step_ns, form.pictures_a_step)
    _decode(video, tiny, clock)  # loads the decoder
    decode_s, _ = _measured(lambda: _decode(video, tiny, clock))
    both_s, frames = _measured(lambda: _decode(video, form, clock))
    count = len(frames)
    chain = Watch(
        [Subject("camera", _play(frames))], _Here(recognizer, info), clock, settings
    )
    profile = cProfile.Profile(_cpu_s)
    chain_s, _ = _measured(lambda: profile.runcall(_run, chain))
    found = _Functions(pstats.Stats(profile))
    seconds = {"decoding": decode_s, "scaling and colours": both_s - decode_s}
    seconds |= {
        stage: sum(found.seconds(*each) for each in functions)
        for stage, functions in _STAGES.items()
    }
    seconds["person finder, all else"] -= sum(
        value
        for stage, value in seconds.items()
        if stage.startswith(("detector", "landmarks"))
    )
    in_stages_s = sum(seconds.values()) - both_s
    seconds["chain, all else, with the profiler"] = chain_s - in_stages_s
    return CameraProfile(
        count,
        NS_PER_S / form.step_ns,
        found.calls("network.py:__call__", "detector.py:detect") / count,
        found.calls("network.py:__call__", "landmarks.py:read") / count,
        {stage: value * 1e3 / count for stage, value in seconds.items()},
    )


def cost_rows(cost: CameraProfile) -> list[tuple[str, str]]:
    """Return the profile as rows of a table."""
    total = sum(cost.ms.values())
    rows = [
        (stage, f"{ms:.2f} ms, {100 * ms / total:.0f} %")
        for stage, ms in cost.ms.items()
    ]
    return [
        *rows,
        ("a picture", f"{total:.2f} ms"),
        (
            "runs of the detector, of the landmark network, for a picture",
            f"{cost.searches:.2f}, {cost.readings:.2f}",
        ),
        (f"a camera, {cost.pictures_per_s:g} pictures/s", f"{cost.cores:.3f} cores"),
    ]


def cost_json(cost: CameraProfile) -> dict[str, Any]:
    """Return the profile as a JSON object."""
    return {
        "pictures": cost.pictures,
        "pictures_per_s": cost.pictures_per_s,
        "searches_per_picture": round(cost.searches, 3),
        "readings_per_picture": round(cost.readings, 3),
        "ms_per_picture": {stage: round(ms, 3) for stage, ms in cost.ms.items()},
        "cores": round(cost.cores, 4),
    }


@final
class _Here:
    """A recogniser that computes in the thread of the caller."""

    def __init__(self, recognizer: ClipRecognizer, info: RecognizerInfo) -> None:
        self._recognizer, self._info = recognizer, info

    @property
    def info(self) -> RecognizerInfo:
        return self._info

    async def encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        return self._encode(frames)

    async def classify(self, clips: Sequence[Clip]) -> ClipScores:
        return self._classify(clips)

    def _encode(
        self, frames: UInt8[np.ndarray, "batch height width 3"]
    ) -> Float32[np.ndarray, "batch ..."]:
        return self._recognizer.encode(frames)

    def _classify(self, clips: Sequence[Clip]) -> ClipScores:
        windows = [
            Window(each.features, each.slots, each.imu, each.imu_rate_hz)
            for each in clips
        ]
        return ClipScores(*self._recognizer.classify(windows))


@final
class _HereExecutor(ThreadPoolExecutor):
    """Runs work in the thread that submits it, where the profiler sees it."""

    def submit(
        self, fn: Callable[..., Answer], /, *args: object, **kwargs: object
    ) -> Future[Answer]:
        future: Future[Answer] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@final
class _Functions:
    """The measured functions, by file and name."""

    def __init__(self, stats: pstats.Stats) -> None:
        self._found = [
            (f"{Path(file).name}:{name}", count, seconds, callers)
            for (file, _, name), (_, count, _, seconds, callers) in stats.stats.items()  # type: ignore[attr-defined]
        ]

    def seconds(self, function: str, caller: str) -> float:
        return sum(each for _, each in self._calls(function, caller))

    def calls(self, function: str, caller: str) -> int:
        return sum(each for each, _ in self._calls(function, caller))

    def _calls(self, function: str, caller: str) -> list[tuple[int, float]]:
        """Return number and seconds of a function's calls, by one or all callers."""
        found = []
        for name, count, seconds, callers in self._found:
            if name == function and not caller:
                found.append((count, seconds))
            elif name == function:
                found += [
                    (by, spent)
                    for (file, _, who), (_, by, _, spent) in callers.items()
                    if f"{Path(file).name}:{who}" == caller
                ]
        return found


def _measured(work: Callable[[], Answer]) -> tuple[float, Answer]:
    began_s = _cpu_s()
    result = work()
    return _cpu_s() - began_s, result


def _cpu_s() -> float:
    """Return the processor time of this process, with its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _decode(video: Path, form: PictureForm, clock: Clock) -> list[Frame]:
    return asyncio.run(_frames(video.absolute(), form, clock))


async def _frames(video: Path, form: PictureForm, clock: Clock) -> list[Frame]:
    camera = CameraSource(
        "camera",
        str(video),
        clock=clock,
        image_size_px=form.side_px,
        step_ns=form.step_ns,
        fail_fast=True,
    )
    frames: list[Frame] = []
    async with AsyncExitStack() as stack:
        async for item in await stack.enter_async_context(camera):
            if isinstance(item, Frame):
                frames.append(item)
            if len(frames) == _MOST_PICTURES:
                break
    return frames


async def _play(frames: Sequence[Frame]) -> AsyncGenerator[Frame, None]:
    for frame in frames:
        yield frame


def _run(chain: Watch) -> int:
    return asyncio.run(_records(chain))


async def _records(chain: Watch) -> int:
    asyncio.get_running_loop().set_default_executor(_HereExecutor(1))
    return len([record async for record in chain.records()])
