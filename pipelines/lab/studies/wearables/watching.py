"""Trials through the chain of ``watch``, with a wearable and no camera."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing

import numpy as np
from jaxtyping import Float32
from scipy.spatial.transform import Rotation

from pipelines.clock import NS_PER_S, Clock, ns_to_seconds
from pipelines.lab.data.trials.trial import WearableTrial
from pipelines.live.subject import Subject, WatchSettings
from pipelines.live.watch import Watch
from pipelines.recognition import ActionRecognizer
from pipelines.records import FALL, ActionEvent, ImuBatch

RIGHT_ANGLES = 24
"""Ways to mount a sensor at right angles."""

MOUNTINGS = 44
"""These, then 20 random ones, which are always the same."""

_BATCH_S = 0.5


def mounting(number: int) -> Float32[np.ndarray, "3 3"]:
    """Return the rotation of one of the ``MOUNTINGS``; 0 leaves the axes as they are.

    Raises:
        ValueError: If there is no such mounting.
    """
    if not 0 <= number < MOUNTINGS:
        msg = f"a mounting is 0 to {MOUNTINGS - 1}, got {number}"
        raise ValueError(msg)
    if number >= RIGHT_ANGLES:
        free = Rotation.random(random_state=number).as_matrix()
        drawn: Float32[np.ndarray, "3 3"] = free.astype(np.float32)
        return drawn
    turns = Rotation.create_group("O").as_matrix().round()
    is_same = (turns == np.eye(3)).all(axis=(1, 2))
    ordered = np.concatenate((turns[is_same], turns[~is_same]))
    chosen: Float32[np.ndarray, "3 3"] = ordered[number].astype(np.float32)
    return chosen


async def watch_trials(
    trials: Sequence[WearableTrial],
    recognizer: ActionRecognizer,
    clock: Clock,
    turn: Float32[np.ndarray, "3 3"],
    on_done: Callable[[str], None],
) -> list[list[float]]:
    """Return the times of the falls that the chain reports in each trial.

    Args:
        trials: The trials.
        recognizer: A recogniser that needs no frames.
        clock: Measures spans only.
        turn: Rotation of the sensor's axes.
        on_done: Called with the name of each finished trial.

    Returns:
        Seconds of the trial until each fall was decided.

    Raises:
        ValueError: If the recogniser needs frames.
    """
    falls = []
    for trial in trials:
        falls.append(await _falls_of(trial, recognizer, clock, turn))
        on_done(trial.name)
    return falls


async def _falls_of(
    trial: WearableTrial,
    recognizer: ActionRecognizer,
    clock: Clock,
    turn: Float32[np.ndarray, "3 3"],
) -> list[float]:
    subject = Subject(trial.name, None, _batches(trial, turn))
    watch = Watch([subject], recognizer, clock, WatchSettings())
    async with aclosing(watch.records()) as records:
        return [
            ns_to_seconds(record.decided_ns)
            async for record in records
            if isinstance(record, ActionEvent)
            and (record.name, record.state) == (FALL, "started")
        ]


async def _batches(
    trial: WearableTrial, turn: Float32[np.ndarray, "3 3"]
) -> AsyncIterator[ImuBatch]:
    """Yield the samples in batches; a sensor without a gyroscope turns at no rate."""
    gyro = trial.gyro_radps
    turned = trial.accel_mps2 @ turn.T
    rates = np.zeros_like(turned) if gyro is None else gyro @ turn.T
    times_ns = (trial.times_s * NS_PER_S).astype(np.int64)
    batch_of = (trial.times_s // _BATCH_S).astype(int)
    for batch in np.unique(batch_of):
        chosen = batch_of == batch
        yield ImuBatch(trial.name, times_ns[chosen], turned[chosen], rates[chosen])
