"""The vector net: what it sees, what it may not see, its file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Bool, Float32

from models.prompts.prompt_file import bundled_prompt_set
from pipelines.errors import TrainingError
from pipelines.lab.poses.pose_lives import PoseRuns, simulate_pose_runs
from pipelines.lab.training.pose_recipe import PoseRecipe
from pipelines.lab.training.train_vector_net import NetRecipe, learn, train_vector_net
from pipelines.lab.training.vector_net import (
    REACH,
    VectorNet,
    load_net,
    pose_vectors,
    save_net,
)

STEPS = 80
LIVES = PoseRecipe(lives=4, life_s=20.0, views=1)
NONE = lambda *_: None  # noqa: E731


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> PoseRuns:
    return simulate_pose_runs(LIVES.plans(), 1, NONE, lives_folder(tmp_path_factory))


def lives_folder(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("lives")


def body(rng: np.random.Generator) -> Float32[np.ndarray, "step 13 3"]:
    return rng.uniform(0.2, 0.8, (STEPS, 13, 3)).astype(np.float32)


def vectors(
    joints: Float32[np.ndarray, "step 13 3"], found: Bool[np.ndarray, " step"]
) -> Float32[np.ndarray, "step value"]:
    sizes = np.full(len(joints), 0.4, np.float32)
    values: Float32[np.ndarray, "step value"] = pose_vectors(
        joints[None], found[None], sizes[None]
    )[0]
    return values


def test_shape_and_moves_do_not_depend_on_the_place_in_the_picture() -> None:
    joints, found = body(np.random.default_rng(1)), np.ones(STEPS, bool)
    moved = joints.copy()
    moved[..., :2] += 0.1
    changed = np.abs(vectors(joints, found) - vectors(moved, found)).max(axis=0)
    assert np.flatnonzero(changed > 1e-4).tolist() == [41, 42]  # the hips' place


def test_a_lost_body_keeps_its_pose_for_a_second() -> None:
    joints, found = body(np.random.default_rng(1)), np.ones(STEPS, bool)
    found[10:30], joints[10:30] = False, 0
    values = vectors(joints, found)
    shape = slice(0, 39)
    assert np.array_equal(values[17, shape], values[9, shape])
    assert values[17, -1] == 0
    assert not values[18:30].any()
    assert not values[30, 39:41].any()  # it came back: that is no move


def test_an_answer_depends_on_four_seconds_and_no_later_pose() -> None:
    net = VectorNet({"standing": "standing", "falling": "fall"}, {}).eval()
    joints, found = body(np.random.default_rng(2)), np.ones(STEPS, bool)
    sizes = np.full(STEPS, 0.4, np.float32)
    before = net.scores(joints, found, sizes)
    joints[40] += 0.2
    changed = np.abs(net.scores(joints, found, sizes) - before).max(axis=1) > 0
    # the step after sees the move from the changed one
    assert np.flatnonzero(changed).min() == 40
    assert np.flatnonzero(changed).max() <= 40 + REACH
    assert before.sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_it_learns_from_lives(runs: PoseRuns) -> None:
    prompt_set = bundled_prompt_set()
    notes: list[str] = []
    recipe = NetRecipe(steps=30, pieces=8)
    net = learn(runs, prompt_set, recipe, lambda *facts: notes.append(facts[3]))
    first, last = (float(notes[i].split()[-1]) for i in (0, -1))
    assert last < 0.8 * first
    assert net.events == prompt_set.events
    assert tuple(net.events) == prompt_set.labels


def test_equal_seeds_give_equal_nets(runs: PoseRuns) -> None:
    recipe = NetRecipe(steps=3, pieces=4)
    one, other = (learn(runs, bundled_prompt_set(), recipe, NONE) for _ in range(2))
    for value, same in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(value, same)


def test_lives_without_a_fall_are_refused(runs: PoseRuns) -> None:
    names = tuple("standing" if n == "falling" else n for n in runs.names)
    calm = PoseRuns(runs.joints, runs.found, runs.sizes, runs.labels, names)
    with pytest.raises(TrainingError, match="have no fall"):
        learn(calm, bundled_prompt_set(), NetRecipe(steps=1), NONE)


def test_a_written_net_is_read_again(tmp_path: Path) -> None:
    recipe = NetRecipe(steps=2, pieces=4)
    path = train_vector_net(LIVES, bundled_prompt_set(), tmp_path, NONE, recipe)
    net = load_net(path)
    joints, found = body(np.random.default_rng(3)), np.ones(STEPS, bool)
    sizes = np.full(STEPS, 0.4, np.float32)
    save_net(net, tmp_path / "again" / "net.safetensors")
    again = load_net(tmp_path / "again" / "net.safetensors")
    assert again.events == net.events == bundled_prompt_set().events
    assert again.outcomes == net.outcomes == bundled_prompt_set().outcomes
    assert again.outcomes
    same = again.scores(joints, found, sizes)
    assert np.array_equal(same, net.scores(joints, found, sizes))


def test_a_file_that_is_no_net_is_one_line(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"nothing")
    with pytest.raises(TrainingError, match=r"other: cannot be read: "):
        load_net(other)
    with pytest.raises(TrainingError, match=r"absent: cannot be read: "):
        load_net(tmp_path / "absent")
    from models.bundled import PICTURE_ADAPTATION_FILE

    with pytest.raises(TrainingError, match=r"is no vector net; make one with"):
        load_net(PICTURE_ADAPTATION_FILE)
