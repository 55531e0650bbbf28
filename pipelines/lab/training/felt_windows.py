"""Windows of simulated wearables, and the training of IS-CLIP's part for them.

    plans ─▶ life ─▶ samples at waist and wrist ─┐
    seeds ─▶ story ─▶ samples at any place ──────┴▶ windows anywhere ─▶ f_IMU ─┐
                                                         └─▶ targets ──────────┴─▶ loss

Lives are whole bodies in rooms with soft impacts; stories are single sensors with hard
ones. No picture is rendered, so there can be many of both. A window is what the chain
makes of one: samples with z up by what was learnt so far, with what happened before.

Activities that the prompt set has no label for are shared among all labels that do not
belong to falls, because such a person has not fallen. A wearable cannot tell the floor
from a bed. So *fallen* is certain only while the window holds the fall, and *lying in
bed* while it holds the lying down.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
import torch
from jaxtyping import Float16, Float32, Float64, Int64
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.is_clip.model import IsClip
from models.is_clip.spectrogram import (
    ImuFormat,
    SpectrogramScale,
    fit_scale,
    spectrograms,
)
from models.prompts.prompt_set import PromptSet
from pipelines.errors import TrainingError
from pipelines.lab.simulation.footage import (
    RecordingPlan,
    in_render_processes,
    simulate_motion,
)
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.wearable import POSITIONS, simulate_sensor
from pipelines.lab.simulation.worn.device import draw_device
from pipelines.lab.simulation.worn.path import UPRIGHT
from pipelines.lab.simulation.worn.stories import STORY_LABELS, tell_story
from pipelines.progress import Progress
from pipelines.records import FALL
from pipelines.sources.wearable.buffer import HISTORY_S
from pipelines.sources.wearable.upright import turn_upright, up_track

FORM = ImuFormat(float(SAMPLE_RATE_HZ), "mps2", "radps")
_TILT_RAD = np.radians(6)  # error of an upward direction that was learnt for long
_LEARNT_SHARE = 0.5
_AT_ONCE = 50
_STORY_STREAM = 77
_SCALE_STORIES = 200
_EVERY_S = 3.5  # of a story or a life there is one window
_BATCH = 64
_RATE = 2e-3
_CUT_SHARE = 0.15  # share of windows that are as short as a stream's first ones
_LEAST_LABELS = 2
_ON_FLOOR_SHARE = 0.4
"""Share of *fallen* where somebody lies and the window does not hold how it came. It is
below the threshold that starts a fall and above the one that ends it."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Felt:
    """A wearable's samples with labels, and the upward direction in each second.

    A label is an index into the prompt set; -1 is none.
    """

    samples: Float32[np.ndarray, "sample 6"]
    up: Float64[np.ndarray, "second 3"]
    labels: Int64[np.ndarray, " sample"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class FeltWindows:
    """Windows to train on: spectrograms in half precision, and targets.

    Targets are each label's share of a window; rows sum to 1.
    """

    acc: Float16[np.ndarray, "window 3 64 64"]
    gyro: Float16[np.ndarray, "window 3 64 64"]
    targets: Float32[np.ndarray, "window label"]


@final
@dataclass(frozen=True, slots=True)
class WindowForm:
    """What a window is.

    Attributes:
        samples: Samples of the window itself.
        history: Samples of the time before it, at most.
        scale: Scale of its spectrograms.
    """

    samples: int
    history: int
    scale: SpectrogramScale


@final
@dataclass(frozen=True, slots=True)
class Lying:
    """The labels of a prompt set that a wearable alone confuses; -1 is none."""

    falling: int
    fallen: int
    lying_down: int
    in_bed: int

    @classmethod
    def of(cls, prompt_set: PromptSet) -> "Lying":
        """Find the labels in a prompt set."""
        names = "falling", "fallen", "lying down", "lying in bed"
        return cls(*(prompt_set.place(name) for name in names))


def fit_felt_scale(
    samples: int, seed: int, prompt_set: PromptSet, stories: int = _SCALE_STORIES
) -> WindowForm:
    """Fit the scale, which need not be exact, on the ends of some stories."""
    history = round(HISTORY_S * FORM.rate_hz)
    felt = _stories(range(stories), seed, prompt_set)
    ends = (turn_upright(each.samples, each.up[-1]) for each in felt)
    window_s = (samples + history) / FORM.rate_hz
    scale = fit_scale(ends, FORM, levels=True, upright_s=window_s)
    return WindowForm(samples, history, scale)


def simulate_windows(
    plans: Sequence[RecordingPlan],
    stories: int,
    seed: int,
    prompt_set: PromptSet,
    form: WindowForm,
    on_progress: Progress,
) -> FeltWindows:
    """Simulate lives and stories in several processes, and draw windows of them.

    Raises:
        PipelineError: If this machine cannot render.
    """
    chunks = [
        range(start, min(stories, start + _AT_ONCE))
        for start in range(0, stories, _AT_ONCE)
    ]
    work = partial(_windows_of, seed=seed, prompt_set=prompt_set, form=form)
    jobs: list[RecordingPlan | range] = [*plans, *chunks]
    count = itertools.count(1)
    made = in_render_processes(
        work,
        jobs,
        on_done=lambda _: on_progress("simulating", next(count), len(jobs), ""),
    )
    parts = [made.pop(job) for job in jobs]
    return FeltWindows(
        np.concatenate([part.acc for part in parts]),
        np.concatenate([part.gyro for part in parts]),
        np.concatenate([part.targets for part in parts]),
    )


def require_labels(prompt_set: PromptSet) -> None:
    """Refuse a prompt set in which hardly any activity of the stories has a label.

    Raises:
        TrainingError: If it has fewer than two of their labels, or labels of falls
            alone.
    """
    known = [prompt_set.resolve(label) for label in STORY_LABELS]
    names = sorted({name for name in known if name is not None})
    if len(names) < _LEAST_LABELS or {prompt_set.events[name] for name in names} == {
        FALL
    }:
        problem = f"of its labels the stories have {', '.join(names) or 'none'}"
        raise TrainingError(prompt_set.id, f"{problem}: too few to train on")


def _windows_of(
    job: RecordingPlan | range, *, seed: int, prompt_set: PromptSet, form: WindowForm
) -> FeltWindows:
    """Simulate a life or some stories, and draw windows of them."""
    if isinstance(job, RecordingPlan):
        rng = np.random.default_rng(
            np.random.SeedSequence(seed, spawn_key=(job.index,))
        )
        felt = list(_life(job, prompt_set))
    else:
        rng = np.random.default_rng(
            np.random.SeedSequence(seed, spawn_key=(_STORY_STREAM, job.start))
        )
        felt = list(_stories(job, seed, prompt_set))
    lying = Lying.of(prompt_set)
    acc, gyro, targets = [], [], []
    for each in felt:
        for _ in range(round(len(each.samples) / FORM.rate_hz / _EVERY_S)):
            window, labels = _draw(each, form, rng)
            pictures = spectrograms(window, FORM, form.scale)
            acc.append(pictures[0].half().numpy())
            gyro.append(pictures[1].half().numpy())
            targets.append(felt_shares(labels, form.samples, prompt_set, lying))
    return FeltWindows(np.stack(acc), np.stack(gyro), np.stack(targets))


def _life(plan: RecordingPlan, prompt_set: PromptSet) -> Iterator[Felt]:
    rng, world, track = simulate_motion(plan)
    rate_hz = float(SAMPLE_RATE_HZ)
    labels = _places(track.labels, prompt_set)
    for site in POSITIONS.values():
        ideal = simulate_sensor(world, track, site, rng).astype(np.float64)
        samples = draw_device(rng).measure(ideal, rate_hz, rate_hz, rng)
        yield Felt(samples, _learnt_up(samples), labels[: len(samples)])


def _stories(numbers: range, seed: int, prompt_set: PromptSet) -> Iterator[Felt]:
    for number in numbers:
        key = _STORY_STREAM, number, 0
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
        story = tell_story(rng, FORM.rate_hz)
        up = _learnt_up(story.samples)
        if rng.random() < _LEARNT_SHARE:
            error = Rotation.from_rotvec(rng.normal(0, _TILT_RAD, 3))
            up = np.tile(error.apply(UPRIGHT), (len(up), 1))
        yield Felt(story.samples, up, _places(story.labels, prompt_set))


def _learnt_up(
    samples: Float32[np.ndarray, "sample 6"],
) -> Float64[np.ndarray, "second 3"]:
    times_s = np.arange(len(samples)) / FORM.rate_hz
    return up_track(times_s, samples[:, :3].astype(np.float64))


def _places(
    labels: Sequence[str], prompt_set: PromptSet
) -> Int64[np.ndarray, " sample"]:
    places = {name: prompt_set.place(name) for name in set(labels)}
    return np.array([places[name] for name in labels], np.int64)


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


def felt_shares(
    labels: Int64[np.ndarray, " time"], own: int, prompt_set: PromptSet, lying: Lying
) -> Float32[np.ndarray, " label"]:
    """Return what a wearable can know of the last ``own`` samples of a window.

    Earlier labels decide only whether the window holds the fall or the lying down.
    """
    target = shares(labels[-own:], prompt_set)
    if lying.fallen < 0 or lying.in_bed < 0:
        return target
    held = set(np.unique(labels).tolist())
    unsure = 0.0
    if lying.falling not in held:
        unsure += target[lying.fallen]
        target[lying.fallen] = 0
    if lying.lying_down not in held:
        unsure += target[lying.in_bed]
        target[lying.in_bed] = 0
    target[lying.fallen] += _ON_FLOOR_SHARE * unsure
    target[lying.in_bed] += (1 - _ON_FLOOR_SHARE) * unsure
    return target


def train_on_windows(
    model: IsClip,
    windows: FeltWindows,
    texts: Float32[Tensor, "label dim"],
    on_done: Callable[[int, int], None],
    *,
    steps: int,
    seed: int,
) -> None:
    """Train the IMU encoder and the layer after it, in place.

    The rate of Adam falls to zero.

    Raises:
        TrainingError: If the loss is not finite.
    """
    parts = [*model.imu_encoder.parameters(), *model.joint.parameters()]
    adam = torch.optim.Adam(parts, _RATE)
    falling = torch.optim.lr_scheduler.LinearLR(adam, 1.0, 0.0, steps)
    rng = np.random.default_rng(seed)
    model.train()
    for step in range(steps):
        chosen = rng.integers(len(windows.targets), size=_BATCH)
        acc, gyro, targets = (
            torch.from_numpy(each[chosen]).to(texts.device).float()
            for each in (windows.acc, windows.gyro, windows.targets)
        )
        logits = model.imu_logits(model.encode_imu(acc, gyro), texts)
        loss = cross_entropy(logits, targets)
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
    felt: Felt, form: WindowForm, rng: np.random.Generator
) -> tuple[Float32[np.ndarray, "sample 6"], Int64[np.ndarray, " sample"]]:
    """Draw a window with its history, z up, and the labels of its samples."""
    length = min(form.samples + form.history, len(felt.samples))
    if rng.random() < _CUT_SHARE:
        length = int(rng.integers(FORM.window_samples, length))
    first = int(rng.integers(len(felt.samples) - length + 1))
    window = slice(first, first + length)
    second = min(int((first + length) / FORM.rate_hz), len(felt.up)) - 1
    turned = turn_upright(felt.samples[window], felt.up[max(0, second)])
    return turned, felt.labels[window]
