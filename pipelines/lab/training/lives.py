"""Simulated lives as measured by wearables, and the training of IS-CLIP on them.

    plans ─▶ life ─┬─▶ samples at waist and wrist ─▶ windows anywhere ─▶ f_IMU ─┐
                   └─▶ labels ─▶ their shares of the window ────────────────────┴─▶ loss

No picture is rendered, so there can be many more of these lives than of lives with
pictures. Activities that the prompt set has no label for are shared among all labels
that do not belong to falls, because such a person has not fallen.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, Int64
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.is_clip.model import IsClip
from models.is_clip.spectrogram import ImuFormat, SpectrogramScale, spectrograms
from models.prompts.prompt_set import PromptSet
from pipelines.errors import TrainingError
from pipelines.lab.simulation.footage import (
    RecordingPlan,
    in_render_processes,
    simulate_motion,
)
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.wearable import POSITIONS, simulate_sensor
from pipelines.records import FALL

FORM = ImuFormat(float(SAMPLE_RATE_HZ), "mps2", "radps")
_TILT_RAD = np.radians(8)  # nobody straps a wearable on perfectly straight
_BATCH = 64
_RATE = 2e-3
_CUT_SHARE = 0.15  # share of windows that are as short as a stream's first ones


@final
@dataclass(frozen=True, slots=True, eq=False)
class Life:
    """A life as its wearables measure it.

    ``felt`` are the samples of each of ``POSITIONS``. A label is an index into the
    prompt set; -1 is none.
    """

    felt: tuple[Float32[np.ndarray, "sample 6"], ...]
    labels: Int64[np.ndarray, " sample"]


def simulate_lives(
    plans: Sequence[RecordingPlan],
    prompt_set: PromptSet,
    on_done: Callable[[int], None],
) -> list[Life]:
    """Simulate lives in several processes.

    Raises:
        PipelineError: If this machine cannot render.
        TrainingError: If the prompt set has fewer than two of the lives' labels, or
            labels of falls alone.
    """
    done = itertools.count(1)
    work = partial(_live, prompt_set=prompt_set)
    lives = in_render_processes(work, plans, on_done=lambda _: on_done(next(done)))
    known = {int(place) for life in lives.values() for place in np.unique(life.labels)}
    events = {prompt_set.events[prompt_set.labels[place]] for place in known - {-1}}
    if len(known - {-1}) < 2 or events == {FALL}:
        names = sorted(prompt_set.labels[place] for place in known - {-1})
        problem = f"of its labels these lives have {', '.join(names) or 'none'}"
        raise TrainingError(prompt_set.id, f"{problem}: too few to train on")
    return [lives[plan] for plan in plans]


def _live(plan: RecordingPlan, prompt_set: PromptSet) -> Life:
    rng, world, track = simulate_motion(plan)
    places = {name: prompt_set.place(name) for name in set(track.labels)}
    labels = [places[name] for name in track.labels]
    felt = [
        _tilted(simulate_sensor(world, track, at, rng), rng)
        for at in POSITIONS.values()
    ]
    return Life(tuple(felt), np.array(labels, np.int64))


def _tilted(
    felt: Float32[np.ndarray, "sample 6"], rng: np.random.Generator
) -> Float32[np.ndarray, "sample 6"]:
    """Rotate samples by a small random angle, as a loosely worn wearable would."""
    tilt = Rotation.from_rotvec(rng.normal(0, _TILT_RAD, 3))
    turned = np.hstack((tilt.apply(felt[:, :3]), tilt.apply(felt[:, 3:])))
    return turned.astype(np.float32)


def shares(
    labels: Int64[np.ndarray, " time"], prompt_set: PromptSet
) -> Float32[np.ndarray, " label"]:
    """Return each label's share of a window; they sum to 1.

    A label of -1 is not in the prompt set.
    """
    can_be = np.array([prompt_set.events[label] != FALL for label in prompt_set.labels])
    counts = np.bincount(labels + 1, minlength=len(can_be) + 1) / len(labels)
    own: Float32[np.ndarray, " label"] = counts[1:].astype(np.float32)
    return own + np.float32(counts[0] / can_be.sum()) * can_be


def recent_shares(
    labels: Int64[np.ndarray, " time"], prompt_set: PromptSet, recency: float
) -> Float32[np.ndarray, " label"]:
    """Return each label's share of a window in which recent moments weigh more.

    ``recency`` is the weight of a moment relative to that of the next one; 1 is
    ``shares``.
    """
    weights = recency ** np.arange(len(labels) - 1, -1, -1, dtype=np.float32)
    each = np.stack([shares(labels[i : i + 1], prompt_set) for i in range(len(labels))])
    mean: Float32[np.ndarray, " label"] = np.average(each, axis=0, weights=weights)
    return mean.astype(np.float32)


def train_on_lives(
    model: IsClip,
    lives: Sequence[Life],
    scale: SpectrogramScale,
    texts: Float32[Tensor, "label dim"],
    prompt_set: PromptSet,
    on_done: Callable[[int, int], None],
    *,
    samples: int,
    steps: int,
    seed: int,
) -> None:
    """Train the IMU encoder and the layer after it, in place.

    Lives are longer than a window of ``samples``. The rate of Adam falls to zero.

    Raises:
        TrainingError: If the loss is not finite.
    """
    parts = [*model.imu_encoder.parameters(), *model.joint.parameters()]
    adam = torch.optim.Adam(parts, _RATE)
    falling = torch.optim.lr_scheduler.LinearLR(adam, 1.0, 0.0, steps)
    rng = np.random.default_rng(seed)
    device = texts.device
    model.train()
    for step in range(steps):
        drawn = [_draw(lives, samples, rng) for _ in range(_BATCH)]
        pairs = [spectrograms(felt, FORM, scale) for felt, _ in drawn]
        acc, gyro = (torch.stack(each).to(device) for each in zip(*pairs, strict=True))
        targets = np.stack([shares(labels, prompt_set) for _, labels in drawn])
        logits = model.imu_logits(model.encode_imu(acc, gyro), texts)
        loss = cross_entropy(logits, torch.from_numpy(targets).to(device))
        if not loss.isfinite():
            where, problem = f"step {step + 1}", "the loss is not finite"
            raise TrainingError(where, problem)
        adam.zero_grad()
        torch.autograd.backward(loss)
        adam.step()
        falling.step()
        on_done(step + 1, steps)
    model.train(mode=False)


def _draw(
    lives: Sequence[Life], samples: int, rng: np.random.Generator
) -> tuple[Float32[np.ndarray, "sample 6"], Int64[np.ndarray, " sample"]]:
    """Draw a window and the labels of its samples."""
    life = lives[int(rng.integers(len(lives)))]
    felt = life.felt[int(rng.integers(len(life.felt)))]
    length = samples
    if rng.random() < _CUT_SHARE:
        length = int(rng.integers(FORM.window_samples, samples))
    first = int(rng.integers(len(felt) - length + 1))
    window = slice(first, first + length)
    return felt[window], life.labels[window]
