"""The recipe of the bundled checkpoint: train a small CLIP on the simulated ward.

    plans ─▶ pictures (rendered once, kept) ─▶ steps ─▶ averaged weights ─▶ checkpoint

``train`` can be stopped at any time and resumes from its last saved step. Each step has
its own random generator, so that a resumed run sees the same batches.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast, final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import CLIPModel

from models.clip.encoder import encode_texts
from models.clip.new_checkpoint import (
    save_checkpoint,
    small_clip,
    small_tokenizer,
    whiten_patches,
)
from models.prompts.prompt_set import PromptSet
from pipelines.clock import NS_PER_S
from pipelines.errors import TrainingError
from pipelines.folders import make_folder
from pipelines.lab.simulation.footage import SIMULATOR_VERSION, RecordingPlan, Stream
from pipelines.lab.simulation.world import LANDMARKS
from pipelines.lab.training.batches import WindowSampler
from pipelines.lab.training.blocks import grid_side, prefer_attention
from pipelines.lab.training.losses import BodyHeads, label_texts, training_losses
from pipelines.lab.training.optimisers import TowerOptimisers
from pipelines.lab.training.pictures import PictureRun, label_matrix, prepare_runs
from pipelines.progress import Progress

_WHITENING_WINDOWS = 256
_STATE_NAME = "state.safetensors"
_RECIPE_NAME = "recipe.json"
_OPTIMISER = "optimiser."


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that determines the checkpoint, including the seed.

    Attributes:
        seed: Seed of recordings, initial weights and batches.
        recordings: Number of simulated recordings, each with its own world.
        recording_s: Length of a recording.
        frames: Pictures in a window.
        drawn_frames: Number of them that are drawn with the window.
        seconds: Length of a window; one picture every ``seconds / frames``.
        image_size_px: Side of the square pictures.
        patch_size_px: Side of the picture tower's patches.
        vision_width: Width of the picture tower, which has ``vision_layers`` blocks
            with ``vision_heads`` attention heads each.
        steps: Optimiser steps.
        blocks: Pairs of a share of the steps and a block size: up to this share,
            pictures are shown as blocks of so many patches along a side. The last are
            whole pictures.
        windows: Windows in a step.
        peak_rate: Highest learning rate of Muon, for the matrices of both towers'
            layers, after ``warmup_steps``; it then falls linearly.
        other_rate: Highest learning rate of AdamW, for all other parameters.
        warmup_steps: Steps in which the learning rate rises linearly.
        weight_decay: Weight decay of both optimisers; none for biases, norms and scale.
        average_decay: Decay of the moving average of the weights, which is the result.
    """

    seed: int = 1
    recordings: int = 1000
    recording_s: float = 30.0
    frames: int = 8
    drawn_frames: int = 2
    seconds: float = 3.0
    image_size_px: int = 128
    patch_size_px: int = 8
    vision_width: int = 128
    vision_layers: int = 6
    vision_heads: int = 4
    steps: int = 6400
    blocks: tuple[tuple[float, int], ...] = (
        (0.4, 6),
        (0.75, 8),
        (0.92, 12),
        (1.0, 16),
    )
    windows: int = 64
    peak_rate: float = 7e-3
    other_rate: float = 2.5e-3
    warmup_steps: int = 150
    weight_decay: float = 0.05
    average_decay: float = 0.998

    def block_at(self, step: int) -> int:
        """Return the number of patches along a side of a step's blocks."""
        share = (step + 1) / self.steps
        return next(block for until, block in self.blocks if share <= until)

    def rate_share(self, step: int) -> float:
        """Return the learning rates of a step as a share of the highest rates."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return 1 - 0.99 * done

    @property
    def step_ns(self) -> int:
        """Step of the frame grid in nanoseconds."""
        return round(self.seconds / self.frames * NS_PER_S)

    def plans(self) -> list[RecordingPlan]:
        """Return the recordings for training, which no seed of footage can produce.

        They hold one picture for each step of the frame grid.
        """
        rate_hz = _as_fraction(self.frames, self.seconds)
        return [
            RecordingPlan(Stream.TRAINING, self.seed, i, self.recording_s, rate_hz)
            for i in range(self.recordings)
        ]


def train(
    recipe: Recipe,
    prompt_set: PromptSet,
    folder: Path,
    on_progress: Progress,
    *,
    save_every: int = 100,
) -> Path:
    """Follow a recipe, resuming an earlier run in the same folder.

    Args:
        recipe: The recipe.
        prompt_set: The labels and wordings to learn.
        folder: Folder for pictures and state, and for the checkpoint.
        on_progress: Called after every recording and every step.
        save_every: Steps between saved states.

    Returns:
        The checkpoint's folder, ``folder / "ward-clip"``.

    Raises:
        FolderError: If the folder cannot be written to.
        TrainingError: If the folder belongs to another recipe, prompt set or simulator
            version, or holds a damaged state; or if the loss is not finite.
        PipelineError: If pictures are missing and this machine cannot render.
    """
    make_folder(folder)
    _claim(folder, recipe, prompt_set)
    runs = _prepare(recipe, folder / "pictures", on_progress)
    trainer = _Trainer(recipe, prompt_set, runs)
    trainer.load(folder / _STATE_NAME)
    while trainer.step < recipe.steps:
        note = trainer.advance()
        if trainer.step % save_every == 0 or trainer.step == recipe.steps:
            trainer.save(folder / _STATE_NAME)
        on_progress("training", trainer.step, recipe.steps, note)
    checkpoint = folder / "ward-clip"
    trainer.export(checkpoint)
    return checkpoint


def _prepare(recipe: Recipe, folder: Path, on_progress: Progress) -> list[PictureRun]:
    plans = recipe.plans()
    done = 0

    def count(plan: RecordingPlan) -> None:
        nonlocal done
        done += 1
        on_progress("rendering", done, len(plans), plan.name)

    return prepare_runs(
        folder,
        plans,
        image_size_px=recipe.image_size_px,
        step_ns=recipe.step_ns,
        on_done=count,
    )


def _claim(folder: Path, recipe: Recipe, prompt_set: PromptSet) -> None:
    """Write the recipe into the folder; refuse a folder of another recipe."""
    path = folder / _RECIPE_NAME
    text = _recipe_text(recipe, prompt_set)
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_text(text)
        part.replace(path)
    elif path.read_text(errors="replace") != text:
        problem = "holds another recipe, prompt set or simulator"
        raise TrainingError(str(path), f"{problem}; train into another folder")


def _recipe_text(recipe: Recipe, prompt_set: PromptSet) -> str:
    """Return a text with everything that a checkpoint comes from."""
    facts = {
        **asdict(recipe),
        "prompt_set": prompt_set.id,
        "labels": prompt_set.labels,
        "simulator_version": SIMULATOR_VERSION,
    }
    return json.dumps(facts, indent=2) + "\n"


def labels_seen(checkpoint: Path) -> tuple[str, ...] | None:
    """Return the labels that a checkpoint of this recipe was trained on, else None."""
    try:
        facts = json.loads((checkpoint / _RECIPE_NAME).read_text(encoding="utf-8"))
        return tuple(str(label) for label in facts["labels"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # trained by another recipe


@final
class _Trainer:
    """Weights, optimiser and step count: the complete state of a run."""

    def __init__(
        self, recipe: Recipe, prompt_set: PromptSet, runs: list[PictureRun]
    ) -> None:
        self.recipe, self.prompt_set, self.step = recipe, prompt_set, 0
        self.recent: dict[str, float] = {}
        self.tokenizer = small_tokenizer()
        self.model = small_clip(
            seed=recipe.seed,
            image_size_px=recipe.image_size_px,
            patch_size_px=recipe.patch_size_px,
            vision_width=recipe.vision_width,
            vision_layers=recipe.vision_layers,
            vision_heads=recipe.vision_heads,
        )
        side = grid_side(self.model)
        self.sampler = WindowSampler(
            runs,
            label_matrix(runs, prompt_set),
            frames=recipe.frames,
            drawn=recipe.drawn_frames,
            side=side,
        )
        first = self.sampler.draw(
            _WHITENING_WINDOWS, side, np.random.default_rng(recipe.seed)
        )
        whiten_patches(self.model, first.pixels)
        self.model.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.heads = BodyHeads(
                recipe.vision_width,
                len(LANDMARKS),
                len(prompt_set.labels),
                self.model.visual_projection.out_features,
            )
        self.average = AveragedModel(
            self.model,
            multi_avg_fn=get_ema_multi_avg_fn(recipe.average_decay),  # type: ignore[no-untyped-call]
        )
        self.named = {
            **{f"model.{k}": p for k, p in self.model.named_parameters()},
            **{f"heads.{k}": p for k, p in self.heads.named_parameters()},
        }
        self.optimisers = TowerOptimisers(
            self.named,
            matrix_rate=recipe.peak_rate,
            other_rate=recipe.other_rate,
            weight_decay=recipe.weight_decay,
        )
        self.sentences = [prompt_set.sentences(label) for label in prompt_set.labels]

    def advance(self) -> str:
        """Run one optimiser step; return a note on the loss.

        Raises:
            TrainingError: If the loss is not finite; the weights are then unchanged.
        """
        recipe = self.recipe
        rng = np.random.default_rng((recipe.seed, self.step))
        block = min(recipe.block_at(self.step), grid_side(self.model))
        batch = self.sampler.draw(recipe.windows, block, rng)
        prefer_attention(self.model, batch.patches.shape[1])
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        texts = encode_texts(
            self.model, self.tokenizer, label_texts(self.sentences, generator)
        )
        losses = training_losses(
            self.model, self.heads, batch, texts, recipe.drawn_frames
        )
        if not torch.isfinite(losses["total"]):
            note = _note({name: value.item() for name, value in losses.items()})
            problem = f"the loss is not finite ({note}); lower the learning rate"
            where = f"step {self.step + 1}"
            raise TrainingError(where, problem)
        self.optimisers.zero_grad()
        losses["total"].backward()  # type: ignore[no-untyped-call]  # torch's own gap
        torch.nn.utils.clip_grad_norm_(list(self.named.values()), 1.0)
        self.optimisers.step(recipe.rate_share(self.step))
        self.average.update_parameters(self.model)
        self.step += 1
        for name, value in losses.items():
            earlier = self.recent.get(name, value.item())
            self.recent[name] = earlier + 0.03 * (value.item() - earlier)
        return _note(self.recent)

    def save(self, path: Path) -> None:
        """Write weights, average and optimiser state, replacing the old file whole."""
        tensors = {name: value.detach() for name, value in self.named.items()}
        tensors |= {
            f"average.{name}": value
            for name, value in self.average.module.named_parameters()
        }
        tensors |= {
            f"{_OPTIMISER}{key}": moment
            for key, moment in self.optimisers.state().items()
        }
        tensors["step"] = torch.tensor(self.step)
        part = path.with_suffix(".part")
        save_file({name: value.contiguous() for name, value in tensors.items()}, part)
        part.replace(path)

    def load(self, path: Path) -> None:
        """Resume from a saved state, if there is one.

        Raises:
            TrainingError: If it cannot be read.
        """
        if not path.exists():
            return
        try:
            tensors = load_file(path)
        except (SafetensorError, OSError) as err:
            problem = f"cannot be read ({err}); delete it to start the training again"
            raise TrainingError(str(path), problem) from err
        averaged = dict(self.average.module.named_parameters())
        with torch.no_grad():
            for name, value in self.named.items():
                value.copy_(tensors[name])
            for name, value in averaged.items():
                value.copy_(tensors[f"average.{name}"])
        self.optimisers.load(
            {
                key.removeprefix(_OPTIMISER): moment
                for key, moment in tensors.items()
                if key.startswith(_OPTIMISER)
            }
        )
        self.step = int(tensors["step"])
        self.average.n_averaged.fill_(self.step)

    def export(self, folder: Path) -> None:
        """Write the averaged weights as a checkpoint folder."""
        model = cast("CLIPModel", self.average.module)
        save_checkpoint(model, self.tokenizer, folder)
        text = _recipe_text(self.recipe, self.prompt_set)
        (folder / _RECIPE_NAME).write_text(text)


def _note(losses: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.2f}" for name, value in losses.items())


def _as_fraction(frames: int, seconds: float) -> Fraction:
    return Fraction(frames) / Fraction(seconds).limit_denominator(1000)
