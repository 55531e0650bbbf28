"""What the watchers use of the machine's cores, and what it carries.

    pulses ─▶ cores of each watcher, one in how many pictures it uses
                 ├─▶ cores a subject needs ─▶ subjects that watcher and machine carry
                 └─▶ the watcher to divide: overloaded for some rounds

A watcher works through its subjects one after the other, so it uses little more than
one core. Before the first measurement nothing is known, and nothing is limited.
"""

from dataclasses import dataclass
from math import ceil, floor
from typing import final

from services.watcher.pulse import Pulse

_BUSY = 0.8
"""Share of a core that may be planned; people move at times more than measured."""
_LASTING_ROUNDS = 5
"""Rounds of overload after which a watcher is divided."""
_UNSETTLED_ROUNDS = 5
"""Rounds after a change of its subjects in which a watcher's use is not measured."""
_LEAST_ROUNDS, _MEAN_ROUNDS = 5, 30
"""Rounds of measurement before the mean counts, and over which it is formed."""


@dataclass(slots=True)
class _Load:
    subjects: int = 0
    needed: float = 0.0
    """Mean number of cores that are needed without thinning."""
    rounds: int = -_UNSETTLED_ROUNDS
    """Rounds of measurement."""
    overloaded_rounds: int = 0

    @property
    def is_known(self) -> bool:
        return self.rounds >= _LEAST_ROUNDS and self.subjects > 0


@final
class Loads:
    """The loads of all watchers, by number."""

    def __init__(self) -> None:
        self._loads: dict[int, _Load] = {}
        self._said_for: int | None = None

    def add(self, number: int, pulse: Pulse) -> None:
        """Record the pulse of a round."""
        load = self._loads.setdefault(number, _Load())
        if load.subjects != len(pulse.subjects):
            load = self._loads[number] = _Load(len(pulse.subjects))
        load.rounds += 1
        if load.rounds > 0:
            change = pulse.cores * pulse.thinned - load.needed
            load.needed += change / min(load.rounds, _MEAN_ROUNDS)
        is_overloaded = pulse.thinned > 1
        load.overloaded_rounds = load.overloaded_rounds + 1 if is_overloaded else 0

    def forget(self, number: int) -> None:
        """Forget a watcher that has died; do nothing if it is not known."""
        self._loads.pop(number, None)

    @property
    def cores_a_subject(self) -> float | None:
        """Cores that a subject needs without thinning; None before it is known.

        Thinned pictures are assumed to cost what used ones do.
        """
        known = [load for load in self._loads.values() if load.is_known]
        subjects = sum(load.subjects for load in known)
        needed = sum(load.needed for load in known)
        return needed / subjects if subjects and needed > 0 else None

    def most_each(self, configured: int, wanted: int, cores: float) -> int:
        """Return the greatest number of subjects for a watcher.

        Args:
            configured: The number that the site's file allows.
            wanted: Number of subjects to watch; if there are too many, they share as
                many watchers as there are cores.
            cores: Number of the cores of all nodes.
        """
        need = self.cores_a_subject
        if need is None:
            return configured
        return min(configured, max(_fitting(1.0, need), ceil(wanted / cores)))

    def to_divide(self) -> int | None:
        """Return the number of the watcher to divide first; None if there is none."""
        lasting = {
            number: load.subjects
            for number, load in self._loads.items()
            if load.overloaded_rounds >= _LASTING_ROUNDS and load.subjects > 1
        }
        return max(lasting, key=lambda number: lasting[number], default=None)

    def warning(self, wanted: int, cores: float) -> str | None:
        """Return a line if more subjects are wanted than the machine carries.

        It is returned once for a number of subjects.

        Args:
            wanted: Number of subjects to watch.
            cores: Number of the cores of all nodes.
        """
        need = self.cores_a_subject
        if need is None or cores * _BUSY >= wanted * need:
            return None
        if self._said_for == wanted:
            return None
        self._said_for = wanted
        return (
            f"{wanted} subjects are more than {cores:g} cores carry: about"
            f" {_fitting(cores, need)}, as each needs {need:.2f} of a core. While there"
            " are too many pictures, some of every camera are left out. Watch fewer"
            " cameras, or add cores or nodes"
        )


def _fitting(cores: float, need: float) -> int:
    return max(1, floor(cores * _BUSY / need))
