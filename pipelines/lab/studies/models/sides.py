"""Divisions of labels into trained (base) and untrained (novel) ones.

All studies use one list of the ward's novel labels or a part of it, so that a
checkpoint trained without these labels (``wardwatch train pictures --without``) has
seen no novel label of any study.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import final

WARD_FALLS = ("falling", "fallen")
WARD_NOVEL = (*WARD_FALLS, "lying down", "standing", "bending")
"""The ward's novel labels; the others are base."""


@final
@dataclass(frozen=True, slots=True)
class Sides:
    """Base and novel labels by their numbers.

    ``key`` is the name of the setting in the figures.
    """

    key: str
    base: tuple[int, ...]
    novel: tuple[int, ...]

    @classmethod
    def of(cls, key: str, names: Sequence[str], novel: Collection[str]) -> "Sides":
        """Divide labels by the names of the novel ones."""
        numbers = range(len(names))
        return cls(
            key,
            tuple(i for i in numbers if names[i] not in novel),
            tuple(i for i in numbers if names[i] in novel),
        )

    @property
    def title(self) -> str:
        """The setting's name in sentences."""
        return self.key.replace("_", " ")


def half_novel(key: str, names: Sequence[str]) -> Sides:
    """Make half of the labels novel: the ward's own list, else every second label."""
    known = set(WARD_NOVEL) <= set(names)
    return Sides.of(key, names, WARD_NOVEL if known else names[1::2])


def quarter_novel(key: str, names: Sequence[str]) -> Sides:
    """Make a quarter of the labels novel: the ward's list without falls, or others."""
    known = set(WARD_NOVEL) <= set(names)
    return Sides.of(key, names, WARD_NOVEL[2:] if known else names[3::4])
