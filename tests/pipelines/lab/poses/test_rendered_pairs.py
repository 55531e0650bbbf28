import numpy as np
import pytest

from models.person.pose_picture import HIPS
from pipelines.lab.poses.pair_bodies import shown_body
from pipelines.lab.poses.pose_lives import STEP_RATE_HZ
from pipelines.lab.poses.rendered_pairs import rendered_pair_runs
from pipelines.lab.simulation.footage import Stream
from pipelines.lab.simulation.motion import SAMPLE_RATE_HZ
from pipelines.lab.simulation.pair import PairPlan, live_pair
from pipelines.lab.simulation.world import LANDMARKS
from pipelines.lab.training.pose_recipe import PoseRecipe

PLAN = PairPlan("fall", 5, 0, Stream.VALIDATION)


@pytest.mark.slow
def test_each_of_two_people_has_a_run_of_their_own() -> None:
    done: list[int] = []
    runs = rendered_pair_runs([PLAN], done.append)
    assert done == [1]
    pair = live_pair(PLAN)
    actors = pair.watched, pair.companion
    assert len(runs.labels) == len(actors)
    for run, actor in enumerate(actors):
        alone = runs[run]
        steps = np.arange(len(alone.labels))
        samples = (steps * SAMPLE_RATE_HZ / STEP_RATE_HZ).astype(int)
        assert alone.labels == tuple(actor.track.labels[each] for each in samples)
        bodies = [shown_body(actor, step / STEP_RATE_HZ) for step in steps]
        is_there = np.array([body is not None for body in bodies])
        assert alone.found[is_there].mean() > 0.6
        assert not alone.found[~is_there].any()
        hips = alone.joints[:, HIPS, :2].astype(np.float32).mean(axis=1)
        pelvis = LANDMARKS.index("pelvis")
        away = [
            np.linalg.norm(hips[step] - body.places[pelvis])
            for step, body in enumerate(bodies)
            if body is not None and alone.found[step]
        ]
        assert np.median(away) < 0.03


def test_pairs_of_a_training_are_in_no_study() -> None:
    plans = PoseRecipe(pairs=8).pair_plans()
    assert {plan.stream for plan in plans} == {Stream.TRAINING}
    assert [plan.kind for plan in plans].count("fall") == 6
    draws = {
        tuple(PairPlan("fall", 1, 0, stream).generator().integers(1 << 30, size=4))
        for stream in Stream
    }
    assert len(draws) == len(Stream)
