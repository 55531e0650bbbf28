"""Labelled clips in memory, whatever they come from: what the studies of models run on.

Clips of one group, a room or an actor, never stand on both sides of a split.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8


@dataclass(frozen=True, slots=True, eq=False)
class ClipSet:
    """Labelled clips.

    Attributes:
        frames: RGB, at the model's size.
        labels: Of each clip, an index into the set's labels.
        groups: What must not be split: the room of each clip, say.
        imu: Acceleration with gravity in m/s² and turn rate in rad/s, if there was a
            wearable.
        parts: What each pixel of the middle picture shows, where that is known, as
            the index of ``pipelines.simulation.world.PARTS``.
    """

    frames: UInt8[np.ndarray, "clip frame height width 3"]
    labels: Int64[np.ndarray, " clip"]
    groups: Int64[np.ndarray, " clip"]
    imu: Float32[np.ndarray, "clip sample 6"] | None = None
    parts: UInt8[np.ndarray, "clip height width"] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def joined(cls, sets: Sequence["ClipSet"]) -> "ClipSet":
        """Put sets one after the other."""
        columns: list[Any] = []
        for each in fields(cls):
            arrays = [getattr(one, each.name) for one in sets if len(one)]
            known = all(array is not None for array in arrays)
            columns.append(np.concatenate(arrays) if known else None)
        return cls(*columns)

    def take(
        self, wanted: Bool[np.ndarray, " clip"] | Int64[np.ndarray, " some"]
    ) -> "ClipSet":
        """Return some of the clips."""
        columns: list[Any] = [getattr(self, each.name) for each in fields(self)]
        chosen: list[Any] = [None if it is None else it[wanted] for it in columns]
        return ClipSet(*chosen)

    def split(self, share: float, seed: int) -> tuple["ClipSet", "ClipSet"]:
        """Split by groups: about ``share`` of them, and the others."""
        chosen = self.share_of_groups(share, seed)
        return self.take(chosen), self.take(~chosen)

    def share_of_groups(self, share: float, seed: int) -> Bool[np.ndarray, " clip"]:
        """Return which clips are of the groups that ``split`` draws."""
        groups = np.unique(self.groups)
        drawn = np.random.default_rng(seed).permutation(groups)
        return np.isin(self.groups, drawn[: round(share * len(groups))])

    def of(self, labels: Sequence[int]) -> "ClipSet":
        """Return the clips of some labels; they keep their numbers."""
        return self.take(np.isin(self.labels, list(labels)))

    def few(self, shots: int, seed: int) -> "ClipSet":
        """Draw at most so many clips of each label, of as many groups as there are."""
        return self.take(self.few_places(shots, seed))

    def few_places(self, shots: int, seed: int) -> Int64[np.ndarray, " shot"]:
        """Return where the clips stand that ``few`` draws, rising."""
        order = np.random.default_rng(seed).permutation(len(self))
        seen: Counter[tuple[int, int]] = Counter()
        ranks = []
        for place in order:
            key = int(self.labels[place]), int(self.groups[place])
            ranks.append(seen[key])
            seen[key] += 1
        taken: Counter[int] = Counter()
        chosen = []
        for place in order[np.argsort(ranks, kind="stable")]:
            label = int(self.labels[place])
            taken[label] += 1
            if taken[label] <= shots:
                chosen.append(place)
        return np.sort(np.array(chosen, np.int64))
