"""Runs of a subject whose camera or wearable changes: found when, and called what?

a week of plain blocks ─▶ learnt ─▶ up to a day of plain ones ─▶ changed ones
                                                     a block in which it happens is
                                                     partly the one, partly the other
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from pipelines.live.drift import DriftMonitor
from pipelines.live.drift_settings import SIGNALS, DriftSettings
from pipelines.live.drift_subject import FORGET_OFFSET_NS, Origin, SubjectDrift
from pipelines.records import DriftAlert, DriftCause
from pipelines.studies.drift.bank import Room, Segment
from pipelines.studies.drift.injections import UNTOUCHED, Injection

WITHIN_S = 900.0
"""What counts as found in time: a quarter of an hour."""

_WATCHED_BLOCKS = 72
_NIGHT_HOURS = (22, 7)
_SEGMENTS_A_BLOCK = 4
_LASTS = 0.5
_JUMP_S = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change in one run.

    Attributes:
        delay_s: From the change to the alert, seconds of stream time; None if there
            was none within six hours.
        cause: What the alert named.
    """

    delay_s: float | None
    cause: DriftCause | None


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One subject, its normal learnt and its plain blocks watched up to the change."""

    room: Room
    seed: int
    settings: DriftSettings
    memory: str
    number: int

    def meet(self, injection: Injection) -> Outcome:
        """Change what comes from here on, and wait for an alert."""
        if injection.kind == "prompts":
            return self._restart_with_other_prompts()
        rng = np.random.default_rng((self.seed, 1))
        monitor = DriftMonitor(self.room.name, self.settings)
        monitor.recall(json.loads(self.memory))
        began = rng.random()  # where in its block the change begins
        plain = _draw(self.room.plain, self.number, _WATCHED_BLOCKS, self.settings, rng)
        changed = plain.copy()
        if injection.kind == "wearable":
            _wear(changed, injection, self.settings)
        else:
            changed += _draw_effects(self.room, injection.name, _WATCHED_BLOCKS, rng)
        changed[0] = began * plain[0] + (1 - began) * changed[0]
        for place, means in enumerate(changed):
            for alert in monitor.add_block(self.number + place, means):
                if alert.state == "alerted":
                    delay = (place + 1 - began) * self.settings.block_s
                    return Outcome(delay, alert.cause)
        return Outcome(None, None)

    def _restart_with_other_prompts(self) -> Outcome:
        def subject(prompts: str) -> SubjectDrift:
            origin = Origin("checkpoint", prompts, self.room.name)
            return SubjectDrift(self.room.name, origin, self.settings)

        memory = {**subject("before").memory(), "monitor": json.loads(self.memory)}
        now_ns = int(self.number * self.settings.block_s * 1e9)
        for record in subject("after").recall(memory, now_ns):
            if isinstance(record, DriftAlert):
                return Outcome(0.0, record.cause)
        return Outcome(None, None)


def begin_run(room: Room, settings: DriftSettings, seed: int) -> Run:
    """Learn a room's normal and watch it for a part of a day.

    The change comes at a time drawn uniformly from the day after the learning period.
    """
    rng = np.random.default_rng((seed, 0))
    monitor = DriftMonitor(room.name, settings, seed=seed)
    count = settings.learning_blocks + int(rng.integers(1, settings.blocks_per_day))
    for number, means in enumerate(_draw(room.plain, 0, count, settings, rng)):
        monitor.add_block(number, means)
    return Run(room, seed, settings, json.dumps(monitor.memory()), count)


def _draw(
    segments: Sequence[Segment],
    first: int,
    count: int,
    settings: DriftSettings,
    rng: np.random.Generator,
) -> Float64[np.ndarray, "block signal"]:
    """Draw blocks: a few segments each, at night of rest, and often as the one before.

    Args:
        segments: Of one room.
        first: Number of the first block, counted from midnight.
        count: How many.
        settings: Length of a block.
        rng: Source of every choice.
    """
    resting = [it.signals for it in segments if it.resting]
    awake = [it.signals for it in segments if not it.resting]
    everything = [it.signals for it in segments]
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
    """Draw what an injection does to blocks, each as the mean over a few segments.

    Its effect is the difference from the same footage untouched, so that what differs
    between two parts of a room's footage is not taken for it.
    """
    pairs = zip(room.injected[name], room.injected[UNTOUCHED], strict=False)
    effects = [np.nan_to_num(made.signals - was.signals) for made, was in pairs]
    chosen = rng.integers(len(effects), size=(count, _SEGMENTS_A_BLOCK))
    blocks: Float64[np.ndarray, "block signal"] = np.array(effects)[chosen].mean(axis=1)
    return blocks


def _wear(
    blocks: Float64[np.ndarray, "block signal"],
    injection: Injection,
    settings: DriftSettings,
) -> None:
    """Do to the wearable's signals what the injection does to the wearable."""
    names = tuple(SIGNALS)
    if injection.wearable == "unplugged":
        blocks[:, names.index("imu_missing")] = 1.0
    elif injection.wearable == "jump":
        # The clock's usual offset follows the jump, as SubjectDrift lets it.
        ages_s = (np.arange(len(blocks)) + 0.5) * settings.block_s
        left = np.exp(-ages_s / (FORGET_OFFSET_NS / 1e9))
        blocks[:, names.index("imu_offset")] += _JUMP_S * left
