"""Videos of public data sets: one record for all sets, and the reading of frames.

lists + videos ──▶ VideoSet ──▶ restricted, renamed ──▶ LabelledVideo
pipelines.lab.data.public                                        │ read_frames
                                                             ▼
                                    uint8 [time, height, width, 3]
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Int64, UInt8

from pipelines.lab.data.decoding import decode, survey


@dataclass(frozen=True, slots=True)
class LabelledVideo:
    """One video of a set.

    Attributes:
        path: The file, which existed when the set was read.
        label: The action that it shows.
        group: Identifies videos that share a person, a room or a film. A group with
            videos in both training and test sets would leak.
        split: ``train``, ``val`` or ``test``.
        imu: The wearable's file, if the set has one.
    """

    path: Path
    label: str
    group: str
    split: str
    imu: Path | None = None


@final
@dataclass(frozen=True, slots=True)
class VideoSet:
    """Videos and their closed set of labels.

    ``labels`` are in the order of the set's own indices, counted from 0.

    Raises:
        ValueError: If a label occurs twice, or a video has a label that is not listed.
    """

    name: str
    labels: tuple[str, ...]
    videos: tuple[LabelledVideo, ...]

    def __post_init__(self) -> None:
        if len(set(self.labels)) < len(self.labels):
            msg = f"{self.name}: a label occurs twice in {self.labels}"
            raise ValueError(msg)
        strange = {video.label for video in self.videos} - set(self.labels)
        if strange:
            msg = f"{self.name}: videos have unlisted labels {sorted(strange)}"
            raise ValueError(msg)

    def restricted(self, labels: Sequence[str]) -> "VideoSet":
        """Return the videos with some labels; these become the set's labels, in order.

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
        """Return the same videos with every label changed by ``spell``."""
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


Choose = Callable[[int, float], Int64[np.ndarray, " time"]]
"""Selects pictures by index, given their number and their rate in Hz."""


def centred(frames: int, window_s: float | None = None) -> Choose:
    """Spread frames evenly over a window in the middle of a video.

    A single frame is the middle one. A window longer than the video is cut to it, so
    that frames of a very short video repeat. Indices are rounded down; the literature
    does not say how.

    Without ``window_s`` the window is the whole video.

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
    video: Path, choose: Choose, *, size_px: int = 224
) -> UInt8[np.ndarray, "time height width 3"]:
    """Read some pictures of a video as RGB squares, padded with black.

    The video is decoded twice, first to count its pictures, because all of them might
    not fit into memory. Must not be called inside a running event loop.

    A picture that ``choose`` selects twice is returned twice.

    Raises:
        SourceError: If there is no such file, or it cannot be decoded.
        ValueError: If a selected picture does not exist.
    """
    facts = survey(video)
    places = choose(facts.pictures, facts.rate_hz)
    if len(places) == 0 or places.min() < 0 or places.max() >= facts.pictures:
        msg = f"expected pictures 0 to {facts.pictures - 1}, got {places.tolist()}"
        raise ValueError(msg)
    pictures = decode(video, set(places.tolist()), size_px=size_px)
    return np.stack([pictures[place] for place in places.tolist()])
