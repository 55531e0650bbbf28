"""Videos of public data sets: one record for all, choices among them, their frames.

lists + videos ──▶ VideoSet ──▶ restricted, few_shot ──▶ LabelledVideo
pipelines.data.public                                        │ read_frames
                                                             ▼
                                    uint8 [time, height, width, 3]
"""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Int64, UInt8

from pipelines.data.decoding import VideoFacts, decode, survey
from pipelines.errors import DatasetError
from pipelines.sources.framing import PAD, Framing, crop


@dataclass(frozen=True, slots=True)
class LabelledVideo:
    """One video of a set.

    Attributes:
        path: The file; it was there when the set was read.
        label: The one action it shows.
        group: What it shares with others, be it the person, the room or the film it
            was cut from. Videos of one group in training and in testing would leak.
        split: ``train``, ``val`` or ``test``.
        imu: The wearable's file, where the set has one.
    """

    path: Path
    label: str
    group: str
    split: str
    imu: Path | None = None


@final
@dataclass(frozen=True, slots=True)
class VideoSet:
    """Videos and the closed set of labels they are told apart by.

    ``labels`` are in the order of the set's own indices, counted from 0.

    Raises:
        ValueError: If a label is there twice, or a video has one that is not there.
    """

    name: str
    labels: tuple[str, ...]
    videos: tuple[LabelledVideo, ...]

    def __post_init__(self) -> None:
        if len(set(self.labels)) < len(self.labels):
            msg = f"{self.name}: a label is there twice in {self.labels}"
            raise ValueError(msg)
        strange = {video.label for video in self.videos} - set(self.labels)
        if strange:
            msg = f"{self.name}: videos have labels {sorted(strange)}, not in its own"
            raise ValueError(msg)

    def of_split(self, split: str) -> "VideoSet":
        """Return the videos of one split; all labels stay."""
        chosen = (video for video in self.videos if video.split == split)
        return replace(self, videos=tuple(chosen))

    def restricted(self, labels: Sequence[str]) -> "VideoSet":
        """Return the videos of some labels, which are then all labels, in that order.

        So accuracies on base and on novel labels are of closed sets.

        Raises:
            ValueError: If one of them is not a label of this set.
        """
        strange = [label for label in labels if label not in self.labels]
        if strange:
            msg = f"{self.name} has no labels {strange}; it has {self.labels}"
            raise ValueError(msg)
        chosen = (video for video in self.videos if video.label in set(labels))
        return VideoSet(self.name, tuple(labels), tuple(chosen))

    def renamed(self, spell: Callable[[str], str]) -> "VideoSet":
        """Return the same videos with every label spelt otherwise."""
        videos = (replace(video, label=spell(video.label)) for video in self.videos)
        return VideoSet(self.name, tuple(map(spell, self.labels)), tuple(videos))

    def targets(self) -> Int64[np.ndarray, " clip"]:
        """Return each video's label as an index into ``labels``."""
        index = {label: n for n, label in enumerate(self.labels)}
        return np.array([index[video.label] for video in self.videos], np.int64)

    def shared_groups(self) -> tuple[str, ...]:
        """Return the groups that have videos in more than one split."""
        splits: dict[str, set[str]] = defaultdict(set)
        for video in self.videos:
            splits[video.group].add(video.split)
        return tuple(group for group, found in splits.items() if len(found) > 1)


def few_shot(
    video_set: VideoSet, shots: int, seed: int, *, split: str = "train"
) -> VideoSet:
    """Draw as many videos of each label, spread over as many groups as there are.

    No group gives a second video before every group has given one. A label's draw
    depends on the seed and on its own videos only, so that it stays the same when
    other labels come or go.

    Raises:
        DatasetError: If a label has fewer videos in the split.
    """
    chosen: list[LabelledVideo] = []
    for label in video_set.labels:
        videos = [v for v in video_set.videos if (v.label, v.split) == (label, split)]
        if len(videos) < shots:
            problem = f"{label!r} has {len(videos)} videos in {split}, expected {shots}"
            raise DatasetError(video_set.name, problem)
        rng = np.random.default_rng([seed, zlib.crc32(label.encode())])
        chosen += _spread(videos, rng)[:shots]
    return replace(video_set, videos=tuple(chosen))


Choose = Callable[[int, float], Int64[np.ndarray, " time"]]
"""Names the pictures to read, from how many there are and their rate in Hz."""


def centred(frames: int, window_s: float | None = None) -> Choose:
    """Spread frames evenly over a window about the middle of a video.

    A single frame is the middle one. A window that is longer than the video ends with
    it, so that frames of a very short one repeat. Positions are rounded down; the
    literature is silent about it.

    Args:
        frames: How many, at least 1.
        window_s: Length of the window in seconds; by default the whole video.

    Raises:
        ValueError: If ``frames`` is under 1 or the window not positive.
    """
    if frames < 1 or (window_s is not None and not window_s > 0):
        msg = f"expected a frame and a window above 0 s, got {frames} in {window_s}"
        raise ValueError(msg)

    def choose(count: int, rate_hz: float) -> Int64[np.ndarray, " time"]:
        middle = count / 2
        half = middle if window_s is None else rate_hz * window_s / 2
        first, last = max(0.0, middle - half), min(count - 1.0, middle + half)
        spread = np.linspace(first, last, frames) if frames > 1 else np.array([middle])
        return spread.astype(np.int64)  # towards 0, which is down

    return choose


def read_frames(
    video: Path, choose: Choose, *, size_px: int = 224, short_side_px: int | None = None
) -> UInt8[np.ndarray, "time height width 3"]:
    """Read some pictures of a video as squares in RGB.

    It is decoded twice, first to count its pictures, for all of them might not fit
    into memory. Not to be called inside a running event loop.

    Args:
        video: The file.
        choose: Names the pictures; one that it names twice is there twice.
        size_px: Side of the squares.
        short_side_px: Scale the short side to this, then take the middle square, as
            most of the literature does (224 or 256 for squares of 224); by default
            the whole picture is padded with black, as live pictures are. Scaling is
            the live one as well: bilinear over all pixels that fall into one, where
            the literature has bicubic.

    Raises:
        SourceError: If there is no such file, or it cannot be decoded.
        ValueError: If ``short_side_px`` is less than ``size_px``, or a picture was
            named that is not there.
    """
    if short_side_px is not None and short_side_px < size_px:
        msg = f"short_side_px must be at least {size_px}, got {short_side_px}"
        raise ValueError(msg)
    facts = survey(video)
    places = choose(facts.pictures, facts.rate_hz)
    if len(places) == 0 or places.min() < 0 or places.max() >= facts.pictures:
        msg = f"expected pictures 0 to {facts.pictures - 1}, got {places.tolist()}"
        raise ValueError(msg)
    framing = PAD
    if short_side_px is not None:
        framing = _middle_square(facts, size_px / short_side_px)
    pictures = decode(video, set(places.tolist()), size_px=size_px, framing=framing)
    return np.stack([pictures[place] for place in places.tolist()])


def _spread(
    videos: Iterable[LabelledVideo], rng: np.random.Generator
) -> list[LabelledVideo]:
    """Shuffle; a group's second video comes after every group's first."""
    groups: dict[str, list[LabelledVideo]] = defaultdict(list)
    for video in sorted(videos, key=lambda video: (video.group, video.path.name)):
        groups[video.group].append(video)
    names = list(groups)
    ranked: list[tuple[int, int, LabelledVideo]] = []
    for place in rng.permutation(len(names)).tolist():
        members = groups[names[place]]
        for turn, member in enumerate(rng.permutation(len(members)).tolist()):
            ranked.append((turn, len(ranked), members[member]))
    return [video for _, _, video in sorted(ranked, key=lambda it: it[:2])]


def _middle_square(facts: VideoFacts, part: float) -> Framing:
    """Cut a part of the short side, as wide as it is high when shown."""
    side_px = part * min(facts.width_px * facts.pixel_aspect, facts.height_px)
    width_px, height_px = side_px / facts.pixel_aspect, side_px
    return crop(
        (facts.width_px - width_px) / 2,
        (facts.height_px - height_px) / 2,
        width_px,
        height_px,
    )
