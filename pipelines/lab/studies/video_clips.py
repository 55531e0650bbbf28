"""Labelled clips of real videos, from public sets or folders of labelled footage.

    set ─────▶ drawn evenly over labels ─▶ 3 s about the middle of a video ─┐
    footage ─▶ spans that prompts name, drawn ─▶ 3 s about the middle of a ─┴▶ ClipSet
               span, or all of a shorter one

Each clip has 8 pictures. An unreadable video is logged and left out; their number is
part of the result.
"""

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from models.prompts.prompt_set import LabelPrompts, PromptSet
from pipelines.clock import NS_PER_S, SystemClock, seconds_to_ns
from pipelines.errors import DatasetError, FootageError, SourceError
from pipelines.lab.data.clips import LabelledVideo, VideoSet, centred, read_frames
from pipelines.lab.data.footage import Footage, Recording
from pipelines.lab.data.public import PublicSet
from pipelines.lab.data.public.hmdb51 import read_hmdb51
from pipelines.lab.data.public.kinetics import read_kinetics
from pipelines.lab.data.public.ucf101 import read_ucf101
from pipelines.lab.data.public.uestc import RATE_HZ, aligned, read_uestc, read_wearable
from pipelines.lab.data.truth import read_truth
from pipelines.lab.studies.clip_set import ClipSet
from pipelines.progress import Progress
from pipelines.records import Frame
from pipelines.sources.camera.source import CameraSource

logger = logging.getLogger(__name__)

FRAMES, WINDOW_S = 8, 3.0
TEMPLATE = "a photo of a person {}"
"""The sentence around a class's name, as in the published zero-shot figures."""

_IMU_SAMPLES = round(WINDOW_S * RATE_HZ)
_TO_SI = np.array([9.80665] * 3 + [math.pi / 180] * 3, np.float32)  # from g and deg/s
_STEP_NS = NS_PER_S // 25  # pictures of a span are chosen at this rate
_ENDINGS = (".csv", ".txt")


@final
@dataclass(frozen=True, slots=True, eq=False)
class ReadClips:
    """Clips that were read, and the number left out.

    ``unreadable`` clips have a damaged video. The prompt set has no label for
    ``unnamed`` spans.
    """

    clips: ClipSet
    unreadable: int
    unnamed: int = 0


def open_set(name: PublicSet, data: Path, lists: Path, split: int) -> VideoSet:
    """Find a set's videos by its lists.

    Args:
        name: Name of the set.
        data: Folder of its videos; for ``uestc`` the folder of the whole set.
        lists: Folder of its lists. For ``kinetics`` these are ``classes.json`` or
            ``classes.csv``, and ``train``, ``test`` and ``val`` as ``.csv`` or
            ``.txt``, of which one is enough; ``val`` replaces a missing ``test``.
            Missing videos are left out.
        split: Number of the official split of ``ucf101`` or ``hmdb51``.

    Raises:
        DatasetError: If the set does not have its makers' layout.
    """
    match name:
        case "ucf101":
            return read_ucf101(data, lists, split)
        case "hmdb51":
            return read_hmdb51(data, lists, split)
        case "uestc":
            return read_uestc(data)
        case "kinetics":
            return _open_kinetics(data, lists)


def class_prompts(video_set: VideoSet) -> PromptSet:
    """Return a prompt set with the names of a set's classes in one sentence."""
    name = video_set.name.split()[0].lower()
    prompts = (LabelPrompts(label, (label,), label) for label in video_set.labels)
    return PromptSet(name, 1, (TEMPLATE,), tuple(prompts))


def in_words_of(video_set: VideoSet, prompts: PromptSet) -> VideoSet:
    """Rename a set's labels to the spelling of a prompt set.

    Raises:
        DatasetError: If the prompt set does not have exactly the set's labels.
    """
    where = f"prompt set {prompts.name}"
    spelt = {label: prompts.resolve(label) for label in video_set.labels}
    lacking = [label for label, word in spelt.items() if word is None]
    if lacking:
        problem = f"has no label for labels of {video_set.name}"
        raise DatasetError(where, problem, lacking)
    words = [word for word in spelt.values() if word is not None]
    more = sorted(set(prompts.labels) - set(words))
    if more or len(set(words)) < len(words):
        problem = f"expected a label for each of {video_set.name} and no others, got"
        raise DatasetError(where, problem, more or words)
    return video_set.renamed(lambda label: spelt[label] or label)


def draw_evenly(
    labels: Int64[np.ndarray, " clip"], count: int | None, seed: int
) -> Int64[np.ndarray, " drawn"]:
    """Draw indices of clips, evenly over labels; all of them without a count.

    Returns:
        Rising indices.
    """
    if count is None or count >= len(labels):
        return np.arange(len(labels), dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(labels))
    turns = np.empty(len(labels), np.int64)  # order of a clip among those of its label
    for label in np.unique(labels):
        own = order[labels[order] == label]
        turns[own] = np.arange(len(own))
    return np.sort(order[np.argsort(turns[order], kind="stable")][:count])


def read_video_clips(
    video_set: VideoSet,
    prompts: PromptSet,
    size_px: int,
    on_progress: Progress,
    *,
    count: int | None = None,
    seed: int = 0,
) -> ReadClips:
    """Read 8 pictures of the middle 3 s of every video, and its wearable's samples.

    ``count`` videos are drawn evenly over labels; None is all.

    Raises:
        DatasetError: If no video can be read.
    """
    places = draw_evenly(video_set.targets(), count, seed)
    videos = [video_set.videos[place] for place in places]
    groups = {
        name: n for n, name in enumerate(sorted({video.group for video in videos}))
    }
    parts = []
    for n, video in enumerate(videos, start=1):
        try:
            frames, imu = _read_video(video, size_px)
        except (SourceError, DatasetError) as err:
            _log_damage(err)
        else:
            parts.append(
                _one_clip(
                    frames, prompts.labels.index(video.label), groups[video.group], imu
                )
            )
        on_progress("reading", n, len(videos), video.path.name)
    if not parts:
        raise DatasetError(video_set.name, "none of its videos can be read")
    return ReadClips(ClipSet.joined(parts), len(videos) - len(parts))


def read_footage_clips(
    footage: Footage,
    prompts: PromptSet,
    size_px: int,
    on_progress: Progress,
    *,
    count: int | None = None,
    seed: int = 0,
) -> ReadClips:
    """Read 8 pictures of every labelled span, by presentation time.

    ``count`` spans are drawn evenly over labels; None is all. Recordings are the
    groups.

    Raises:
        FootageError: If the prompt set has no label for any span, or no recording can
            be read.
    """
    spans, unnamed = _spans_of(footage, prompts)
    if not spans:
        problem = f"none of its labels is in the prompt set {prompts.name}"
        raise FootageError(str(footage.folder), problem)
    labels = np.array([span.label for span in spans], np.int64)
    drawn = [spans[place] for place in draw_evenly(labels, count, seed)]
    parts = []
    for n, recording in enumerate(footage.recordings):
        own = [span for span in drawn if span.recording == n]
        try:
            shown = _read_spans(recording, own, size_px) if own else []
        except SourceError as err:
            _log_damage(err)
        else:
            parts += [
                _one_clip(frames, span.label, n, None)
                for span, frames in zip(own, shown, strict=True)
            ]
        total = len(footage.recordings)
        on_progress("reading", n + 1, total, recording.file)
    if not parts:
        raise FootageError(str(footage.folder), "none of its videos can be read")
    return ReadClips(ClipSet.joined(parts), len(drawn) - len(parts), unnamed)


Frames = UInt8[np.ndarray, "time height width 3"]


@dataclass(frozen=True, slots=True)
class _Span:
    """One clip of footage, with the numbers of its recording and its label."""

    recording: int
    label: int
    start_ns: int
    end_ns: int

    def moments_ns(self) -> list[int]:
        """Return evenly spread moments in the middle of the span, not its ends."""
        length_ns = min(seconds_to_ns(WINDOW_S), self.end_ns - self.start_ns)
        first_ns = (self.start_ns + self.end_ns - length_ns) // 2
        step = length_ns / FRAMES
        return [first_ns + round((n + 0.5) * step) for n in range(FRAMES)]


def _open_kinetics(data: Path, lists: Path) -> VideoSet:
    names = next(
        (
            path
            for path in (lists / "classes.json", lists / "classes.csv")
            if path.is_file()
        ),
        None,
    )
    found = {stem: _list_at(lists, stem) for stem in ("train", "test", "val")}
    splits: Mapping[str, Path | None] = {
        "train": found["train"],
        "test": found["test"] or found["val"],
    }
    if names is None or not any(splits.values()):
        problem = "expected classes.json or .csv, and train, test or val as .csv or"
        raise DatasetError(str(lists), f"{problem} .txt")
    read = [
        read_kinetics(data, path, names, split=split, skip_missing=True)
        for split, path in splits.items()
        if path is not None
    ]
    videos = tuple(video for each in read for video in each.videos)
    return VideoSet("Kinetics", read[0].labels, videos)


def _list_at(folder: Path, stem: str) -> Path | None:
    paths = [folder / f"{stem}{ending}" for ending in _ENDINGS]
    return next((path for path in paths if path.is_file()), None)


def _read_video(
    video: LabelledVideo, size_px: int
) -> tuple[Frames, Float32[np.ndarray, "sample 6"] | None]:
    counted: list[int] = []
    spread = centred(FRAMES, WINDOW_S)

    def choose(count: int, rate_hz: float) -> Int64[np.ndarray, " time"]:
        counted.append(count)
        return spread(count, rate_hz)

    frames = read_frames(video.path, choose, size_px=size_px)
    if video.imu is None:
        return frames, None
    samples = aligned(counted[0], read_wearable(video.imu)) * _TO_SI
    return frames, middle_samples(samples)


def middle_samples(
    samples: Float32[np.ndarray, "sample 6"],
) -> Float32[np.ndarray, "window 6"]:
    """Return the middle 3 s at 25 Hz, padded with the last sample if shorter."""
    start = max(0, (len(samples) - _IMU_SAMPLES) // 2)
    window = samples[start : start + _IMU_SAMPLES]
    return np.pad(window, ((0, _IMU_SAMPLES - len(window)), (0, 0)), mode="edge")


def _one_clip(
    frames: Frames,
    label: int,
    group: int,
    imu: Float32[np.ndarray, "sample 6"] | None,
) -> ClipSet:
    return ClipSet(
        frames=frames[None],
        labels=np.array([label], np.int64),
        groups=np.array([group], np.int64),
        imu=None if imu is None else imu[None],
        imu_rate_hz=RATE_HZ,
    )


def _spans_of(footage: Footage, prompts: PromptSet) -> tuple[list[_Span], int]:
    """Return the spans with a label in the prompt set, and the number of others."""
    place = {label: n for n, label in enumerate(prompts.labels)}
    spans, unnamed = [], 0
    for n, recording in enumerate(footage.recordings):
        for span in read_truth(recording.spans, prompts.resolve).spans:
            if span.label in place:
                label = place[span.label]
                spans.append(_Span(n, label, span.start_ns, span.end_ns))
            else:
                unnamed += 1
    return spans, unnamed


def _read_spans(
    recording: Recording, spans: Sequence[_Span], size_px: int
) -> list[Frames]:
    moments = [moment for span in spans for moment in span.moments_ns()]
    video = recording.video.absolute()  # a relative path could mean "test"
    pictures = asyncio.run(_pictures_at(video, moments, size_px))
    return [
        np.stack(pictures[start : start + FRAMES])
        for start in range(0, len(pictures), FRAMES)
    ]


async def _pictures_at(
    video: Path, moments_ns: Sequence[int], size_px: int
) -> list[UInt8[np.ndarray, "height width 3"]]:
    """Return the newest picture at each moment.

    Before the first picture that is the first one.
    """
    order = sorted(range(len(moments_ns)), key=moments_ns.__getitem__)
    found: dict[int, UInt8[np.ndarray, "height width 3"]] = {}
    newest: UInt8[np.ndarray, "height width 3"] | None = None
    camera = CameraSource(
        video.name,
        str(video),
        clock=SystemClock(),
        image_size_px=size_px,
        step_ns=_STEP_NS,
        fail_fast=True,
    )
    async with camera:
        async for item in camera:
            if not isinstance(item, Frame):
                continue
            while order and moments_ns[order[0]] < item.timestamp_ns:
                found[order.pop(0)] = item.pixels if newest is None else newest
            newest = item.pixels
    if newest is not None:
        found |= dict.fromkeys(order, newest)
    return [found[place] for place in range(len(moments_ns))]


def _log_damage(err: Exception) -> None:
    logger.warning("%s; it is left out", err)
