"""A random room: walls, floor, bed, chair, other furniture, and textures.

The bed's long side is at the wall y = +depth / 2, and its open side faces -y. The chair
is at a side wall and faces the middle. z = 0 is the floor.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipelines.lab.simulation.aids.looks import WHEELCHAIR_SHARE, side_stream
from pipelines.lab.simulation.aids.wheelchair import wheelchair_mjcf

BED_LENGTH_M = 2.0


@dataclass(frozen=True, slots=True)
class Room:
    """Sizes and places of a room in metres, angles in radians; colours are 0 to 1.

    Attributes:
        chair_side: -1 or +1: the wall x = ± width / 2 with the chair.
        chair_xy: Middle of the seat.
        wheelchair: Whether the chair looks like a wheelchair; its seat is the same.
        head_side: -1 or +1: the end of the bed with the pillow.
    """

    width_m: float
    depth_m: float
    bed_x_m: float
    bed_width_m: float
    bed_height_m: float
    head_side: int
    chair_side: int
    chair_xy: tuple[float, float]
    seat_height_m: float
    armrests: bool
    door_x_m: float
    wheelchair: bool

    @property
    def bed_y_m(self) -> float:
        """Middle of the bed in y."""
        return self.depth_m / 2 - self.bed_width_m / 2 - 0.05

    @property
    def bed_edge_y_m(self) -> float:
        """The open long side of the bed in y."""
        return self.bed_y_m - self.bed_width_m / 2

    @property
    def chair_heading_rad(self) -> float:
        """Direction in which a person on the chair faces: the middle of the room."""
        return 0.0 if self.chair_side < 0 else np.pi

    def free_point(self, rng: np.random.Generator) -> tuple[float, float]:
        """Draw a place to stand, clear of bed, chair and walls.

        A cupboard may be there; people walk through it.
        """
        for _ in range(100):
            x = rng.uniform(-self.width_m / 2 + 0.55, self.width_m / 2 - 0.55)
            y = rng.uniform(-self.depth_m / 2 + 0.5, self.bed_edge_y_m - 0.45)
            if np.hypot(x - self.chair_xy[0], y - self.chair_xy[1]) > 0.85:
                return float(x), float(y)
        return 0.0, (self.bed_edge_y_m - self.depth_m / 2) / 2


def random_room(rng: np.random.Generator) -> Room:
    """Draw a room of 2.8 to 3.6 m by 3.0 to 3.6 m with a bed and a chair."""
    width, depth = rng.uniform(2.8, 3.6), rng.uniform(3.0, 3.6)
    chair_side = int(rng.choice([-1, 1]))
    chair_y = rng.uniform(-depth / 2 + 0.55, -0.25)
    slack = (width - BED_LENGTH_M) / 2 - 0.1
    return Room(
        width_m=float(width),
        depth_m=float(depth),
        bed_x_m=float(rng.uniform(-slack, slack)),
        bed_width_m=float(rng.uniform(0.85, 1.15)),
        bed_height_m=float(rng.uniform(0.38, 0.62)),
        head_side=int(rng.choice([-1, 1])),
        chair_side=chair_side,
        chair_xy=(
            float(chair_side * (width / 2 - rng.uniform(0.4, 0.6))),
            float(chair_y),
        ),
        seat_height_m=float(rng.uniform(0.4, 0.5)),
        armrests=bool(rng.random() < 0.5),
        door_x_m=float(-chair_side * rng.uniform(0.2, width / 2 - 0.6)),
        wheelchair=bool(side_stream(rng).random() < WHEELCHAIR_SHARE),
    )


def room_mjcf(
    room: Room, rng: np.random.Generator
) -> tuple[str, str, dict[str, bytes]]:
    """Write the room: MJCF assets, MJCF world content, and texture PNG files."""
    textures = {
        f"{name}.png": _texture(rng, name) for name in ("floor", "wall", "cover")
    }
    assets = "".join(
        f'<texture name="{name}" type="2d" file="{name}.png"/>'
        f'<material name="{name}" texture="{name}" texuniform="true" '
        f'texrepeat="{repeat:.2f} {repeat:.2f}" specular="0.1" reflectance="0"/>'
        for name, repeat in (
            ("floor", rng.uniform(0.5, 1.5)),
            ("wall", rng.uniform(0.3, 1.0)),
            ("cover", rng.uniform(0.5, 2.0)),
        )
    )
    parts = [_shell(room), _bed(room, rng), _chair(room, rng), _clutter(room, rng)]
    return assets, "".join(parts), textures


def _box(
    name: str,
    centre: tuple[float, float, float],
    size: tuple[float, float, float],
    look: str,
) -> str:
    """Write a box by its centre and full sizes."""
    position = " ".join(f"{value:.4f}" for value in centre)
    halves = " ".join(f"{max(value, 0.01) / 2:.4f}" for value in size)
    return f'<geom name="{name}" type="box" pos="{position}" size="{halves}" {look}/>'


def _paint(rng: np.random.Generator, low: float = 0.1, high: float = 0.9) -> str:
    grey = rng.uniform(low, high)
    red, green, blue = np.clip(grey + rng.uniform(-0.2, 0.2, 3), 0, 1)
    return f'rgba="{red:.3f} {green:.3f} {blue:.3f} 1"'


def _shell(room: Room) -> str:
    w, d, wall = room.width_m, room.depth_m, 'material="wall"'
    return "".join(
        (
            f'<geom name="floor" type="plane" size="{w:.3f} {d:.3f} 0.1" '
            'material="floor"/>',
            _box("wall_left", (-w / 2 - 0.05, 0, 1.4), (0.1, d + 0.2, 2.8), wall),
            _box("wall_right", (w / 2 + 0.05, 0, 1.4), (0.1, d + 0.2, 2.8), wall),
            _box("wall_back", (0, d / 2 + 0.05, 1.4), (w + 0.2, 0.1, 2.8), wall),
            _box("wall_front", (0, -d / 2 - 0.05, 1.4), (w + 0.2, 0.1, 2.8), wall),
        )
    )


def _bed(room: Room, rng: np.random.Generator) -> str:
    x, y, top = room.bed_x_m, room.bed_y_m, room.bed_height_m
    frame = _paint(rng)
    pillow_x = x + room.head_side * (BED_LENGTH_M / 2 - 0.25)
    head_x = x + room.head_side * (BED_LENGTH_M / 2 + 0.02)
    return "".join(
        (
            _box(
                "bed",
                (x, y, top - 0.1),
                (BED_LENGTH_M, room.bed_width_m, 0.2),
                'material="cover"',
            ),
            _box(
                "bed_base",
                (x, y, (top - 0.2) / 2),
                (BED_LENGTH_M, room.bed_width_m * 0.96, top - 0.2),
                frame,
            ),
            _box(
                "pillow",
                (pillow_x, y, top + 0.03),
                (0.34, 0.55, 0.07),
                _paint(rng, 0.6, 1.0) + ' class="ghost"',
            ),
            _box(
                "bed_head",
                (head_x, y, top / 2 + 0.2),
                (0.05, room.bed_width_m, top + 0.4),
                frame,
            ),
        )
    )


def _chair(room: Room, rng: np.random.Generator) -> str:
    x, y = room.chair_xy
    side, top, look = room.chair_side, room.seat_height_m, _paint(rng)
    base = _paint(rng) + (' group="3"' if room.wheelchair else "")  # 3 is not shown
    parts = [
        _box("seat", (x, y, top - 0.04), (0.46, 0.48, 0.08), look),
        _box("chair_base", (x, y, top / 2 - 0.04), (0.4, 0.42, top - 0.08), base),
        _box("chair_back", (x + side * 0.25, y, top + 0.25), (0.06, 0.48, 0.55), look),
    ]
    if room.armrests:
        parts += [
            _box(
                f"armrest_{sign}",
                (x + side * 0.03, y + sign * 0.27, top + 0.2),
                (0.4, 0.05, 0.05),
                look,
            )
            for sign in (-1, 1)
        ]
    if room.wheelchair:
        looks, bare = side_stream(rng), not room.armrests
        parts.append(wheelchair_mjcf((x, y), top, side, looks, armrests=bare))
    return "".join(parts)


def _clutter(room: Room, rng: np.random.Generator) -> str:
    """Write a door and, at random, cupboard, table, pictures, curtain and rug."""
    w, d = room.width_m, room.depth_m
    away = -room.chair_side
    parts = [
        _box(
            "door", (room.door_x_m, -d / 2 + 0.005, 1.0), (0.85, 0.02, 2.0), _paint(rng)
        )
    ]
    if rng.random() < 0.6:
        size = rng.uniform(0.4, 0.6)
        height = rng.uniform(0.5, 1.9)
        parts.append(
            _box(
                "cupboard",
                (
                    away * (w / 2 - size / 2),
                    rng.uniform(-d / 2 + 0.4, -0.2),
                    height / 2,
                ),
                (size * 0.7, size, height),
                _paint(rng),
            )
        )
    if rng.random() < 0.5:
        stand_x = room.bed_x_m + room.head_side * (BED_LENGTH_M / 2 + 0.3)
        if abs(stand_x) < w / 2 - 0.2:
            parts.append(
                _box(
                    "night_stand",
                    (stand_x, d / 2 - 0.25, 0.28),
                    (0.4, 0.4, 0.56),
                    _paint(rng),
                )
            )
    parts += [
        _box(
            f"picture_{i}",
            (rng.uniform(-w / 2, w / 2) * 0.8, d / 2 - 0.005, rng.uniform(1.3, 1.9)),
            (rng.uniform(0.3, 1.0), 0.02, rng.uniform(0.3, 0.8)),
            _paint(rng, 0.0, 1.0),
        )
        for i in range(int(rng.integers(0, 3)))
    ]
    if rng.random() < 0.5:
        parts.append(
            _box(
                "curtain",
                (away * (w / 2 - 0.03), rng.uniform(-0.5, 0.5) * d * 0.7, 1.5),
                (0.06, rng.uniform(0.6, 1.5), 1.7),
                _paint(rng, 0.3, 1.0),
            )
        )
    if rng.random() < 0.35:
        rug = (rng.uniform(0.8, 1.6), rng.uniform(0.6, 1.2))
        place = (rng.uniform(-0.5, 0.5), rng.uniform(-0.6, 0.2) * d / 2, 0.003)
        parts.append(_box("rug", place, (*rug, 0.01), _paint(rng) + ' class="ghost"'))
    return "".join(parts)


def _texture(rng: np.random.Generator, kind: str) -> bytes:
    """Paint a texture of 128 pixels: a colour with noise, stripes, tiles or clouds."""
    size = 128
    brightness = {"floor": (0.2, 0.8), "wall": (0.45, 0.95), "cover": (0.25, 1.0)}[kind]
    base = rng.uniform(*brightness) + rng.uniform(-0.1, 0.1, 3)
    grain = rng.normal(0, rng.uniform(0.0, 0.06), (size, size, 1))
    rows, columns = np.mgrid[0:size, 0:size]
    style = rng.choice(["plain", "stripes", "tiles", "cloud"])
    strength = rng.uniform(0.02, 0.12)
    if style == "stripes":
        pattern = np.sign(np.sin(columns * 2 * np.pi * rng.integers(2, 12) / size))
    elif style == "tiles":
        pitch = size // int(rng.integers(2, 6))
        pattern = -1.0 * ((rows % pitch < 2) | (columns % pitch < 2))
    elif style == "cloud":
        coarse = Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8))
        pattern = (
            np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC)) / 127.5
            - 1
        )
    else:
        pattern = np.zeros((size, size))
    picture = np.clip(base + grain + strength * pattern[..., None], 0, 1)
    buffer = io.BytesIO()
    Image.fromarray((picture * 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()
