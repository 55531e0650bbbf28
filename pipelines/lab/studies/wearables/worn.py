"""Whether a wearable is found to be not worn, on simulated devices and sleepers.

There are two kinds of devices. *Good* ones have the noise and steps of today's
sensors by their data sheets; *any* ones are those of the training, whose noise is up to
ten times as much.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal, final

import numpy as np

from pipelines.clock import NS_PER_S
from pipelines.lab.simulation.worn.device import Device, draw_device
from pipelines.lab.simulation.worn.path import RATE_HZ
from pipelines.lab.simulation.worn.places import PLACES
from pipelines.lab.simulation.worn.rest import NIGHT_RATE_HZ, put_down, sleep
from pipelines.progress import Progress
from pipelines.records import WornState
from pipelines.sources.wearable.worn import WornDetector

Kind = Literal["good", "any"]
KINDS: Final[tuple[Kind, ...]] = ("good", "any")

WITHIN_S = 300.0
"""Time within which a device that was put down should be found."""
_WATCHED_S = 330.0
_GOOD_NOISE_G = (0.0005, 0.002)
_GOOD_STEPS_G = (0.0001, 0.001)


@final
@dataclass(frozen=True, slots=True)
class WornReport:
    """What was found with one kind of device.

    Attributes:
        cases: Number of devices that were put down.
        found: Number of those found within ``WITHIN_S``.
        nights: Number of nights of sleepers who wore theirs.
        false_nights: Number of nights in which it was said to be not worn.
    """

    cases: int
    found: int
    nights: int
    false_nights: int


def study_worn(
    cases: int, nights: int, night_s: float, seed: int, on_progress: Progress
) -> dict[Kind, WornReport]:
    """Put devices down, and let people sleep with them; return a report by kind."""
    reports: dict[Kind, WornReport] = {}
    places = list(PLACES)
    for kind in KINDS:
        found = false_nights = 0
        for index in range(cases):
            rng = _random(seed, kind, 0, index)
            found += _is_found(places[index % len(places)], kind, rng)
            on_progress(f"putting down, {kind} devices", index + 1, cases, "cases")
        for index in range(nights):
            rng = _random(seed, kind, 1, index)
            place = places[index % len(places)]
            false_nights += _is_lost(place, kind, night_s, rng)
            on_progress(f"sleeping, {kind} devices", index + 1, nights, "nights")
        reports[kind] = WornReport(cases, found, nights, false_nights)
    return reports


def _random(seed: int, kind: Kind, part: int, index: int) -> np.random.Generator:
    key = KINDS.index(kind), part, index
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _device(kind: Kind, rng: np.random.Generator) -> Device:
    drawn = draw_device(rng)
    if kind == "any":
        return drawn
    noise_g = float(np.exp(rng.uniform(*np.log(_GOOD_NOISE_G))))
    return replace(drawn, noise_g=noise_g, step_g=float(rng.choice(_GOOD_STEPS_G)))


def _is_found(place: str, kind: Kind, rng: np.random.Generator) -> bool:
    device = _device(kind, rng)
    ideal, at_rest_s = put_down(_WATCHED_S, place, rng)
    times_s, samples = device.sample(ideal, RATE_HZ, rng)
    for at_s, state in _states(times_s, samples):
        if state == "not worn":
            return at_rest_s <= at_s <= at_rest_s + WITHIN_S
    return False


def _is_lost(place: str, kind: Kind, seconds: float, rng: np.random.Generator) -> bool:
    device = _device(kind, rng)
    times_s, samples = device.sample(sleep(seconds, place, rng), NIGHT_RATE_HZ, rng)
    return any(state == "not worn" for _, state in _states(times_s, samples))


def _states(
    times_s: np.ndarray, samples: np.ndarray
) -> list[tuple[float, WornState | None]]:
    """Return the detector's state after each second of samples."""
    detector, states = WornDetector(), []
    times_ns = (times_s * NS_PER_S).astype(np.int64)
    bounds = np.searchsorted(times_s, np.arange(1, times_s[-1]))
    for part in np.split(np.arange(len(times_s)), bounds):
        detector.add(times_ns[part], samples[part, :3])
        states.append((float(times_s[part[-1]]), detector.state))
    return states
