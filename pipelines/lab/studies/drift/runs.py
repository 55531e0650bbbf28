"""Runs of a subject whose camera or wearable changes: delay and cause of the alert.

a week of unchanged blocks ─▶ baseline ─▶ up to a day of unchanged ones ─▶ changed ones
                                         the block of the change is partly each
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from pipelines.lab.studies.drift.bank import Room, Segment
from pipelines.lab.studies.drift.injections import UNTOUCHED, Injection
from pipelines.live.drift.monitor import DriftMonitor
from pipelines.live.drift.settings import SIGNALS, DriftSettings
from pipelines.live.drift.subject import FORGET_OFFSET_NS, Origin, SubjectDrift
from pipelines.records import DriftAlert, DriftCause

WITHIN_S = 900.0
"""Longest delay that counts as in time: a quarter of an hour."""

_WATCHED_BLOCKS = 72
_NIGHT_HOURS = (22, 7)
_SEGMENTS_A_BLOCK = 4
_LASTS = 0.5
_JUMP_S = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one change in one run.

    Attributes:
        delay_s: Seconds of stream time from the change to the alert; None if there was
            none within six hours.
        cause: The cause that the alert named.
    """

    delay_s: float | None
    cause: DriftCause | None


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One subject with a learnt baseline, watched until just before the change."""

    room: Room
    seed: int
    settings: DriftSettings
    memory: str
    number: int

    def run_with(self, injection: Injection) -> Outcome:
        """Change the following blocks, and wait for an alert."""
        if injection.kind == "prompts":
            return self._restart_with_other_prompts()
        rng = np.random.default_rng((self.seed, 1))
        monitor = DriftMonitor(self.room.name, self.settings)
        monitor.restore(json.loads(self.memory))
        change_at = rng.random()  # where in its block the change begins
        plain = _draw(self.room.plain, self.number, _WATCHED_BLOCKS, self.settings, rng)
        changed = plain.copy()
        if injection.kind == "wearable":
            _change_wearable(changed, injection, self.settings)
        else:
            changed += _draw_effects(self.room, injection.name, _WATCHED_BLOCKS, rng)
        changed[0] = change_at * plain[0] + (1 - change_at) * changed[0]
        for place, means in enumerate(changed):
            for alert in monitor.add_block(self.number + place, means):
                if alert.state == "alerted":
                    delay = (place + 1 - change_at) * self.settings.block_s
                    return Outcome(delay, alert.cause)
        return Outcome(None, None)

    def _restart_with_other_prompts(self) -> Outcome:
        def subject(prompts: str) -> SubjectDrift:
            origin = Origin("checkpoint", prompts, self.room.name)
            return SubjectDrift(self.room.name, origin, self.settings)

        memory = {**subject("before").snapshot(), "monitor": json.loads(self.memory)}
        now_ns = int(self.number * self.settings.block_s * 1e9)
        for record in subject("after").restore(memory, now_ns):
            if isinstance(record, DriftAlert):
                return Outcome(0.0, record.cause)
        return Outcome(None, None)


def begin_run(room: Room, settings: DriftSettings, seed: int) -> Run:
    """Learn a room's baseline and watch it for a part of a day.

    The change comes at a uniformly random time in the day after the learning period.
    """
    rng = np.random.default_rng((seed, 0))
    monitor = DriftMonitor(room.name, settings, seed=seed)
    count = settings.learning_blocks + int(rng.integers(1, settings.blocks_per_day))
    for number, means in enumerate(_draw(room.plain, 0, count, settings, rng)):
        monitor.add_block(number, means)
    return Run(room, seed, settings, json.dumps(monitor.snapshot()), count)


def _draw(
    segments: Sequence[Segment],
    first: int,
    count: int,
    settings: DriftSettings,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "block signal"]:
    """Draw blocks of a few segments each, which are resting ones at night.

    A block often has the segments of the previous one.

    ``first`` is the number of the first block, counted from midnight.
    """
    resting = [segment.signals for segment in segments if segment.resting]
    awake = [segment.signals for segment in segments if not segment.resting]
    everything = [segment.signals for segment in segments]
    blocks: list[Float64[np.ndarray, " signal"]] = []
    chosen: list[Float64[np.ndarray, " signal"]] = []
    night_from, night_to = _NIGHT_HOURS
    for number in range(first, first + count):
        hour = number * settings.block_s / 3600 % 24
        at_night = hour >= night_from or hour < night_to
        pool = (resting if at_night else awake) or everything
        if not chosen or rng.random() > _LASTS:
            chosen = [pool[k] for k in rng.integers(len(pool), size=_SEGMENTS_A_BLOCK)]
        blocks.append(np.mean(chosen, axis=0))
    return np.array(blocks)


def _draw_effects(
    room: Room, name: str, count: int, rng: np.random.Generator
) -> Float64[np.ndarray, "block signal"]:
    """Draw an injection's effect on blocks, each as the mean over a few segments.

    The effect is the difference from the same footage without a change, so that
    differences between parts of a room's footage do not count.
    """
    pairs = zip(room.injected[name], room.injected[UNTOUCHED], strict=False)
    effects = [np.nan_to_num(made.signals - was.signals) for made, was in pairs]
    chosen = rng.integers(len(effects), size=(count, _SEGMENTS_A_BLOCK))
    blocks: Float64[np.ndarray, "block signal"] = np.array(effects)[chosen].mean(axis=1)
    return blocks


def _change_wearable(
    blocks: Float64[np.ndarray, "block signal"],
    injection: Injection,
    settings: DriftSettings,
) -> None:
    """Apply an injection to the wearable's signals."""
    names = tuple(SIGNALS)
    if injection.wearable == "unplugged":
        blocks[:, names.index("imu_missing")] = 1.0
    elif injection.wearable == "jump":
        # The clock's usual offset follows the jump, as in SubjectDrift.
        ages_s = (np.arange(len(blocks)) + 0.5) * settings.block_s
        left = np.exp(-ages_s / (FORGET_OFFSET_NS / 1e9))
        blocks[:, names.index("imu_offset")] += _JUMP_S * left
