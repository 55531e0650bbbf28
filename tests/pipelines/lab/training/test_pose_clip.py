import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.clip.card import Card, read_card
from models.clip.encoder import load_clip
from models.person.pose_history import PoseHistory
from models.person.pose_picture import JOINTS, draw_poses
from models.prompts.prompt_file import bundled_prompt_set
from pipelines.errors import TrainingError
from pipelines.lab.poses.pose_lives import PoseRuns, poses_at, simulate_pose_runs
from pipelines.lab.training.pose_clip import train_pose_clip
from pipelines.lab.training.pose_recipe import PoseRecipe
from pipelines.lab.training.pose_windows import PoseWindows

TINY = PoseRecipe(
    lives=4,
    life_s=20.0,
    views=1,
    vision_width=32,
    vision_layers=2,
    vision_heads=2,
    steps=4,
    windows=4,
    warmup_steps=1,
    average_decay=0.5,
    hours=0,
    rendered=0,
    pairs=0,
    short_share=0.0,
    late_from=0.5,
)


@pytest.fixture(scope="module")
def runs() -> PoseRuns:
    return simulate_pose_runs(TINY.plans(), TINY.views, lambda _: None)


def windows(runs: PoseRuns) -> PoseWindows:
    return PoseWindows(runs, bundled_prompt_set(), TINY.frames)


def silent(stage: str, done: int, total: int, note: str) -> None:
    """Show no progress."""


def test_an_interrupted_training_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = train_pose_clip(TINY, bundled_prompt_set(), tmp_path / "whole", silent)

    class Stopped(Exception):
        pass

    def stop(stage: str, done: int, total: int, note: str) -> None:
        if (stage, done) == ("training", 3):
            raise Stopped

    with pytest.raises(Stopped):
        train_pose_clip(
            TINY, bundled_prompt_set(), tmp_path / "cut", stop, save_every=1
        )
    cut = train_pose_clip(TINY, bundled_prompt_set(), tmp_path / "cut", silent)
    one, other = (load_file(it / "model.safetensors") for it in (whole, cut))
    assert all((one[name] == other[name]).all() for name in one)


def test_the_checkpoint_says_that_it_looks_at_poses(tmp_path: Path) -> None:
    made = train_pose_clip(TINY, bundled_prompt_set(), tmp_path, silent)
    assert read_card(made) == Card("pose", TINY.card_recency)
    assert load_clip(made).image_size_px == 32


def test_a_training_that_starts_from_a_checkpoint_keeps_its_text_tower(
    tmp_path: Path,
) -> None:
    first = train_pose_clip(TINY, bundled_prompt_set(), tmp_path / "first", silent)
    start = load_clip(first)
    further = train_pose_clip(
        TINY, bundled_prompt_set(), tmp_path / "further", silent, start=start
    )
    old, new = (load_file(it / "model.safetensors") for it in (first, further))
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed
    assert all(name.startswith(("vision_model.", "visual_proj")) for name in changed)
    recipe = json.loads((further / "recipe.json").read_text())
    assert recipe["start"] == load_clip(first).hash


def test_the_start_can_have_all_of_the_weight(tmp_path: Path) -> None:
    first = train_pose_clip(TINY, bundled_prompt_set(), tmp_path / "first", silent)
    recipe = replace(TINY, start_share=1.0)
    start = load_clip(first)
    same = train_pose_clip(
        recipe, bundled_prompt_set(), tmp_path / "same", silent, start=start
    )
    old, new = (load_file(it / "model.safetensors") for it in (first, same))
    assert all(torch.equal(old[name], new[name]) for name in old)


def test_another_recipe_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    train_pose_clip(TINY, bundled_prompt_set(), tmp_path, silent)
    with pytest.raises(TrainingError, match="holds another recipe"):
        train_pose_clip(replace(TINY, steps=5), bundled_prompt_set(), tmp_path, silent)


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    notes: list[float] = []

    def note_loss(stage: str, done: int, total: int, note: str) -> None:
        if stage == "training":
            notes.append(float(note.rpartition(" ")[2]))

    recipe = replace(TINY, steps=60, windows=16, warmup_steps=5)
    train_pose_clip(recipe, bundled_prompt_set(), tmp_path, note_loss)
    assert notes[-1] < 0.9 * notes[0]


def test_windows_hold_their_newest_picture_first_with_its_label(
    runs: PoseRuns,
) -> None:
    pictures, targets = windows(runs).draw(64, np.random.default_rng(0))
    assert pictures.shape == (64 * TINY.frames, 32, 32, 3)
    assert targets.sum(axis=1) == pytest.approx(1)
    falling = bundled_prompt_set().place("falling")
    near_falls = targets.reshape(64, TINY.frames, -1)[: round(64 * 0.33), :, falling]
    assert near_falls.any(axis=1).mean() > 0.4


def test_pictures_are_those_that_a_live_history_draws(runs: PoseRuns) -> None:
    history, joints = PoseHistory(), runs.joints[0].astype(np.float32)
    last = int(np.flatnonzero(runs.found[0])[-1])
    for step in range(last + 1):
        if runs.found[0, step]:
            landmarks = np.zeros((33, 3), np.float32)
            landmarks[list(JOINTS)] = joints[step]
            history.add(step, landmarks)
    (drawn,) = draw_poses(*poses_at(runs, np.array([0]), np.array([last])))
    assert np.abs(drawn.astype(int) - history.picture(last)).max() <= 1


def test_twice_the_pace_is_every_second_pose(runs: PoseRuns) -> None:
    last = int(np.flatnonzero(runs.found[0])[-1]) // 2
    halved = replace(
        runs,
        joints=runs.joints[:, ::2],
        found=runs.found[:, ::2],
        sizes=runs.sizes[:, ::2],
        labels=runs.labels[:, ::2],
    )
    fast = poses_at(
        runs, np.array([0]), np.array([2 * last]), pace=np.array([2], np.float32)
    )
    every_second = poses_at(halved, np.array([0]), np.array([last]))
    for one, other in zip(fast, every_second, strict=True):
        assert (one == other).all()


def test_windows_of_other_people_keep_their_labels(runs: PoseRuns) -> None:
    varied = PoseWindows(runs, bundled_prompt_set(), TINY.frames, others=True)
    drawn, targets = varied.draw(64, np.random.default_rng(0))
    plain, _ = windows(runs).draw(64, np.random.default_rng(0))
    assert (drawn != plain).any()
    assert targets.sum(axis=1) == pytest.approx(1)


def test_recent_pictures_weigh_more() -> None:
    weights = PoseRecipe(frames=3, recency=0.5).weights
    assert weights == pytest.approx([4 / 7, 2 / 7, 1 / 7])


def test_prompts_without_falls_are_refused(runs: PoseRuns) -> None:
    some = bundled_prompt_set().without(["falling"])
    with pytest.raises(TrainingError, match="too few of its labels"):
        PoseWindows(runs, some, TINY.frames)


def test_what_comes_late_is_learnt_in_the_last_steps() -> None:
    recipe = PoseRecipe(steps=100, late_from=0.75)
    assert [recipe.is_late(step) for step in (0, 74, 75, 99)] == [
        *(False, False),
        *(True, True),
    ]


def test_no_life_is_simulated_twice() -> None:
    recipe = PoseRecipe(lives=3, hours=2, rendered=2)
    indexes = [
        [plan.index for plan in plans]
        for plans in (recipe.plans(), recipe.hour_plans(), recipe.rendered_plans())
    ]
    assert indexes == [[0, 1, 2], [3, 4], [5, 6]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        {"hours": 1, "hard_share": 0.5},
        {"rendered": 1, "rendered_share": 0.5},
        {"pairs": 1, "pairs_share": 0.5},
        {"short_share": 1.0},
    ],
    ids=["hours", "rendered", "pairs", "short names"],
)
def test_what_comes_late_changes_the_checkpoint(
    more: dict[str, float], tmp_path: Path
) -> None:
    prompts = bundled_prompt_set()
    files = [
        train_pose_clip(recipe, prompts, tmp_path / name, silent) / "model.safetensors"
        for name, recipe in (("with", replace(TINY, **more)), ("without", TINY))  # type: ignore[arg-type]
    ]
    assert files[0].read_bytes() != files[1].read_bytes()
