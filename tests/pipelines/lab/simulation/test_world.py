from collections.abc import Iterable

import numpy as np
import pytest

from pipelines.lab.simulation.motion import Motion, Qpos
from pipelines.lab.simulation.picture import Photographer, Sensor
from pipelines.lab.simulation.poses import standing
from pipelines.lab.simulation.world import LANDMARKS, World, random_world

PLAIN = Sensor(exposure=128, tint=(1, 1, 1), gamma=1, noise=0, night=False)


def somebody_standing(seed: int) -> tuple[World, Qpos]:
    rng = np.random.default_rng(seed)
    world = random_world(rng)
    motion = Motion(world, rng)
    place = np.array(world.room.free_point(rng))
    return world, motion.on_feet(standing(rng), 0.7, place)


def spots_of(
    world: World, parts: Iterable[str], qpos: Qpos
) -> dict[str, tuple[float, float]]:
    """Where a picture shows that part and nothing else, as fractions of its sides."""
    world.model.geom_matid[:] = -1
    world.model.geom_group[:] = 0  # show what the skin hides
    world.model.skin_rgba[:] = 0
    spots = {}
    with Photographer(world, PLAIN, np.random.default_rng(0)) as photographer:
        for part in parts:
            world.model.geom_rgba[:] = 0
            world.model.geom_rgba[world.model.geom(part).id] = 1
            picture = photographer.render(qpos, covered=False)
            rows, columns = np.nonzero(picture.max(axis=2))
            height_px, width_px, _ = picture.shape
            across = (columns.mean() + 0.5) / width_px
            spots[part] = (across, (rows.mean() + 0.5) / height_px)
    return spots


@pytest.mark.parametrize("seed", [1, 8])
def test_landmarks_lie_where_the_picture_shows_those_parts(seed: int) -> None:
    world, qpos = somebody_standing(seed)
    marks = world.landmarks(qpos)
    seen = {
        part: mark[:2]
        for part, mark in zip(LANDMARKS, marks, strict=True)
        if mark[3] == 1
    }
    assert len(seen) >= 6
    for part, spot in spots_of(world, seen, qpos).items():
        assert spot == pytest.approx(seen[part], abs=0.012), part


def test_landmarks_tell_heights_over_the_floor() -> None:
    world, qpos = somebody_standing(5)
    heights_m = dict(zip(LANDMARKS, world.landmarks(qpos)[:, 2], strict=True))
    stature_m = world.body.height_m
    assert heights_m["head"] == pytest.approx(0.9 * stature_m, abs=0.15)
    assert heights_m["pelvis"] == pytest.approx(0.5 * stature_m, abs=0.1)
    assert heights_m["foot_left"] < 0.1
