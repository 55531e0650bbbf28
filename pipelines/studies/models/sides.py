"""Which labels a model is trained on, and which are novel to it.

One list of the ward's labels is novel in every study, or a part of it is: a checkpoint
that was trained without these labels (``wardwatch train default --without``) has never
seen the novel ones of any.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import final

WARD_FALLS = ("falling", "fallen")
WARD_NOVEL = (*WARD_FALLS, "lying down", "standing", "bending")
"""Of the ward's labels; the others are base."""


@final
@dataclass(frozen=True, slots=True)
class Sides:
    """Labels by their numbers: those that are trained, and those that are not.

    Attributes:
        key: What the figures call this setting.
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
        """What a person reads."""
        return self.key.replace("_", " ")


def half_novel(key: str, names: Sequence[str]) -> Sides:
    """Make half of the labels novel: the ward's own list, of others every second."""
    known = set(WARD_NOVEL) <= set(names)
    return Sides.of(key, names, WARD_NOVEL if known else names[1::2])


def quarter_novel(key: str, names: Sequence[str]) -> Sides:
    """Make a quarter of the labels novel: the ward's list less falls, or others."""
    known = set(WARD_NOVEL) <= set(names)
    return Sides.of(key, names, WARD_NOVEL[2:] if known else names[3::4])
