"""Labelled clips in memory, the input of the studies of models.

Clips of one group (a room or an actor) are always on the same side of a split.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8
from PIL import Image

_COLUMNS = ("frames", "labels", "groups", "imu", "parts")


@dataclass(frozen=True, slots=True, eq=False)
class ClipSet:
    """Labelled clips.

    Attributes:
        frames: RGB pictures of the model's size.
        labels: Label of each clip, as an index into the set's labels.
        groups: Group of each clip, such as its room, which splits keep together.
        imu: Acceleration with gravity in m/s² and turn rate in rad/s, if there was a
            wearable.
        parts: What each pixel of the middle picture shows, if known, as an index into
            ``pipelines.lab.simulation.world.PARTS``.
        imu_rate_hz: Samples of ``imu`` per second; the ward's wearable has 50.
    """

    frames: UInt8[np.ndarray, "clip frame height width 3"]
    labels: Int64[np.ndarray, " clip"]
    groups: Int64[np.ndarray, " clip"]
    imu: Float32[np.ndarray, "clip sample 6"] | None = None
    parts: UInt8[np.ndarray, "clip height width"] | None = None
    imu_rate_hz: float = 50.0

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def joined(cls, sets: Sequence["ClipSet"]) -> "ClipSet":
        """Join sets in order; empty ones add nothing.

        Raises:
            ValueError: If their wearables have different rates, or all are empty.
        """
        filled = [one for one in sets if len(one)]
        rates = {one.imu_rate_hz for one in filled if one.imu is not None}
        if len(rates) > 1:
            msg = f"wearables of {sorted(rates)} Hz, expected one rate"
            raise ValueError(msg)
        columns: dict[str, Any] = {}
        for name in _COLUMNS:
            arrays = [getattr(one, name) for one in filled]
            known = all(array is not None for array in arrays)
            columns[name] = np.concatenate(arrays) if known else None
        if rates:
            columns["imu_rate_hz"] = rates.pop()
        return cls(**columns)

    def select(
        self, wanted: Bool[np.ndarray, " clip"] | Int64[np.ndarray, " some"]
    ) -> "ClipSet":
        """Return the clips at some indices, or where a mask is true."""
        columns: dict[str, Any] = {name: getattr(self, name) for name in _COLUMNS}
        chosen: dict[str, Any] = {
            name: None if column is None else column[wanted]
            for name, column in columns.items()
        }
        return replace(self, **chosen)

    def split(self, share: float, seed: int) -> tuple["ClipSet", "ClipSet"]:
        """Split by groups: about ``share`` of them, and the others."""
        chosen = self.share_of_groups(share, seed)
        return self.select(chosen), self.select(~chosen)

    def share_of_groups(self, share: float, seed: int) -> Bool[np.ndarray, " clip"]:
        """Return a mask of the clips in the groups that ``split`` draws."""
        groups = np.unique(self.groups)
        drawn = np.random.default_rng(seed).permutation(groups)
        return np.isin(self.groups, drawn[: round(share * len(groups))])

    def of(self, labels: Sequence[int]) -> "ClipSet":
        """Return the clips of some labels; the labels keep their numbers."""
        return self.select(np.isin(self.labels, list(labels)))

    def few(self, shots: int, seed: int) -> "ClipSet":
        """Draw at most ``shots`` clips of each label, from many groups."""
        return self.select(self.few_places(shots, seed))

    def few_places(self, shots: int, seed: int) -> Int64[np.ndarray, " shot"]:
        """Return the rising indices of the clips that ``few`` draws."""
        order = np.random.default_rng(seed).permutation(len(self))
        seen: Counter[tuple[int, int]] = Counter()
        ranks = []
        for place in order:
            key = int(self.labels[place]), int(self.groups[place])
            ranks.append(seen[key])
            seen[key] += 1
        count: Counter[int] = Counter()
        chosen = []
        for place in order[np.argsort(ranks, kind="stable")]:
            label = int(self.labels[place])
            count[label] += 1
            if count[label] <= shots:
                chosen.append(place)
        return np.sort(np.array(chosen, np.int64))


def squared(
    picture: UInt8[np.ndarray, "height width ..."], side_px: int
) -> UInt8[np.ndarray, "side side ..."]:
    """Scale a picture or a map of parts to a square and pad it, as the cameras do."""
    height, width = picture.shape[:2]
    scale = side_px / max(height, width)
    columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
    colours = picture.ndim == 3
    way = Image.Resampling.BILINEAR if colours else Image.Resampling.NEAREST
    square = np.zeros((side_px, side_px, *picture.shape[2:]), np.uint8)
    top, left = (side_px - rows) // 2, (side_px - columns) // 2
    scaled = Image.fromarray(picture).resize((columns, rows), way)
    square[top : top + rows, left : left + columns] = np.asarray(scaled)
    return square
