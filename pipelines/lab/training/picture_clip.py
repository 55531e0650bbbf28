"""The recipe of the bundled checkpoint: train a small CLIP on the simulated ward.

    plans ─▶ pictures (rendered once, kept) ─▶ steps ─▶ averaged weights ─▶ checkpoint

``train`` can be stopped at any time and resumes from its last saved step. Each step has
its own random generator, so that a resumed run sees the same batches.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor

from models.clip.encoder import encode_texts
from models.clip.new_checkpoint import (
    save_checkpoint,
    small_clip,
    small_tokenizer,
    whiten_patches,
)
from models.prompts.prompt_set import PromptSet
from pipelines.clock import NS_PER_S
from pipelines.folders import make_folder
from pipelines.lab.simulation.footage import RecordingPlan, Stream
from pipelines.lab.simulation.world import LANDMARKS
from pipelines.lab.training.batches import WindowSampler
from pipelines.lab.training.blocks import grid_side, prefer_attention
from pipelines.lab.training.losses import BodyHeads, label_texts, training_losses
from pipelines.lab.training.pictures import PictureRun, label_matrix, prepare_runs
from pipelines.lab.training.recipe_file import claim, recipe_text, write_recipe
from pipelines.lab.training.towers import Towers
from pipelines.progress import Progress, counting

_WHITENING_WINDOWS = 256
_STATE_NAME = "state.safetensors"


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

    The state is saved every ``save_every`` steps.

    Returns:
        The checkpoint's folder, ``folder / "ward-clip"``.

    Raises:
        FolderError: If the folder cannot be written to.
        TrainingError: If the folder belongs to another recipe, prompt set or simulator
            version, or holds a damaged state; or if the loss is not finite.
        PipelineError: If pictures are missing and this machine cannot render.
    """
    make_folder(folder)
    claim(folder, recipe, prompt_set)
    runs = _prepare(recipe, folder / "pictures", on_progress)
    trainer = _Trainer(recipe, prompt_set, runs)
    trainer.towers.train(
        trainer.losses_at,
        recipe.warmup_steps,
        recipe.steps,
        folder / _STATE_NAME,
        on_progress,
        save_every=save_every,
    )
    checkpoint = folder / "ward-clip"
    trainer.export(checkpoint)
    return checkpoint


def _prepare(recipe: Recipe, folder: Path, on_progress: Progress) -> list[PictureRun]:
    plans = recipe.plans()
    return prepare_runs(
        folder,
        plans,
        image_size_px=recipe.image_size_px,
        step_ns=recipe.step_ns,
        on_done=counting(on_progress, "rendering", len(plans)),
    )


@final
class _Trainer:
    """The model with its helper heads, and what it learns from."""

    def __init__(
        self, recipe: Recipe, prompt_set: PromptSet, runs: list[PictureRun]
    ) -> None:
        self.recipe, self.prompt_set = recipe, prompt_set
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
        self.towers = Towers(
            self.model,
            {"heads": self.heads},
            matrix_rate=recipe.peak_rate,
            other_rate=recipe.other_rate,
            weight_decay=recipe.weight_decay,
            average_decay=recipe.average_decay,
        )
        self.sentences = [prompt_set.sentences(label) for label in prompt_set.labels]

    def losses_at(self, step: int) -> Mapping[str, Tensor]:
        """Compute the losses of a step."""
        recipe = self.recipe
        rng = np.random.default_rng((recipe.seed, step))
        block = min(recipe.block_at(step), grid_side(self.model))
        batch = self.sampler.draw(recipe.windows, block, rng)
        prefer_attention(self.model, batch.patches.shape[1])
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        texts = encode_texts(
            self.model, self.tokenizer, label_texts(self.sentences, generator)
        )
        return training_losses(
            self.model, self.heads, batch, texts, recipe.drawn_frames
        )

    def export(self, folder: Path) -> None:
        """Write the averaged weights as a checkpoint folder."""
        save_checkpoint(self.towers.averaged, self.tokenizer, folder)
        write_recipe(folder, recipe_text(self.recipe, self.prompt_set))


def _as_fraction(frames: int, seconds: float) -> Fraction:
    return Fraction(frames) / Fraction(seconds).limit_denominator(1000)
