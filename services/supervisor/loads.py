"""What the watchers use of the machine's cores, and what it carries.

    pulses ─▶ cores of each watcher, and whether it leaves pictures out
                 ├─▶ cores a subject needs ─▶ subjects that watcher and machine carry
                 └─▶ the watcher to divide: overloaded for some rounds, by its own work

A watcher works through its subjects one after the other, so it uses little more than
one core. What its subjects need is measured while it uses all pictures, because some of
its work is also done for pictures left out. Before the first measurement nothing is
known, and nothing is limited.
"""

from dataclasses import dataclass
from math import ceil, floor
from typing import final

from services.watcher.pulse import Pulse

_BUSY = 0.8
"""Share of a core that may be planned; people move at times more than measured."""
_LASTING_ROUNDS = 5
"""Rounds of overload after which a watcher is divided."""
_TOO_MANY_ROUNDS = 30
"""Rounds of overload, a minute, after which dividing has not helped."""
_OWN_CORES = 0.6
"""Cores from which an overload is the watcher's own. One that waits for recognition
uses less, and would not get faster by being divided."""
_UNSETTLED_ROUNDS = 5
"""Rounds after a change of its subjects in which a watcher's use is not measured."""
_LEAST_ROUNDS, _MEAN_ROUNDS = 5, 30
"""Rounds of measurement before the mean counts, and over which it is formed."""


@dataclass(slots=True)
class _Load:
    subjects: int = 0
    rounds: int = -_UNSETTLED_ROUNDS
    """Rounds after the watcher has settled."""
    needed: float = 0.0
    """Mean number of cores in the rounds without thinning."""
    measured_rounds: int = 0
    overloaded_rounds: int = 0
    overloaded_cores: float = 0.0
    """Mean number of cores in the present rounds of overload."""

    def add(self, pulse: Pulse) -> None:
        self.rounds += 1
        if pulse.every > 1:
            self.overloaded_rounds += 1
            change = pulse.cores - self.overloaded_cores
            self.overloaded_cores += change / self.overloaded_rounds
            return
        self.overloaded_rounds, self.overloaded_cores = 0, 0.0
        if self.rounds > 0:
            self.measured_rounds += 1
            change = pulse.cores - self.needed
            self.needed += change / min(self.measured_rounds, _MEAN_ROUNDS)

    @property
    def is_known(self) -> bool:
        return self.measured_rounds >= _LEAST_ROUNDS and self.subjects > 0


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
        load.add(pulse)

    def forget(self, number: int) -> None:
        """Forget a watcher that has died; do nothing if it is not known."""
        self._loads.pop(number, None)

    @property
    def cores_a_subject(self) -> float | None:
        """Cores that a subject needs without thinning; None before it is known."""
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
            if load.overloaded_cores >= _OWN_CORES
        }
        return max(lasting, key=lambda number: lasting[number], default=None)

    def has_room(self, number: int) -> bool:
        """Return whether a watcher has kept up with its subjects for some rounds."""
        load = self._loads.get(number, _Load())
        return load.rounds >= _LEAST_ROUNDS and not load.overloaded_rounds

    def warning(self, wanted: int, cores: float) -> str | None:
        """Return a line if more subjects are wanted than the machine carries.

        It is returned once for a number of subjects.

        Args:
            wanted: Number of subjects to watch.
            cores: Number of the cores of all nodes.
        """
        need = self.cores_a_subject
        reason = ""
        if need is not None and cores * _BUSY < wanted * need:
            reason = (
                f"{wanted} subjects are more than {cores:g} cores carry: about"
                f" {_fitting(cores, need)}, as each needs {need:.2f} of a core"
            )
        elif any(
            load.overloaded_rounds >= _TOO_MANY_ROUNDS for load in self._loads.values()
        ):
            reason = f"{wanted} subjects are more than can be recognised"
        if not reason or self._said_for == wanted:
            return None
        self._said_for = wanted
        return (
            f"{reason}. While there are too many pictures, some of every camera are"
            " left out. Watch fewer cameras, or add cores, nodes or recognizer.replicas"
        )


def _fitting(cores: float, need: float) -> int:
    return max(1, floor(cores * _BUSY / need))
