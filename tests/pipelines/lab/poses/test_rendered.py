from fractions import Fraction

import numpy as np
import pytest

from models.person.pose_picture import HIPS
from pipelines.lab.poses.body_joints import RATE_HZ, joint_places, sample_at
from pipelines.lab.poses.cameras import ward_camera
from pipelines.lab.poses.rendered import rendered_runs
from pipelines.lab.simulation.footage import RecordingPlan, Stream
from pipelines.lab.simulation.life import live
from pipelines.lab.simulation.wide_life import wide_choices
from pipelines.lab.simulation.world import random_world

PLAN = RecordingPlan(Stream.VALIDATION, 5, 1, 12.0, Fraction(8))


@pytest.mark.slow
def test_the_finder_finds_the_person_of_the_life_where_the_life_has_them() -> None:
    done: list[int] = []
    runs = rendered_runs([PLAN], done.append)
    assert done == [1]
    assert runs.labels.shape == (1, 96)
    rng = PLAN.generator()
    world = random_world(rng)
    track = live(world, rng, PLAN.duration_s, wide_choices)
    places = joint_places(track, world)[:: RATE_HZ // 8]
    expected, _ = ward_camera(world.view).project(places)
    is_there = np.isfinite(places[:, 0, 0])
    found = runs.found[0]
    assert found[is_there].mean() > 0.6
    hips = runs.joints[0][:, HIPS, :2].astype(np.float32).mean(axis=1)
    away = np.linalg.norm(hips - expected[:, HIPS].mean(axis=1), axis=1)
    assert np.median(away[found & is_there]) < 0.03
    labels = [runs.names[label] for label in runs.labels[0]]
    truth = [track.labels[sample_at(3 * step)] for step in range(96)]
    assert np.mean([a == b for a, b in zip(labels, truth, strict=True)]) > 0.95
