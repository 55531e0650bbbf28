"""Windows of pose pictures to train on, from simulated lives and recordings.

A recording may say less than a life: an activity that is no label, or nothing at all.
Then a picture has several possible labels, and the model's own scores choose among
them (``likely_targets``).
"""

from collections.abc import Callable
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from models.person.pose_picture import HIPS, MOMENTS, draw_poses
from models.prompts.prompt_set import PromptSet
from pipelines.errors import TrainingError
from pipelines.lab.poses.filmed import UNLABELLED
from pipelines.lab.poses.pose_lives import PoseRuns, poses_at
from pipelines.records import FALL

Judge = Callable[
    [UInt8[np.ndarray, "picture 32 32 3"]], Float32[np.ndarray, " picture"]
]
"""Says how much each picture looks like a fall to the model, as it is now."""

_HARDEST = 8  # windows of ordinary hours, of which the hardest is used
_UNCLEAR = "lying in bed"
"""Activity of ordinary hours that is not used: it may look like somebody who has
fallen, however good the model."""
_GRID_STEPS = 3  # poses a step of the frame grid
_NEAR_FALLS = 0.33  # share of windows near a fall
_BEFORE, _AFTER = -8, 24  # steps about a moment of falling
_STARTS, _LONGEST = 0.15, 24  # share of windows at the start of a stream; steps
_ZOOM, _SHIFT, _TILT_RAD = 0.3, 0.12, 0.07  # greatest changes of a filmed window
_PACE, _STRETCH = 0.3, 0.12  # greatest changes of any window but ordinary hours
_MIRRORED = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11)

Places = Int64[np.ndarray, " window"]


@final
class PoseWindows:
    """Draws windows of pose pictures.

    Args:
        lives: The simulated lives.
        prompt_set: The labels.
        frames: Pictures in a window.
        filmed: The recordings; None for none.
        hours: Ordinary hours without a fall; None for none.
        rendered: Lives in whose pictures the finder looked; None for none.
        pairs: The same of two people in one view; None for none.
        others: Whether windows of lives are changed to other paces and proportions.

    Raises:
        TrainingError: If the lives have fewer than two of the labels, or no fall.
    """

    def __init__(
        self,
        lives: PoseRuns,
        prompt_set: PromptSet,
        frames: int,
        filmed: PoseRuns | None = None,
        hours: PoseRuns | None = None,
        rendered: PoseRuns | None = None,
        pairs: PoseRuns | None = None,
        *,
        others: bool = False,
    ) -> None:
        self._frames, self._others = frames, others
        places = {prompt_set.place(name) for name in lives.names}
        falling = prompt_set.place("falling")
        is_fall = prompt_set.events.get("falling") == FALL
        if len(places - {-1}) < 2 or falling not in places or not is_fall:
            problem = "the simulated lives have too few of its labels to train on"
            raise TrainingError(prompt_set.id, problem)
        self._lives = _Pool(lives, prompt_set)
        self._filmed = None if filmed is None else _Pool(filmed, prompt_set)
        self._rendered = None if rendered is None else _Pool(rendered, prompt_set)
        self._pairs = None if pairs is None else _Pool(pairs, prompt_set)
        self._hours = None if hours is None else _Pool(hours, prompt_set, is_hard=True)

    def draw(
        self,
        count: int,
        rng: np.random.Generator,
        *,
        filmed_share: float = 0.0,
        rendered_share: float = 0.0,
        pairs_share: float = 0.0,
        hard_share: float = 0.0,
        judge: Judge | None = None,
    ) -> tuple[
        UInt8[np.ndarray, "picture 32 32 3"], Float32[np.ndarray, "picture label"]
    ]:
        """Draw windows.

        Args:
            count: Number of windows.
            rng: Source of every choice.
            filmed_share: Share of the windows that are of recordings, if there are any.
            rendered_share: Share of those of rendered lives, if there are any.
            pairs_share: Share of those of two people in one view, if there are any.
            hard_share: Share of those of ordinary hours, if there are any: of many
                drawn, those that look most like a fall.
            judge: Says how much a picture does; None leaves these windows out.

        Returns:
            The pictures of all windows, each window's newest first, and the possible
            labels of each picture: 1 for each, see ``likely_targets``.
        """
        frames = self._frames
        is_hard = self._hours is not None and judge is not None
        hard = round(hard_share * count) if is_hard else 0
        seen = [
            (pool, round(share * count))
            for pool, share in (
                (self._filmed, filmed_share),
                (self._rendered, rendered_share),
                (self._pairs, pairs_share),
            )
            if pool is not None and share
        ]
        rest = count - hard - sum(few for _, few in seen)
        moments = self._lives.moments(rest, rng)
        parts = [self._lives.windows(*moments, frames, rng, others=self._others)]
        for pool, few in seen:
            moments = pool.moments(few, rng)
            moved = pool.windows(*moments, frames, rng, vary=True, others=self._others)
            parts.append(moved)
        if self._hours is not None and judge is not None and hard:
            moments = self._hours.hardest(hard, rng, judge)
            parts.append(self._hours.windows(*moments, frames, rng))
        return (
            np.concatenate([pictures for pictures, _ in parts]),
            np.concatenate([targets for _, targets in parts]),
        )


@final
class _Pool:
    """Runs of one kind, and where their falls are.

    Hard windows end with a step in which the body is found: a picture of nobody, who
    sits there unseen, would teach the model that an empty room is somebody who sits.
    """

    def __init__(
        self, runs: PoseRuns, prompt_set: PromptSet, *, is_hard: bool = False
    ) -> None:
        self._runs = runs
        self._targets = np.stack([_possible(name, prompt_set) for name in runs.names])
        falling = [
            i
            for i, name in enumerate(runs.names)
            if prompt_set.resolve(name) == "falling"
        ]
        is_used = runs.labels >= 0
        if is_hard:
            unclear = [i for i, name in enumerate(runs.names) if name == _UNCLEAR]
            is_used &= runs.found & ~np.isin(runs.labels, unclear)
        self._all = np.argwhere(is_used)
        self._falls = np.argwhere(np.isin(runs.labels, falling))
        self._last = (runs.labels >= 0).sum(axis=1) - 1

    def windows(
        self,
        run: Places,
        step: Places,
        frames: int,
        rng: np.random.Generator,
        *,
        vary: bool = False,
        others: bool = False,
    ) -> tuple[
        UInt8[np.ndarray, "picture 32 32 3"], Float32[np.ndarray, "picture label"]
    ]:
        """Draw windows with these newest steps.

        ``vary`` changes place, size and tilt of the body at random; ``others`` its pace
        and proportions.
        """
        count = len(run)
        known = np.full(count, _LONGEST) if vary else _known_steps(count, rng)
        most = _PACE if others else 0.0
        pace = np.exp(rng.uniform(-most, most, count)).astype(np.float32)
        grid = np.round(pace[:, None] * _GRID_STEPS * np.arange(frames)).astype(int)
        ages = np.minimum(grid, known[:, None])
        steps = np.maximum(0, step[:, None] - ages).ravel()
        run = run.repeat(frames)
        joints, found, sizes = poses_at(
            self._runs, run, steps, is_whole=not vary, pace=pace.repeat(frames)
        )
        if others:
            joints = _stretched(joints, frames, rng)
        found &= ages.reshape(-1, 1) + MOMENTS <= known.repeat(frames)[:, None]
        if vary:
            joints, zoom = _varied(joints, frames, rng)
            sizes = sizes * zoom
        joints[~found] = 0
        pictures = draw_poses(joints, found, sizes)
        return pictures, self._targets[self._runs.labels[run, steps]]

    def hardest(
        self, count: int, rng: np.random.Generator, judge: Judge
    ) -> tuple[Places, Places]:
        """Draw more steps than needed; return those that look most like a fall."""
        run, step = self._all[rng.integers(len(self._all), size=_HARDEST * count)].T
        scores = judge(draw_poses(*poses_at(self._runs, run, step)))
        chosen = np.argsort(scores)[-count:]
        return run[chosen], step[chosen]

    def moments(self, count: int, rng: np.random.Generator) -> tuple[Places, Places]:
        """Draw the run and the newest step of each window; a third near falls."""
        chosen = self._all[rng.integers(len(self._all), size=count)]
        if len(self._falls):
            near = round(_NEAR_FALLS * count)
            chosen[:near] = self._falls[rng.integers(len(self._falls), size=near)]
            chosen[:near, 1] += rng.integers(_BEFORE, _AFTER, size=near)
        run = chosen[:, 0]
        return run, np.clip(chosen[:, 1], 0, self._last[run])


def _known_steps(count: int, rng: np.random.Generator) -> Places:
    """Draw how far back each window knows the past; some know only their last steps.

    They look as if the camera had just started.
    """
    is_start = rng.random(count) < _STARTS
    known: Places = np.where(is_start, rng.integers(_LONGEST, size=count), _LONGEST)
    return known


def _possible(name: str, prompt_set: PromptSet) -> Float32[np.ndarray, " label"]:
    """Return 1 for each label that an activity may be.

    An activity that no label names is any but a fall; an unlabelled one is any.
    """
    place = prompt_set.place(name) if name != UNLABELLED else -1
    possible = [
        i == place
        or (place < 0 and (name == UNLABELLED or prompt_set.events[label] != FALL))
        for i, label in enumerate(prompt_set.labels)
    ]
    return np.array(possible, np.float32)


def _varied(
    joints: Float32[np.ndarray, "picture moment 13 3"],
    frames: int,
    rng: np.random.Generator,
) -> tuple[Float32[np.ndarray, "picture moment 13 3"], Float32[np.ndarray, " picture"]]:
    """Return windows that another camera might have seen, and their zoom."""
    count = len(joints) // frames

    def draw(most: float, *shape: int) -> Float32[np.ndarray, "picture ..."]:
        values = rng.uniform(-most, most, (count, *shape)).astype(np.float32)
        repeated: Float32[np.ndarray, "picture ..."] = values.repeat(frames, axis=0)
        return repeated

    zoom, shift, tilt = np.exp(draw(_ZOOM)), draw(_SHIFT, 2), draw(_TILT_RAD)
    is_mirrored = draw(1.0) > 0
    flipped = joints[..., _MIRRORED, :] * np.array([-1, 1, 1], np.float32)
    flipped[..., 0] += 1
    varied = np.where(is_mirrored[:, None, None, None], flipped, joints)
    across, down = varied[..., 0] - 0.5, varied[..., 1] - 0.5
    cos, sin = (
        (zoom * turn(tilt))[:, None, None].astype(np.float32)
        for turn in (np.cos, np.sin)
    )
    varied[..., 0] = 0.5 + cos * across - sin * down + shift[:, :1, None]
    varied[..., 1] = 0.5 + sin * across + cos * down + shift[:, 1:, None]
    return varied, zoom


def _stretched(
    joints: Float32[np.ndarray, "picture moment 13 3"],
    frames: int,
    rng: np.random.Generator,
) -> Float32[np.ndarray, "picture moment 13 3"]:
    """Return windows of people who are broader or narrower about their middle."""
    factor = np.exp(rng.uniform(-_STRETCH, _STRETCH, len(joints) // frames))
    factor = factor.astype(np.float32).repeat(frames)[:, None, None]
    across = joints[..., 0]
    middle = across[:, :1, HIPS].mean(axis=2, keepdims=True)
    stretched = joints.copy()
    stretched[..., 0] = middle + factor * (across - middle)
    return stretched


def likely_targets(
    possible: Float32[Tensor, "picture label"],
    logits: Float32[Tensor, "picture label"],
) -> Float32[Tensor, "picture label"]:
    """Return what to train each picture towards.

    Args:
        possible: 1 for each label that the picture may show.
        logits: The model's scores.

    Returns:
        The model's own probabilities among the possible labels; rows sum to 1. With
        one possible label that is the label.
    """
    with torch.no_grad():
        masked = logits.masked_fill(possible == 0, -torch.inf)
        return masked.softmax(dim=1)
