"""Give the readers of foreign input very many faulty inputs.

    python -m tests.fuzz --payloads 1000000 --texts 100000 --seed 1

Of twenty payloads one is a JSON file of our own, the others are a wearable's; there are
as many addresses, csv files and YAML files as ``--texts`` says, of each. An input fails
that raises what its reader does not promise, takes more than a second of a processor,
or makes an output that holds a planted secret. The first failures are printed, and the
exit code is 1.
"""

import argparse
import logging
import resource
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import Protocol

from pipelines.clock import NS_PER_S, SystemClock
from tests.fuzz.mutation import SECRET
from tests.fuzz.payloads import Kept, Wearable
from tests.fuzz.texts import Addresses, Documents, Tables

_MOST_S = 1.0
_MOST_SHOWN = 5


class Target(Protocol):
    """Makes inputs, and gives them to a reader."""

    def make(self, rng: Random) -> bytes:
        """Return an input."""
        ...

    def take(self, content: bytes) -> str:
        """Let it be read; return all that is shown of it."""
        ...


def failure_of(target: Target, content: bytes) -> str:
    """Return what goes wrong with an input, or nothing."""
    began_s = _used_s()
    try:
        shown = target.take(content)
    except Exception:  # noqa: BLE001  whatever it is, it is a finding
        return traceback.format_exc()
    if SECRET in shown:
        return f"a secret is shown: {shown!r}"
    took_s = _used_s() - began_s
    return f"took {took_s:.1f} s" if took_s > _MOST_S else ""


def _used_s() -> float:
    """Return the processor time used so far; the machine may be busy with others."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def fuzz(name: str, target: Target, count: int, seed: int) -> int:
    """Give a target so many inputs; print and count those that fail."""
    rng, clock = Random(f"{name} {seed}"), SystemClock()
    failures, began_ns = 0, clock.now_ns()
    for number in range(count):
        content = target.make(rng)
        problem = failure_of(target, content)
        if problem:
            failures += 1
            if failures <= _MOST_SHOWN:
                _say(f"{name} {number} of seed {seed}: {content!r}\n{problem}")
    took_s = (clock.now_ns() - began_ns) / NS_PER_S
    _say(f"{name}: {count} inputs, {failures} failures, {took_s:.0f} s")
    return failures


def run(payloads: int, texts: int, seed: int, only: str | None = None) -> int:
    """Fuzz every target, or one; return how many inputs failed."""
    warnings.simplefilter("error")
    logging.lastResort = None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        targets: dict[str, tuple[Target, int]] = {
            "imu": (Wearable(), payloads - payloads // 20),
            "files": (Kept(folder), payloads // 20),
            "address": (Addresses(), texts),
            "csv": (Tables(folder), texts),
            "yaml": (Documents(folder), texts),
        }
        return sum(
            fuzz(each, target, count, seed)
            for each, (target, count) in targets.items()
            if only in (None, each)
        )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Read the command line, fuzz, and end with 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--payloads", type=int, default=100_000, help="in all")
    parser.add_argument("--texts", type=int, default=10_000, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("imu", "files", "address", "csv", "yaml"))
    given = parser.parse_args()
    failures = run(given.payloads, given.texts, given.seed, given.only)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
