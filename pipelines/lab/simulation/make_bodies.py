"""Make ``bodies.safetensors``: the shapes of simulated people.

A developer's script, not a part of the program. It needs ``anny`` (Apache-2.0), whose
bodies come from MakeHuman (CC0):

    pip install anny==0.6.2
    python -m pipelines.lab.simulation.make_bodies

Anny's bodies stand with spread arms, on bones of their own lengths. Here each is moved
onto the bones of ``body.Body`` at rest, with its arms down and a height of 1. What a
bone carries keeps its thickness; only its length along the bone changes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float64, UInt8
from safetensors.numpy import save_file
from scipy.spatial.transform import Rotation

from pipelines.lab.simulation.body import SHAPES
from pipelines.lab.simulation.skin import (
    BODIES_PATH,
    BONES,
    MATERIALS,
    UNITS,
    rest_places,
)

if TYPE_CHECKING:
    from anny import Anny

_SEED = 1
_TOPOLOGY = "notoes_collapse10pc"

_OURS = {
    "root": "pelvis",
    "pelvis": "pelvis",
    "spine05": "pelvis",
    "spine": "torso",
    "clavicle": "torso",
    "shoulder01": "torso",
    "neck01": "torso",
    "neck": "head",
    "head": "head",
    "eye": "head",
    "upperarm": "upper_arm",
    "lowerarm": "forearm",
    "wrist": "forearm",
    "finger": "forearm",
    "metacarpal": "forearm",
    "upperleg": "thigh",
    "lowerleg": "shin",
    "foot": "foot",
    "toe": "foot",
}
"""Beginnings of the names of Anny's bones, and which of our bones carries each."""

_ENDS = {
    "upper_arm": ("upperarm01", "lowerarm01"),
    "forearm": ("lowerarm01", "wrist"),
    "thigh": ("upperleg01", "lowerleg01"),
    "shin": ("lowerleg01", "foot"),
}
"""Limbs, and the bones of Anny that begin at their upper and lower ends."""

Places = Mapping[str, np.ndarray]


def main() -> None:
    """Draw the people, fit each to our bones, and write the file."""
    from anny import Anny

    model = Anny(topology=_TOPOLOGY)
    names = list(model.bone_labels)
    weights = _weights(model, names)
    rest = rest_places()
    rng = np.random.default_rng(_SEED)
    shapes = []
    for n in range(SHAPES):
        found = model(phenotype_kwargs=_person(rng, woman=n % 2 == 0))
        points = _turned(found["rest_vertices"][0].numpy())
        places = _turned(found["rest_bone_heads"][0].numpy())
        height = np.ptp(points[:, 2])
        heads = dict(zip(names, places / height, strict=True))
        shapes.append(_fitted(points / height, heads, weights, rest))
    shapes.sort(key=lambda it: _girth(it, weights))
    faces = model.faces.numpy()
    save_file(
        {
            "vertices": np.round(np.array(shapes) * UNITS).astype(np.int16),
            "faces": faces.astype(np.int16),
            "weights": np.round(weights * 255).astype(np.uint8),
            "materials": _materials(points / height, heads, faces, weights),
        },
        BODIES_PATH,
    )


def _person(rng: np.random.Generator, *, woman: bool) -> dict[str, float]:
    """Draw Anny's parameters of an adult, as often old as younger."""
    ages = rng.uniform((0.66, 0.85), (0.85, 1.0))
    return {
        "gender": float(rng.uniform(0.8, 1.0) if woman else rng.uniform(0.0, 0.2)),
        "age": float(rng.choice(ages)),
        "muscle": float(rng.uniform(0.15, 0.7)),
        "weight": float(rng.uniform(0.2, 0.95)),
        "height": 0.5,
        "proportions": float(rng.uniform(0.3, 0.7)),
    }


def _girth(
    shape: Float64[np.ndarray, "vertex 3"], weights: Float64[np.ndarray, "vertex bone"]
) -> float:
    """Return how wide and deep a body's pelvis is."""
    pelvis = shape[weights[:, BONES.index("pelvis")] > _MOSTLY]
    return float(np.ptp(pelvis[:, :2], axis=0).sum())


_MOSTLY = 0.5


def _turned(
    points: Float64[np.ndarray, "point 3"],
) -> Float64[np.ndarray, "point 3"]:
    """Turn points from Anny's axes (facing -y, left +x) to ours (facing +x)."""
    return np.stack((-points[:, 1], points[:, 0], points[:, 2]), axis=1)


def _weights(model: "Anny", names: list[str]) -> Float64[np.ndarray, "vertex bone"]:
    """Return how much each of our bones moves each vertex."""
    moved = np.zeros((len(model.template_vertices), len(BONES)))
    columns = np.array([BONES.index(_ours(name)) for name in names])
    for shares, bones in zip(
        model.vertex_bone_weights.numpy().T,
        model.vertex_bone_indices.numpy().T,
        strict=True,
    ):
        np.add.at(moved, (np.arange(len(moved)), columns[bones]), shares)
    moved[moved < 0.02] = 0
    weights: Float64[np.ndarray, "vertex bone"] = moved / moved.sum(axis=1)[:, None]
    return weights


def _ours(name: str) -> str:
    """Return our bone for one of Anny's: ``thigh_left`` for ``upperleg01.L``."""
    start = max((it for it in _OURS if name.startswith(it)), key=len)
    side = {"L": "_left", "R": "_right"}.get(name.rpartition(".")[2], "")
    ours = _OURS[start]
    return ours if ours in ("pelvis", "torso", "head") else ours + side


def _fitted(
    points: Float64[np.ndarray, "vertex 3"],
    heads: Places,
    weights: Float64[np.ndarray, "vertex bone"],
    rest: Places,
) -> Float64[np.ndarray, "vertex 3"]:
    """Move a body's vertices onto our bones at rest."""
    moved = np.zeros_like(points)
    for bone, share in zip(BONES, weights.T, strict=True):
        moved += share[:, None] * _carried(bone, points, heads, rest)
    return moved


def _carried(
    bone: str, points: Float64[np.ndarray, "vertex 3"], heads: Places, rest: Places
) -> Float64[np.ndarray, "vertex 3"]:
    """Move vertices as if this bone alone carried them."""
    limb, _, side = bone.rpartition("_")
    anny_side = {"left": ".L", "right": ".R"}.get(side, "")
    if limb in _ENDS:
        upper, lower = (heads[name + anny_side] for name in _ENDS[limb])
        lower_of = {"upper_arm": "forearm", "forearm": "wrist", "thigh": "shin"}
        below = rest[f"{lower_of.get(limb, 'foot')}_{side}"]
        return _along(points, (upper, lower), (rest[bone], below))
    if limb == "foot":
        return points - heads["foot" + anny_side] + rest[bone]
    return _trunk(points, heads, rest)


def _along(
    points: Float64[np.ndarray, "vertex 3"],
    old: tuple[np.ndarray, np.ndarray],
    new: tuple[np.ndarray, np.ndarray],
) -> Float64[np.ndarray, "vertex 3"]:
    """Turn a bone's line onto another, and stretch along it up to its lower end."""
    (old_start, old_end), (new_start, new_end) = old, new
    old_m, new_m = (
        np.linalg.norm(old_end - old_start),
        np.linalg.norm(new_end - new_start),
    )
    down = (new_end - new_start) / new_m
    turn, _ = Rotation.align_vectors(down[None], (old_end - old_start)[None])
    turned = turn.apply(points - old_start)
    far = turned @ down
    # Beyond the lower end, a hand keeps its size.
    stretched = np.where(far < old_m, far * new_m / old_m, far - old_m + new_m)
    placed: Float64[np.ndarray, "vertex 3"] = (
        turned + np.outer(stretched - far, down) + new_start
    )
    return placed


def _trunk(
    points: Float64[np.ndarray, "vertex 3"], heads: Places, rest: Places
) -> Float64[np.ndarray, "vertex 3"]:
    """Stretch pelvis, torso and head upwards, and widen them to our shoulders."""

    def height(places: Places, *names: str) -> float:
        return float(np.mean([places[name][2] for name in names]))

    old = [
        height(heads, "upperleg01.L", "upperleg01.R"),
        height(heads, "upperarm01.L", "upperarm01.R"),
        height(heads, "head"),
        float(points[:, 2].max()),
    ]
    new = [
        height(rest, "thigh_left", "thigh_right"),
        height(rest, "upper_arm_left", "upper_arm_right"),
        rest["head"][2],
        rest["head"][2] + _HEAD_RATIO,
    ]
    z = np.interp(points[:, 2], old, new)
    below = points[:, 2] < old[0]
    z[below] = points[below, 2] - old[0] + new[0]
    wide = rest["upper_arm_left"][1] / heads["upperarm01.L"][1]
    wider = np.interp(points[:, 2], old[:3], (1.0, wide, 1.0))
    hips = (heads["upperleg01.L"] + heads["upperleg01.R"]) / 2
    ahead = np.interp(
        points[:, 2], old[:3], (hips[0], heads["upperarm01.L"][0], heads["head"][0])
    )
    return np.stack((points[:, 0] - ahead, points[:, 1] * wider, z), axis=1)


_HEAD_RATIO = 0.135
"""The top of a head above the joint of its neck."""


def _materials(
    points: Float64[np.ndarray, "vertex 3"],
    heads: Places,
    faces: np.ndarray,
    weights: Float64[np.ndarray, "vertex bone"],
) -> UInt8[np.ndarray, " face"]:
    """Return what each face shows, as an index into ``MATERIALS``."""
    of_bone = {
        "pelvis": "trousers",
        "torso": "shirt",
        "head": "skin",
        "upper_arm": "shirt",
        "forearm": "sleeves",
        "thigh": "trousers",
        "shin": "shins",
        "foot": "shoes",
    }
    centres = points[faces].mean(axis=1)
    carriers = weights[faces].mean(axis=1).argmax(axis=1)
    shown = [
        of_bone[BONES[it].removesuffix("_left").removesuffix("_right")]
        for it in carriers
    ]
    eyes = np.array([heads["eye.L"], heads["eye.R"]])
    brow, chin = eyes[0][2] + 0.03, heads["neck03"][2]
    for n, (centre, bone) in enumerate(zip(centres, carriers, strict=True)):
        if np.linalg.norm(centre - eyes, axis=1).min() < 0.012:
            shown[n] = "eyes"
        elif BONES[bone] == "head" and centre[2] > chin:
            behind = centre[0] < heads["head"][0] + 0.02
            shown[n] = "hair" if behind or centre[2] > brow else "skin"
        elif _beyond_wrist(centre, heads) or centre[2] > heads["neck01"][2]:
            shown[n] = "skin"
    return np.array([MATERIALS.index(it) for it in shown], np.uint8)


def _beyond_wrist(centre: np.ndarray, heads: Places) -> bool:
    return bool(abs(centre[1]) > abs(heads["wrist.L"][1]))


if __name__ == "__main__":
    main()
