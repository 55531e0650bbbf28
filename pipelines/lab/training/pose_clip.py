"""The recipe of the bundled checkpoint: a small CLIP that looks at pose pictures.

    lives ────────▶ poses as the finder would see them ──┐
    rendered people, recordings ─▶ poses as it sees them ┴▶ pose pictures ─▶ checkpoint

Recordings are optional. A window is the latest pictures of the
frame grid; recent ones weigh more, as they do in use. Training can be stopped at any
time and resumes from its last saved step.
"""

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize
from transformers import CLIPModel

from models.clip.card import Card, write_card
from models.clip.encoder import (
    ClipEncoder,
    encode_pixels,
    encode_texts,
    normalise_pixels,
)
from models.clip.new_checkpoint import (
    save_checkpoint,
    small_clip,
    small_tokenizer,
    whiten_patches,
)
from models.person.pose_picture import PICTURE_SIDE_PX
from models.prompts.prompt_set import PromptSet
from pipelines.clock import Clock, SystemClock
from pipelines.folders import make_folder
from pipelines.lab.data.footage import Recording
from pipelines.lab.poses.filmed import filmed_runs
from pipelines.lab.poses.pose_lives import simulate_hours, simulate_pose_runs
from pipelines.lab.poses.rendered import rendered_runs
from pipelines.lab.poses.rendered_pairs import rendered_pair_runs
from pipelines.lab.training.blocks import prefer_attention
from pipelines.lab.training.losses import has_fast_bf16, label_texts
from pipelines.lab.training.pose_recipe import PoseRecipe
from pipelines.lab.training.pose_windows import PoseWindows, likely_targets
from pipelines.lab.training.recipe_file import claim, recipe_text, write_recipe
from pipelines.lab.training.towers import Towers
from pipelines.progress import Progress
from pipelines.records import FALL

_STATE_NAME = "state.safetensors"
_WHITENING = 2048
_TOKENS = 17
_TEXT_WEIGHT, _FRAME_WEIGHT = 0.3, 0.5


def train_pose_clip(
    recipe: PoseRecipe,
    prompt_set: PromptSet,
    folder: Path,
    on_progress: Progress,
    *,
    recordings: Sequence[Recording] = (),
    start: ClipEncoder | None = None,
    clock: Clock | None = None,
    save_every: int = 200,
) -> Path:
    """Follow a recipe, resuming an earlier run in the same folder.

    Args:
        recipe: The recipe.
        prompt_set: The labels and wordings to learn.
        folder: Folder for poses and state, and for the checkpoint.
        on_progress: Called after every life, recording and step.
        recordings: Labelled recordings to learn from as well.
        start: Checkpoint to start from; new weights by default. See ``PoseRecipe``.
        clock: Measures spans only; the system's by default.
        save_every: Steps between saved states.

    Returns:
        The checkpoint's folder, ``folder / "ward-pose"``.

    Raises:
        FolderError: If the folder cannot be written to.
        TrainingError: If the folder belongs to another recipe, prompt set or simulator
            version, or holds a damaged state; if the lives have too few of the labels;
            or if the loss is not finite.
        PipelineError: If lives are missing and this machine cannot simulate.
        PersonModelError: If a file of the person finder is missing or wrong.
        SourceError: If a recording's video cannot be read.
    """
    make_folder(folder)
    start_hash = "" if start is None else start.hash
    recipe = replace(recipe, footage=_footage_hash(recordings), start=start_hash)
    claim(folder, recipe, prompt_set)
    windows = _simulate_windows(
        recipe, prompt_set, folder, on_progress, recordings, clock or SystemClock()
    )
    trainer = _Trainer(recipe, prompt_set, windows, start)
    trainer.towers.train(
        trainer.losses_at,
        recipe.warmup_steps,
        recipe.steps,
        folder / _STATE_NAME,
        on_progress,
        save_every=save_every,
    )
    checkpoint = folder / "ward-pose"
    trainer.export(checkpoint)
    return checkpoint


def _simulate_windows(
    recipe: PoseRecipe,
    prompt_set: PromptSet,
    folder: Path,
    on_progress: Progress,
    recordings: Sequence[Recording],
    clock: Clock,
) -> PoseWindows:
    """Simulate all that the recipe learns from, or read it from the folder."""

    def counter(stage: str, total: int) -> Callable[[int], None]:
        return lambda done: on_progress(stage, done, total, "")

    plans = recipe.plans()
    simulated = counter("simulating", len(plans))
    lives = simulate_pose_runs(plans, recipe.views, simulated, folder)
    filmed = hours = rendered = pairs = None
    if recordings:
        looked_at = counter("finding people", len(recordings))
        filmed = filmed_runs(recordings, clock, looked_at, folder)
    if recipe.hours:
        lived = counter("simulating hours", recipe.hours)
        hours = simulate_hours(recipe.hour_plans(), lived, folder)
    if recipe.rendered:
        filming = counter("rendering", recipe.rendered)
        rendered = rendered_runs(recipe.rendered_plans(), filming, folder)
    if recipe.pairs:
        filming = counter("rendering pairs", recipe.pairs)
        pairs = rendered_pair_runs(recipe.pair_plans(), filming, folder)
    given = lives, prompt_set, recipe.frames, filmed, hours, rendered, pairs
    return PoseWindows(*given, others=recipe.others)


def _footage_hash(recordings: Sequence[Recording]) -> str:
    if not recordings:
        return ""
    facts = repr([(each.file, each.spans) for each in recordings])
    return hashlib.sha256(facts.encode()).hexdigest()[:12]


def _new_model(recipe: PoseRecipe, windows: PoseWindows) -> CLIPModel:
    model = small_clip(
        seed=recipe.seed,
        image_size_px=PICTURE_SIDE_PX,
        patch_size_px=8,
        vision_width=recipe.vision_width,
        vision_layers=recipe.vision_layers,
        vision_heads=recipe.vision_heads,
    )
    rng = np.random.default_rng(recipe.seed)
    pictures, _ = windows.draw(_WHITENING // recipe.frames, rng)
    whiten_patches(model, normalise_pixels(torch.from_numpy(pictures)))
    return model


def _keep_texts(model: CLIPModel) -> None:
    """Freeze all that texts and the scale of their cosines come from."""
    model.requires_grad_(requires_grad=False)
    for part in (model.vision_model, model.visual_projection):
        part.requires_grad_()


@final
class _Trainer:
    """The model with its helper head, and what it learns from."""

    def __init__(
        self,
        recipe: PoseRecipe,
        prompt_set: PromptSet,
        windows: PoseWindows,
        start: ClipEncoder | None,
    ) -> None:
        self.recipe, self.prompt_set = recipe, prompt_set
        self._windows = windows
        self._tokenizer = small_tokenizer()
        self._model = _new_model(recipe, windows) if start is None else start.model
        self._start = None if start is None else copy.deepcopy(start.model.state_dict())
        prefer_attention(self._model, _TOKENS)
        self._model.train()
        if start is not None:
            _keep_texts(self._model)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self._head = torch.nn.Linear(
                self._model.visual_projection.out_features, len(prompt_set.labels)
            )
        self.towers = Towers(
            self._model,
            {"text": self._head},
            matrix_rate=recipe.peak_rate,
            other_rate=recipe.other_rate,
            weight_decay=recipe.weight_decay,
            average_decay=recipe.average_decay,
        )
        self._sentences = [prompt_set.sentences(label) for label in prompt_set.labels]
        self._short_texts = [
            (each.label, *each.aliases, *each.texts) for each in prompt_set.prompts
        ]

    def losses_at(self, step: int) -> dict[str, Tensor]:
        """Compute the losses of a step."""
        recipe = self.recipe
        rng = np.random.default_rng((recipe.seed, step))
        late = float(recipe.is_late(step))
        pictures, targets = self._windows.draw(
            recipe.windows,
            rng,
            filmed_share=late * recipe.filmed_share,
            rendered_share=late * recipe.rendered_share,
            pairs_share=late * recipe.pairs_share,
            hard_share=late * recipe.hard_share,
            judge=self._fall_scores,
        )
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        sentences = label_texts(self._sentences, generator)
        if late:
            short = label_texts(self._short_texts, generator)
            is_short = torch.rand(len(short), generator=generator) < recipe.short_share
            sentences = [
                few if chosen else many
                for few, many, chosen in zip(short, sentences, is_short, strict=True)
            ]
        return self._losses(
            torch.from_numpy(pictures), torch.from_numpy(targets), sentences
        )

    @torch.no_grad()
    def _fall_scores(
        self, pictures: UInt8[np.ndarray, "picture 32 32 3"]
    ) -> Float32[np.ndarray, " picture"]:
        """Return the score of a fall that each picture has now."""
        firsts = [sentences[0] for sentences in self._sentences]
        with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bf16()):
            texts = encode_texts(self._model, self._tokenizer, firsts)
            pixels = normalise_pixels(torch.from_numpy(pictures))
            features = encode_pixels(self._model, pixels)
        cosines = (
            normalize(features.float(), dim=-1) @ normalize(texts.float(), dim=-1).T
        )
        scores = (self._model.logit_scale.exp().clamp(max=100) * cosines).softmax(dim=1)
        labels, events = self.prompt_set.labels, self.prompt_set.events
        falls = [i for i, label in enumerate(labels) if events[label] == FALL]
        total: Float32[np.ndarray, " picture"] = scores[:, falls].sum(dim=1).numpy()
        return total

    def _losses(
        self,
        pictures: UInt8[Tensor, "picture 32 32 3"],
        targets: Float32[Tensor, "picture label"],
        sentences: list[str],
    ) -> dict[str, Tensor]:
        """Compute the parts of the loss; their weighted sum is ``total``."""
        with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bf16()):
            texts = encode_texts(self._model, self._tokenizer, sentences)
            features = encode_pixels(self._model, normalise_pixels(pictures))
        texts, features = normalize(texts.float(), dim=-1), features.float()
        scale = self._model.logit_scale.exp().clamp(max=100)
        weights = torch.from_numpy(self.recipe.weights)[:, None]
        frames = self.recipe.frames
        windows = features.reshape(-1, frames, features.shape[1])
        targets = likely_targets(targets, scale * features @ texts.T)
        clips = normalize((weights * windows).sum(dim=1), dim=-1)
        wanted = (weights * targets.reshape(-1, frames, targets.shape[1])).sum(dim=1)
        parts = {
            "clip": cross_entropy(scale * clips @ texts.T, wanted),
            "frame": cross_entropy(scale * features @ texts.T, targets),
            "text": cross_entropy(self._head(10 * texts), torch.arange(len(texts))),
        }
        total = parts["clip"] + _FRAME_WEIGHT * parts["frame"]
        return parts | {"total": total + _TEXT_WEIGHT * parts["text"]}

    def export(self, folder: Path) -> None:
        """Write the averaged weights as a checkpoint folder."""
        result = self.towers.averaged
        if self._start is not None:
            for name, value in result.state_dict().items():
                value.lerp_(self._start[name], self.recipe.start_share)
        save_checkpoint(result, self._tokenizer, folder)
        write_card(folder, Card(view="pose", recency=self.recipe.card_recency))
        write_recipe(folder, recipe_text(self.recipe, self.prompt_set))
