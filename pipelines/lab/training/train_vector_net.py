"""The training of the vector net, on the lives of a pose checkpoint's recipe."""

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from models.prompts.prompt_set import PromptSet
from pipelines.errors import TrainingError
from pipelines.folders import make_folder
from pipelines.lab.poses.pose_lives import PoseRuns, simulate_pose_runs
from pipelines.lab.training.felt_windows import shares
from pipelines.lab.training.losses import has_fast_bf16
from pipelines.lab.training.pose_recipe import PoseRecipe
from pipelines.lab.training.vector_net import (
    NET_NAME,
    REACH,
    VectorNet,
    pose_vectors,
    save_net,
)
from pipelines.progress import Progress

_NEAR_FALLS = 0.5  # share of the pieces that hold a moment of a fall
_SMOOTHING = 0.03


@final
@dataclass(frozen=True, slots=True)
class NetRecipe:
    """Everything beside the lives that determines the net.

    Attributes:
        seed: Seed of weights and batches.
        steps: Optimiser steps.
        pieces: Pieces of lives in a step.
        piece_steps: Poses in a piece.
        rate: Highest learning rate; it rises for a tenth of the steps, then falls.
        weight_decay: Weight decay of AdamW.
        average_decay: Decay of the moving average of the weights, which is the result.
    """

    seed: int = 1
    steps: int = 3000
    pieces: int = 48
    piece_steps: int = 96
    rate: float = 2e-3
    weight_decay: float = 0.02
    average_decay: float = 0.998


def train_vector_net(
    lives: PoseRecipe,
    prompt_set: PromptSet,
    folder: Path,
    on_progress: Progress,
    recipe: NetRecipe | None = None,
) -> Path:
    """Train a net on the lives of a pose checkpoint.

    Args:
        lives: The checkpoint's recipe, which names the lives.
        prompt_set: The labels.
        folder: Folder that keeps the lives, as for the checkpoint, and the net.
        on_progress: Called after every life and every step.
        recipe: The net's own recipe.

    Returns:
        The net's file.

    Raises:
        FolderError: If the folder cannot be written to.
        TrainingError: If the lives have no fall, or the loss is not finite.
        PipelineError: If lives are missing and this machine cannot simulate.
    """
    recipe = recipe or NetRecipe()
    make_folder(folder)
    plans = lives.plans()

    def count(done: int) -> None:
        on_progress("simulating", done, len(plans), "")

    runs = simulate_pose_runs(plans, lives.views, count, folder)
    net = learn(runs, prompt_set, recipe, on_progress)
    save_net(net, folder / NET_NAME)
    return folder / NET_NAME


def learn(
    runs: PoseRuns, prompt_set: PromptSet, recipe: NetRecipe, on_progress: Progress
) -> VectorNet:
    """Train a net on sequences of poses.

    Raises:
        TrainingError: If the sequences have no fall, or the loss is not finite.
    """
    pieces = _Pieces(runs, prompt_set, recipe)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = VectorNet(prompt_set.events, prompt_set.outcomes)
    average = AveragedModel(
        net,
        multi_avg_fn=get_ema_multi_avg_fn(recipe.average_decay),  # type: ignore[no-untyped-call]
    )
    optimiser = torch.optim.AdamW(
        net.parameters(), recipe.rate, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.rate, recipe.steps, pct_start=0.1
    )
    recent: float | None = None
    for step in range(recipe.steps):
        vectors, targets = pieces.draw(np.random.default_rng((recipe.seed, step)))
        with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bf16()):
            logits = net(vectors)
        loss = _loss(logits.float(), targets)
        if not loss.isfinite():
            where, problem = f"step {step + 1}", "the loss is not finite"
            raise TrainingError(where, problem)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(net)
        value = loss.item()
        recent = value if recent is None else recent + 0.03 * (value - recent)
        on_progress("training", step + 1, recipe.steps, f"loss {recent:.2f}")
    net.load_state_dict(average.module.state_dict())
    return net.eval()


def _loss(
    logits: Float32[Tensor, "piece step label"],
    targets: Float32[Tensor, "piece step label"],
) -> Float32[Tensor, ""]:
    """Compare where the net has seen enough: its first steps lack a past."""
    late = slice(min(REACH, logits.shape[1]) // 2, None)
    return cross_entropy(
        logits[:, late].flatten(0, 1),
        targets[:, late].flatten(0, 1),
        label_smoothing=_SMOOTHING,
    )


@final
class _Pieces:
    """Draws pieces of lives."""

    def __init__(
        self, runs: PoseRuns, prompt_set: PromptSet, recipe: NetRecipe
    ) -> None:
        self._runs, self._recipe = runs, recipe
        self._length = min(recipe.piece_steps, runs.labels.shape[1])
        places = np.array([prompt_set.place(name) for name in runs.names])
        self._targets = np.stack(
            [shares(places[i : i + 1], prompt_set) for i in range(len(places))]
        )
        if "falling" not in runs.names:
            raise TrainingError(prompt_set.id, "the simulated lives have no fall")
        self._falls = np.argwhere(runs.labels == runs.names.index("falling"))

    def draw(
        self, rng: np.random.Generator
    ) -> tuple[
        Float32[Tensor, "piece step value"], Float32[Tensor, "piece step label"]
    ]:
        run, first = self._places(rng)
        steps = first[:, None] + np.arange(self._length)
        rows = run[:, None]
        vectors = pose_vectors(
            self._runs.joints[rows, steps].astype(np.float32),
            self._runs.found[rows, steps],
            self._runs.sizes[rows, steps],
        )
        targets = self._targets[self._runs.labels[rows, steps]]
        return torch.from_numpy(vectors), torch.from_numpy(targets)

    def _places(
        self, rng: np.random.Generator
    ) -> tuple[Int64[np.ndarray, " piece"], Int64[np.ndarray, " piece"]]:
        """Draw the run and the first step of each piece."""
        runs, steps = self._runs.labels.shape
        count, last = self._recipe.pieces, steps - self._length
        run = rng.integers(runs, size=count)
        first = rng.integers(last + 1, size=count)
        near = round(_NEAR_FALLS * count)
        chosen = self._falls[rng.integers(len(self._falls), size=near)]
        run[:near] = chosen[:, 0]
        about = chosen[:, 1] - rng.integers(self._length, size=near)
        first[:near] = np.clip(about, 0, last)
        return run, first
