"""One simulated world: a person in a room under a camera, compiled for MuJoCo."""

import re
from dataclasses import dataclass, replace
from typing import Any, final

import mujoco
import numpy as np
from jaxtyping import Float64, UInt8

from pipelines.lab.simulation.aids.looks import side_stream, walking_aid_mjcf
from pipelines.lab.simulation.body import JOINTS, Body, body_mjcf, random_body
from pipelines.lab.simulation.room import Room, random_room, room_mjcf
from pipelines.lab.simulation.skin import skin_mjcf

PHYSICS_STEP_S = 0.004
LANDMARKS = (
    *("head", "chest", "pelvis", "hand_left", "hand_right"),
    *("shin_left", "shin_right", "foot_left", "foot_right"),
)
"""Parts of the body that ``World.landmarks`` locates."""

PARTS = ("other", "person", "bed", "chair", "floor", "wall")
"""Kinds of objects that ``World.part_of_geom`` distinguishes."""

HIDDEN_M = 50.0
"""Depth below the floor at which things are out of every picture."""

_FURNITURE = {
    "bed": ("bed", "pillow", "blanket"),
    "chair": ("seat", "chair", "armrest"),
    "floor": ("floor", "rug"),
    "wall": ("wall",),
}
"""Prefixes of the names of each part's geoms."""

_BLANKET_LENGTH_M, _BLANKET_HEIGHT_M = 1.25, 0.16
_BLANKET_SHIFT_M = 0.3125  # from the middle of the bed towards its foot
_VIEWS_TRIED = 4
_NARROWEST_DEG, _WIDEST_DEG = 40.0, 84.0


@dataclass(frozen=True, slots=True)
class CameraView:
    """Position of the camera in metres; ``fovy_deg`` is its vertical field of view."""

    position_m: tuple[float, float, float]
    target_m: tuple[float, float, float]
    fovy_deg: float


@final
class World:
    """A compiled world and the indices that a motion needs.

    ``data`` is scratch state, which every method changes.
    """

    def __init__(
        self, body: Body, room: Room, view: CameraView, rng: np.random.Generator
    ) -> None:
        self.body, self.room, self.view = body, room, view
        self._xml, self._textures = _world_mjcf(body, room, view, rng)
        self.model = mujoco.MjModel.from_xml_string(self._xml, self._textures)
        self.data = mujoco.MjData(self.model)
        person = [
            i
            for i in range(self.model.ngeom)
            if self.model.geom_bodyid[i] >= self.model.body("pelvis").id
            and self.model.body_mocapid[self.model.geom_bodyid[i]] < 0
        ]
        self._person = np.array(person)
        self._radii = self.model.geom_size[self._person, 0]
        self._half_lengths = self.model.geom_size[self._person, 1]
        self._feet = [self.model.geom(f"foot_{side}").id for side in ("left", "right")]
        self.nq = self.model.nq
        self.joint_limits_rad: Float64[np.ndarray, "joint 2"] = np.array(
            [self.model.joint(name).range for name in JOINTS]
        )

    def with_another(self, other: Body) -> mujoco.MjModel:
        """Compile the world again with a second person in it, after the first.

        Returns:
            The model. Its coordinates are those of this world, then the other's.
        """
        person, looks = (
            re.sub(r'(name|body)="', r'\1="other_', text)
            for text in (body_mjcf(other), skin_mjcf(other))
        )
        both = self._xml.replace("</worldbody>", person + "</worldbody>")
        both = both.replace("</deformable>", looks + "</deformable>")
        return mujoco.MjModel.from_xml_string(both, self._textures)

    def part_of_geom(self) -> UInt8[np.ndarray, " geom"]:
        """Return the part of each geom, as an index into ``PARTS``."""
        parts = np.zeros(self.model.ngeom, np.uint8)
        for part, beginnings in _FURNITURE.items():
            for i in range(self.model.ngeom):
                if self.model.geom(i).name.startswith(beginnings):
                    parts[i] = PARTS.index(part)
        parts[self._person] = PARTS.index("person")
        return parts

    def pose(self, qpos: Float64[np.ndarray, " coordinate"]) -> None:
        """Place the person without physics."""
        self.data.qpos[:] = qpos
        mujoco.mj_kinematics(self.model, self.data)

    def lowest_m(self) -> float:
        """Return the height of the posed person's lowest point."""
        axis_z = self.data.geom_xmat[self._person, 8]
        centre_z = self.data.geom_xpos[self._person, 2]
        return float(
            np.min(centre_z - np.abs(axis_z) * self._half_lengths - self._radii)
        )

    def feet_xy(self) -> Float64[np.ndarray, " axis"]:
        """Return the point between the posed person's feet."""
        feet: Float64[np.ndarray, " axis"] = self.data.geom_xpos[self._feet, :2].mean(
            axis=0
        )
        return feet

    def sees_trunk(self, qpos: Float64[np.ndarray, " coordinate"]) -> bool:
        """Return whether pelvis and chest lie well within the camera's picture.

        That is within the middle 95 % of its width and of its height.
        """
        self.pose(qpos)
        trunk = [self.data.geom(name).xpos for name in ("pelvis", "chest")]
        return bool(_in_view(self.view, np.array(trunk)).all())

    def landmarks(
        self, qpos: Float64[np.ndarray, " coordinate"]
    ) -> Float64[np.ndarray, "landmark 4"]:
        """Locate the person's ``LANDMARKS`` in the picture and above the floor.

        Returns:
            For each landmark: fractions of the picture's width and height from its
            upper left corner, height above the floor in metres, and 1 if it lies within
            the middle 95 % of the picture's width and height, else 0. Occlusion is
            ignored.
        """
        self.pose(qpos)
        places = np.array([self.data.geom(name).xpos for name in LANDMARKS])
        right, up, forward = camera_axes(self.view)
        rays = places - np.array(self.view.position_m)
        scale = 2 * np.tan(np.radians(self.view.fovy_deg) / 2) * (rays @ forward)
        across = 0.5 + (rays @ right) / scale * 3 / 4
        down = 0.5 - (rays @ up) / scale
        # An absent person is far below the floor, which a steep camera also views.
        seen = _in_view(self.view, places) & (places[:, 2] > -1)
        return np.stack((across, down, places[:, 2], seen), axis=1)

    def turn_camera(self, by_deg: float) -> None:
        """Rotate the camera about the vertical, as a knock would.

        ``sees_trunk`` and ``landmarks`` still use the view before.
        """
        half = np.radians(by_deg) / 2
        about_up = np.array([np.cos(half), 0.0, 0.0, np.sin(half)])
        camera = self.model.camera("ward").id
        turned = np.empty(4)
        mujoco.mju_mulQuat(turned, about_up, self.model.cam_quat[camera])
        self.model.cam_quat[camera] = turned

    def blanket_m(self, *, covered: bool) -> tuple[float, float, float]:
        """Return where the blanket's middle is: over the bed, or out of sight."""
        room = self.room
        x = room.bed_x_m - room.head_side * _BLANKET_SHIFT_M
        z = room.bed_height_m + 0.1 if covered else -HIDDEN_M
        return x, room.bed_y_m, z


def random_world(rng: np.random.Generator) -> World:
    """Draw a random person, room and camera that sees most of the room."""
    body, room = random_body(rng), random_room(rng)
    return World(body, room, _random_view(room, rng), rng)


def _random_view(room: Room, rng: np.random.Generator) -> CameraView:
    """Place the camera as an installer would, with bed, chair and floor in view.

    Of several places on the walls, the one that needs the narrowest lens is used.
    """
    low_y = -room.depth_m / 2 + 0.5
    places = np.array(
        [
            (room.bed_x_m - 0.8, room.bed_y_m, room.bed_height_m),
            (room.bed_x_m + 0.8, room.bed_y_m, room.bed_height_m),
            (room.bed_x_m, room.bed_edge_y_m - 0.4, 0.1),
            (*room.chair_xy, 0.5),
            (room.width_m / 2 - 0.7, low_y + 0.3, 0.4),
            (-room.width_m / 2 + 0.7, low_y + 0.3, 0.4),
            (0.0, (low_y + room.bed_edge_y_m) / 2, 1.6),
        ]
    )
    views = [_draw_view(room, places, rng) for _ in range(_VIEWS_TRIED)]
    return min(views, key=lambda view: view.fovy_deg)


def _draw_view(
    room: Room, places: Float64[np.ndarray, "place 3"], rng: np.random.Generator
) -> CameraView:
    """Draw a place on a wall, aim at the places, and choose the lens for them."""
    half_w, half_d = room.width_m / 2 - 0.08, room.depth_m / 2 - 0.08
    # Never on the bed's wall, because the bed would hide the floor in front of it.
    wall = rng.choice(["front", "left", "right"])
    if wall == "front":
        x, y = rng.uniform(-half_w, half_w), -half_d
    else:
        x, y = (
            (-half_w if wall == "left" else half_w),
            rng.uniform(-half_d, 0.3 * half_d),
        )
    position = np.array([x, y, rng.uniform(1.7, 2.7)])
    rays = places - position
    aim = (rays / np.linalg.norm(rays, axis=1, keepdims=True)).mean(axis=0)
    target = position + 2 * aim / np.linalg.norm(aim) + rng.normal(0, 0.1, 3)
    target[2] += 0.15  # people are higher than these places
    view = CameraView(
        position_m=(float(x), float(y), float(position[2])),
        target_m=(float(target[0]), float(target[1]), float(target[2])),
        fovy_deg=_NARROWEST_DEG,
    )
    while view.fovy_deg < _WIDEST_DEG and not _in_view(view, places).all():
        view = replace(view, fovy_deg=view.fovy_deg + 2)
    return view


def _in_view(
    view: CameraView, places: Float64[np.ndarray, "place 3"]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    right, up, forward = camera_axes(view)
    rays = places - np.array(view.position_m)
    depth = rays @ forward
    tangent = np.tan(np.radians(view.fovy_deg) / 2)
    vertical = np.abs(rays @ up) < 0.95 * tangent * depth
    horizontal = np.abs(rays @ right) < 0.95 * tangent * depth * 4 / 3
    seen: np.ndarray[Any, np.dtype[np.bool_]] = (depth > 0.4) & vertical & horizontal
    return seen


def camera_axes(
    view: CameraView,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a camera's directions right, up and forwards; unit vectors."""
    forward = np.array(view.target_m) - np.array(view.position_m)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    return right, np.cross(right, forward), forward


def _world_mjcf(
    body: Body, room: Room, view: CameraView, rng: np.random.Generator
) -> tuple[str, dict[str, bytes]]:
    assets, furniture, textures = room_mjcf(room, rng)
    right, up, _ = camera_axes(view)
    axes = " ".join(f"{value:.5f}" for value in (*right, *up))
    place = " ".join(f"{value:.4f}" for value in view.position_m)
    ambient, diffuse = rng.uniform(0.15, 0.5), rng.uniform(0.0, 0.35)
    blanket_rgb = " ".join(f"{value:.3f}" for value in rng.uniform(0.25, 1.0, 3))
    half = (_BLANKET_LENGTH_M / 2, room.bed_width_m / 2, _BLANKET_HEIGHT_M / 2)
    xml = f"""
<mujoco model="ward">
  <compiler angle="degree" boundmass="0.05" boundinertia="0.0005"/>
  <option timestep="{PHYSICS_STEP_S}" integrator="implicitfast" iterations="30"/>
  <visual>
    <headlight ambient="{ambient:.3f} {ambient:.3f} {ambient:.3f}"
      diffuse="{diffuse:.3f} {diffuse:.3f} {diffuse:.3f}" specular="0 0 0"/>
    <map znear="0.02" zfar="30"/>
    <global offwidth="320" offheight="240"/>
    <quality offsamples="0"/>
  </visual>
  <default>
    <geom condim="3" friction="0.8 0.02 0.001" solref="0.01 1"
      contype="1" conaffinity="2"/>
    <default class="ghost"><geom contype="0" conaffinity="0"/></default>
    <default class="person">
      <geom type="capsule" contype="2" conaffinity="1" density="1000" group="3"
        friction="0.7 0.02 0.001"/>
      <joint type="hinge" limited="true" damping="4" armature="0.02" stiffness="1"/>
    </default>
  </default>
  <asset>{assets}</asset>
  <worldbody>
    {_lights(room, rng)}
    <camera name="ward" pos="{place}" xyaxes="{axes}" fovy="{view.fovy_deg:.2f}"/>
    {furniture}
    {body_mjcf(body)}
    <body name="blanket" mocap="true"><geom name="blanket" class="ghost"
      type="ellipsoid" size="{half[0]:.3f} {half[1]:.3f} {half[2]:.3f}"
      rgba="{blanket_rgb} 1"/></body>
    {walking_aid_mjcf(body.walking_aid, body.height_m, side_stream(rng))}
  </worldbody>
  <deformable>{skin_mjcf(body)}</deformable>
</mujoco>"""
    return xml, textures


def _lights(room: Room, rng: np.random.Generator) -> str:
    lights = []
    for i in range(int(rng.integers(1, 3))):
        x = rng.uniform(-0.5, 0.5) * room.width_m
        y = rng.uniform(-0.5, 0.5) * room.depth_m
        power = rng.uniform(0.25, 0.8) / (i + 1)
        tint = power * (1 + rng.uniform(-0.12, 0.12, 3))
        colour = " ".join(f"{value:.3f}" for value in tint)
        aim = f"{rng.normal(0, 0.4):.3f} {rng.normal(0, 0.4):.3f} -1"
        lights.append(
            f'<light pos="{x:.3f} {y:.3f} 2.6" dir="{aim}" diffuse="{colour}" '
            'specular="0.1 0.1 0.1" castshadow="false" directional="true"/>'
        )
    return "".join(lights)
