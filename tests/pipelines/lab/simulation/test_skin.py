"""Simulated people look like people, and their looks follow their bones."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.lab.simulation.body import SHAPES
from pipelines.lab.simulation.life import live
from pipelines.lab.simulation.motion import Motion
from pipelines.lab.simulation.picture import Photographer, Sensor
from pipelines.lab.simulation.poses import standing
from pipelines.lab.simulation.skin import BONES, MATERIALS, rest_places, shapes
from pipelines.lab.simulation.world import PARTS, World, random_world

PLAIN = Sensor(exposure=128, tint=(1, 1, 1), gamma=1, noise=0, night=False)


def test_every_shape_is_a_whole_body_of_its_own() -> None:
    kept = shapes()
    assert len(kept.vertices) == SHAPES
    assert kept.faces.min() == 0
    assert kept.faces.max() == kept.vertices.shape[1] - 1
    np.testing.assert_allclose(kept.weights.sum(axis=1), 1, atol=1e-5)
    assert set(kept.materials) == set(range(len(MATERIALS)))
    tops, soles = kept.vertices[..., 2].max(axis=1), kept.vertices[..., 2].min(axis=1)
    np.testing.assert_allclose(tops, 0.97, atol=0.01)
    np.testing.assert_allclose(soles, -0.03, atol=0.02)
    pelvis = kept.vertices[:, kept.weights[:, BONES.index("pelvis")] > 0.5, :2]
    girths = np.ptp(pelvis, axis=1).sum(axis=1)
    assert (np.diff(girths) > -0.001).all()
    assert girths[-1] > 1.2 * girths[0]


@pytest.mark.parametrize("limb", ["upper_arm", "forearm", "thigh", "shin"])
def test_limbs_lie_along_their_bones(limb: str) -> None:
    kept, rest = shapes(), rest_places()
    ends = {"upper_arm": "forearm", "forearm": "wrist", "thigh": "shin", "shin": "foot"}
    for side in ("left", "right"):
        start, end = rest[f"{limb}_{side}"], rest[f"{ends[limb]}_{side}"]
        carried = kept.weights[:, BONES.index(f"{limb}_{side}")] > 0.95
        middles = kept.vertices[:, carried].mean(axis=1)
        across = middles[:, :2] - (start[:2] + end[:2]) / 2
        assert np.abs(across).max() < 0.03
        if limb != "forearm":  # which carries the hand as well
            assert (middles[:, 2] < start[2]).all()
            assert (middles[:, 2] > end[2]).all()


@pytest.mark.no_cover
def test_a_person_s_looks_cover_the_body_that_physics_moves() -> None:
    """Whatever the pose: the overlap of both silhouettes, as a share of their union."""
    overlaps = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        world = random_world(rng)
        track = live(world, rng, 6.0)
        skinned, bare = (
            silhouettes(world, track.qpos[::60], bare=bare) for bare in (False, True)
        )
        for one, other in zip(skinned, bare, strict=True):
            if other.sum() > 500:
                overlaps.append((one & other).sum() / (one | other).sum())
    assert len(overlaps) >= 8
    assert np.median(overlaps) > 0.75
    assert min(overlaps) > 0.55


def silhouettes(world: World, qpos: np.ndarray, *, bare: bool) -> list[np.ndarray]:
    """Where the person is in each picture, of bones alone or as it is shown."""
    if bare:
        world.model.geom_group[:] = 0
        world.model.skin_group[:] = 3
    with Photographer(world, PLAIN, np.random.default_rng(0)) as photographer:
        shown = [photographer.segment(it, covered=False) for it in qpos]
    return [it == PARTS.index("person") for it in shown]


def test_a_gown_hangs_between_the_legs() -> None:
    rng = np.random.default_rng(3)
    world = random_world(rng)
    qpos = Motion(world, rng).on_feet(standing(rng), 0.7, np.zeros(2))
    shown = []
    for skirt in (False, True):
        body = replace(world.body, skirt=skirt)
        dressed = World(body, world.room, world.view, np.random.default_rng(0))
        (silhouette,) = silhouettes(dressed, qpos[None], bare=False)
        shown.append(silhouette)
    trousers, gown = shown
    assert (gown & ~trousers).sum() > 0.05 * trousers.sum()
    assert (trousers & ~gown).sum() < 0.01 * trousers.sum()
