"""The looks of simulated people: skin, hair and clothes over the bones of a body.

The shapes are those of adults, made by ``make_bodies``. MuJoCo moves them
with the bones of ``body.body_mjcf``.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import mujoco
import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from safetensors.numpy import load_file

from pipelines.lab.simulation.body import Body, Colour, body_mjcf

BODIES_PATH = Path(__file__).with_name("bodies.safetensors")
UNITS = 20_000
"""Units of a stored vertex in a body's height."""

BONES = (
    *("pelvis", "torso", "head"),
    *(
        f"{limb}_{side}"
        for side in ("left", "right")
        for limb in ("upper_arm", "forearm", "thigh", "shin", "foot")
    ),
)
"""Bodies of ``body_mjcf`` that carry a skin, in the order of the stored weights."""

MATERIALS = ("skin", "hair", "eyes", "shirt", "sleeves", "trousers", "shins", "shoes")
"""What a face of a shape shows; ``sleeves`` are on forearms, ``shins`` below knees."""


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Bodies at rest, 1 m tall, as ``body_mjcf`` stands: arms down, facing +x.

    Attributes:
        vertices: Places of every body's vertices, the slimmest body first; z = 0 is
            just above the soles.
        faces: Vertices of each triangle, the same for all bodies.
        weights: How much each of ``BONES`` moves a vertex; they add up to 1.
        materials: What each triangle shows, as an index into ``MATERIALS``.
    """

    vertices: Float32[np.ndarray, "body vertex 3"]
    faces: Int64[np.ndarray, "face 3"]
    weights: Float32[np.ndarray, "vertex bone"]
    materials: UInt8[np.ndarray, " face"]


@cache
def shapes() -> Shapes:
    """Read the shapes of people."""
    kept = load_file(BODIES_PATH)
    weights = kept["weights"].astype(np.float32)
    return Shapes(
        kept["vertices"].astype(np.float32) / UNITS,
        kept["faces"].astype(np.int64),
        weights / weights.sum(axis=1, keepdims=True),
        kept["materials"],
    )


@cache
def rest_places() -> dict[str, Float64[np.ndarray, "3"]]:
    """Return where bones and wrists of a body of 1 m are at rest."""
    grey = (0.5, 0.5, 0.5)
    body = Body(1.0, 1.0, grey, grey, grey, grey, grey, sleeves=True, skirt=False)
    model = mujoco.MjModel.from_xml_string(
        f"""<mujoco><compiler angle="degree"/>
        <default><default class="person"><geom type="capsule"/></default></default>
        <worldbody>{body_mjcf(body)}</worldbody></mujoco>"""
    )
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    places = {name: data.body(name).xpos.copy() for name in BONES}
    for side in ("left", "right"):
        places[f"wrist_{side}"] = data.site(f"wrist_{side}").xpos.copy()
    return places


def skin_mjcf(body: Body) -> str:
    """Write the person's looks as MJCF ``<skin>`` elements over ``body_mjcf``."""
    kept = shapes()
    vertices = kept.vertices[body.shape] * body.height_m
    colours = _colours(body)
    skins = []
    for n, material in enumerate(MATERIALS):
        faces = kept.faces[kept.materials == n]
        used, faces = np.unique(faces, return_inverse=True)
        mesh = _Mesh(vertices[used], faces.reshape(-1, 3), kept.weights[used])
        skins.append(_skin(material, mesh, colours[material], body.height_m))
    if body.skirt:
        gown = _gown(vertices, kept.weights, body.height_m)
        skins.append(_skin("gown", gown, body.shirt, body.height_m))
    return "".join(skins)


@dataclass(frozen=True, slots=True, eq=False)
class _Mesh:
    vertices: Float32[np.ndarray, "vertex 3"]
    faces: Int64[np.ndarray, "face 3"]
    weights: Float32[np.ndarray, "vertex bone"]


def _colours(body: Body) -> dict[str, Colour]:
    return {
        "skin": body.skin,
        "hair": body.hair,
        "eyes": (0.08, 0.07, 0.06),
        "shirt": body.shirt,
        "sleeves": body.shirt if body.sleeves else body.skin,
        "trousers": body.shirt if body.skirt else body.trousers,
        "shins": body.skin if body.skirt else body.trousers,
        "shoes": body.shoes,
    }


def _skin(name: str, mesh: _Mesh, colour: Colour, height_m: float) -> str:
    red, green, blue = colour
    bones = []
    for bone, shares in zip(BONES, mesh.weights.T, strict=True):
        moved = np.flatnonzero(shares > 0)
        if len(moved):
            place = rest_places()[bone] * height_m
            bones.append(
                f'<bone body="{bone}" bindpos="{_numbers(place)}" bindquat="1 0 0 0" '
                f'vertid="{" ".join(map(str, moved))}" '
                f'vertweight="{_numbers(shares[moved])}"/>'
            )
    return (
        f'<skin name="{name}" vertex="{_numbers(mesh.vertices.ravel())}" '
        f'face="{" ".join(map(str, mesh.faces.ravel()))}" '
        f'rgba="{red:.3f} {green:.3f} {blue:.3f} 1">{"".join(bones)}</skin>'
    )


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.4f}" for value in values)


_GOWN_RINGS, _GOWN_POINTS = 7, 20
_GOWN_TOP, _GOWN_HEM = 0.60, 0.22
"""Heights of a gown's ends in a body's height: the waist, and below the knees."""


def _gown(
    vertices: Float32[np.ndarray, "vertex 3"],
    weights: Float32[np.ndarray, "vertex bone"],
    height_m: float,
) -> _Mesh:
    """Make a tube around hips and thighs, which hangs from the waist."""
    hips = vertices[weights[:, BONES.index("pelvis")] > 0.5]
    middle = (hips.max(axis=0) + hips.min(axis=0)) / 2
    half = (hips.max(axis=0) - hips.min(axis=0)) / 2
    turn = np.linspace(0, 2 * np.pi, _GOWN_POINTS, endpoint=False)
    down = np.linspace(0, 1, _GOWN_RINGS)[:, None]
    flare = 1.0 + 0.15 * down + 0.08 * np.sin(np.pi * down)
    x = middle[0] + half[0] * flare * np.cos(turn)
    y = middle[1] + half[1] * flare * np.sin(turn)
    z = (_GOWN_TOP + (_GOWN_HEM - _GOWN_TOP) * down) * height_m + 0 * turn
    shares = np.zeros((_GOWN_RINGS, _GOWN_POINTS, len(BONES)), np.float32)
    leg = np.clip((down - 0.15) / 0.4, 0, 1)
    left = 0.5 + 0.5 * np.sin(turn) ** 3
    shares[..., BONES.index("pelvis")] = 1 - leg
    shares[..., BONES.index("thigh_left")] = leg * left
    shares[..., BONES.index("thigh_right")] = leg * (1 - left)
    first = np.arange(_GOWN_POINTS)
    corners = np.stack((first, np.roll(first, -1)), axis=1)
    faces = []
    for ring in range(_GOWN_RINGS - 1):
        upper, lower = (
            corners + ring * _GOWN_POINTS,
            corners + (ring + 1) * _GOWN_POINTS,
        )
        faces += [
            np.stack((upper[:, 0], lower[:, 0], lower[:, 1]), axis=1),
            np.stack((upper[:, 0], lower[:, 1], upper[:, 1]), axis=1),
        ]
    return _Mesh(
        np.stack((x, y, z), axis=-1).reshape(-1, 3).astype(np.float32),
        np.vstack(faces),
        shares.reshape(-1, len(BONES)),
    )
