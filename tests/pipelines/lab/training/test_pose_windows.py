from dataclasses import replace

import numpy as np
import pytest
import torch

from models.prompts.prompt_file import bundled_prompt_set
from pipelines.lab.poses.filmed import UNLABELLED
from pipelines.lab.poses.pose_lives import PoseRun, PoseRuns, join_runs
from pipelines.lab.training.pose_windows import PoseWindows, likely_targets

PROMPTS = bundled_prompt_set()
FRAMES = 2


def run_of(*labels: str, x: float = 0.5) -> PoseRun:
    steps = len(labels)
    joints = np.full((steps, 13, 3), 0.5, np.float16)
    joints[:, :, 0] = x + 0.01 * np.arange(13)
    return PoseRun(
        joints, np.ones(steps, bool), np.full(steps, 0.4, np.float32), labels
    )


LIVES = join_runs([run_of(*("walking",) * 20, *("falling",) * 10)])


def targets_of(filmed: PoseRuns, share: float = 1.0) -> np.ndarray:
    windows = PoseWindows(LIVES, PROMPTS, FRAMES, filmed)
    _, targets = windows.draw(40, np.random.default_rng(1), filmed_share=share)
    return targets


def test_a_shorter_run_is_padded_and_its_padding_never_drawn() -> None:
    filmed = join_runs([run_of("sitting"), run_of(*("sitting",) * 9)], pad=True)
    assert filmed.labels.tolist() == [[0, *[-1] * 8], [0] * 9]
    sitting = PROMPTS.place("sitting")
    assert (targets_of(filmed).argmax(axis=1) == sitting).all()


def test_an_activity_that_is_no_label_may_be_any_but_a_fall() -> None:
    targets = targets_of(join_runs([run_of("dancing", "dancing")]))
    falls = [PROMPTS.events[label] == "fall" for label in PROMPTS.labels]
    assert (targets == ~np.array(falls)).all()


def test_an_unlabelled_time_may_be_anything() -> None:
    assert (targets_of(join_runs([run_of(UNLABELLED, UNLABELLED)])) == 1).all()


def test_recordings_have_their_share_of_the_windows() -> None:
    filmed = join_runs([run_of("sitting", "sitting")])
    sitting = PROMPTS.place("sitting")
    shown = targets_of(filmed, share=0.25).argmax(axis=1) == sitting
    assert shown.sum() == 10 * FRAMES


def test_rendered_lives_have_their_share_and_look_different_each_time() -> None:
    rendered = join_runs([run_of("sitting", "sitting")])
    windows = PoseWindows(LIVES, PROMPTS, FRAMES, rendered=rendered)
    pictures, targets = windows.draw(40, np.random.default_rng(1), rendered_share=0.25)
    is_sitting = targets.argmax(axis=1) == PROMPTS.place("sitting")
    assert is_sitting.sum() == 10 * FRAMES
    firsts = pictures[is_sitting].reshape(10, FRAMES, -1)[:, 0]
    assert len(np.unique(firsts, axis=0)) == 10


def test_without_a_share_recordings_change_nothing() -> None:
    filmed = join_runs([run_of("sitting", "sitting")])
    alone = PoseWindows(LIVES, PROMPTS, FRAMES).draw(40, np.random.default_rng(1))
    beside = PoseWindows(LIVES, PROMPTS, FRAMES, filmed)
    pictures, _ = beside.draw(40, np.random.default_rng(1))
    assert (pictures == alone[0]).all()


def hard_targets(hours: PoseRuns) -> np.ndarray:
    """Labels of hard windows, where the one with the brightest picture is hardest."""
    windows = PoseWindows(LIVES, PROMPTS, FRAMES, hours=hours)
    _, targets = windows.draw(
        40,
        np.random.default_rng(1),
        hard_share=0.5,
        judge=lambda pictures: pictures.mean(axis=(1, 2, 3), dtype=np.float32),
    )
    targets = targets.reshape(40, FRAMES, -1)[20:].argmax(axis=2)
    return np.unique(targets)


def test_of_ordinary_hours_the_windows_most_like_a_fall_are_used() -> None:
    """A body further to the right is drawn brighter; few of many steps have one."""
    runs = [run_of(*("sitting",) * 50, x=0.2) for _ in range(3)]
    hours = join_runs([*runs, run_of(*("standing",) * 50, x=0.8)])
    assert hard_targets(hours) == [PROMPTS.place("standing")]


def test_who_lies_in_bed_in_ordinary_hours_is_no_hard_window() -> None:
    lying = run_of(*("lying in bed",) * 50, x=0.8)
    hours = join_runs([lying, run_of(*("sitting",) * 50, x=0.2)])
    assert hard_targets(hours) == [PROMPTS.place("sitting")]


def test_who_is_not_found_in_ordinary_hours_is_no_hard_window() -> None:
    """Or a picture of nobody would be learnt as what the unseen person does."""
    lost = replace(run_of(*("standing",) * 50, x=0.8), found=np.zeros(50, bool))
    hours = join_runs([lost, run_of(*("sitting",) * 50, x=0.2)])
    assert hard_targets(hours) == [PROMPTS.place("sitting")]


def test_a_filmed_window_looks_different_each_time_and_a_life_does_not() -> None:
    rng = np.random.default_rng(1)
    still = join_runs([run_of("sitting")])
    drawn, _ = PoseWindows(LIVES, PROMPTS, FRAMES, still).draw(8, rng, filmed_share=1.0)
    firsts = drawn.reshape(8, FRAMES, -1)[:, 0]
    assert len(np.unique(firsts, axis=0)) == 8
    walking = join_runs([run_of(*("walking",) * 30), run_of(*("falling",) * 30)])
    drawn, _ = PoseWindows(walking, PROMPTS, FRAMES).draw(8, rng)
    assert len(np.unique(drawn.reshape(8, FRAMES, -1)[:, 0], axis=0)) < 8


def test_one_possible_label_is_the_target() -> None:
    targets = likely_targets(torch.eye(3), torch.randn(3, 3))
    assert targets.tolist() == torch.eye(3).tolist()


def test_the_model_chooses_among_several_possible_labels() -> None:
    possible = torch.tensor([[1.0, 1.0, 0.0]])
    targets = likely_targets(possible, torch.tensor([[0.0, 1.0, 9.0]]))
    assert targets[0].tolist() == pytest.approx([0.2689, 0.7311, 0.0], abs=1e-4)


def test_some_windows_know_no_past_as_at_the_start_of_a_stream() -> None:
    lives = join_runs([run_of(*("walking",) * 40, *("falling",) * 40)])
    pictures, _ = PoseWindows(lives, PROMPTS, 1).draw(200, np.random.default_rng(1))
    # row 0 of the first patch: the columns are moments, grey where nothing is known
    oldest_is_known = pictures[:, 0, 7, 2] > 0
    assert 0.02 < 1 - oldest_is_known.mean() < 0.3


def test_a_clip_is_taken_to_begin_as_it_was_before() -> None:
    clip = join_runs([run_of("sitting")])
    pictures, _ = PoseWindows(LIVES, PROMPTS, 1, clip).draw(
        4, np.random.default_rng(1), filmed_share=1.0
    )
    assert (pictures[:, 0, 7, 2] > 0).all()
