"""Changes of a camera's picture: dirt, darkness, a cloth, a knock."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from scipy.ndimage import gaussian_filter

from models.masking.masks import fill, pixel_mask, shape_mask
from pipelines.lab.data.truth import Resolve
from pipelines.records import DriftCause

Pixels = UInt8[np.ndarray, "height width 3"]
Change = Callable[[Pixels, np.random.Generator], Pixels]
UNTOUCHED = "nothing"
"""Name of the injection without a change, the reference for the others."""
_BLACK = 2


@dataclass(frozen=True, slots=True)
class Injection:
    """One change.

    Attributes:
        name: Name in tables.
        cause: The cause that an alert should name.
        kind: What is changed: the pictures, the camera's direction before rendering,
            the wearable, the prompts, or the meaning of labels (concept drift), which
            cannot be detected without labels.
        change: Changes a picture, equally for equal generators; None for no change.
        turned_deg: Rotation of the camera.
        wearable: What happens to the wearable.
        must: Whether it has to be detected in 95 % of runs within 15 minutes.
    """

    name: str
    cause: DriftCause
    kind: Literal["picture", "camera", "wearable", "prompts", "meaning"] = "picture"
    change: Change | None = None
    turned_deg: float = 0.0
    wearable: Literal["", "unplugged", "jump"] = ""
    must: bool = False


def view_of(pixels: Pixels) -> tuple[slice, slice]:
    """Return the area of the camera's picture between the bars that framing adds."""
    lit = pixels.max(axis=2) > _BLACK
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    if not len(rows):
        return slice(None), slice(None)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def mask_pixels(share: float) -> Change:
    """Blacken a share of the pixels, one by one."""

    def change(pixels: Pixels, rng: np.random.Generator) -> Pixels:
        height, width = pixels.shape[:2]
        return fill(pixels, pixel_mask(height, width, share, rng))

    return change


def mask_shapes(share: float) -> Change:
    """Blacken shapes until they cover a share."""

    def change(pixels: Pixels, rng: np.random.Generator) -> Pixels:
        height, width = pixels.shape[:2]
        return fill(pixels, shape_mask(height, width, share, rng)[0])

    return change


def dim(factor: float) -> Change:
    """Dim the light to a share, with unchanged sensor noise."""

    def change(pixels: Pixels, rng: np.random.Generator) -> Pixels:
        noise = rng.normal(0, 1, pixels.shape)
        return np.clip(pixels * factor + noise, 0, 255).astype(np.uint8)

    return change


def blur(deviation_px: float) -> Change:
    """Blur the picture, as a fogged or defocused lens would."""

    def change(pixels: Pixels, rng: np.random.Generator) -> Pixels:
        del rng
        smooth = gaussian_filter(pixels.astype(np.float32), (deviation_px,) * 2 + (0,))
        return smooth.astype(np.uint8)

    return change


def cover(share: float) -> Change:
    """Hang a cloth over the lens, from one side."""

    def change(pixels: Pixels, rng: np.random.Generator) -> Pixels:
        height, width = pixels.shape[:2]
        colour = rng.uniform(20, 140) * rng.uniform(0.85, 1.15, 3)
        covered = pixels.copy()
        reach = round(share * width)
        columns = slice(0, reach) if rng.random() < 0.5 else slice(width - reach, width)
        fold = 4 * np.sin(np.linspace(0, 6 * np.pi, reach))[None, :, None]
        noise = rng.normal(0, 1.5, (height, reach, 3))
        covered[:, columns] = np.clip(colour + fold + noise, 0, 255).astype(np.uint8)
        return covered

    return change


def inject(change: Change, pixels: Pixels, seed: int) -> Pixels:
    """Change the camera's area of a framed picture, without its bars."""
    area = view_of(pixels)
    changed = pixels.copy()
    changed[area] = change(pixels[area], np.random.default_rng(seed))
    return changed


def all_injections() -> tuple[Injection, ...]:
    """Return every change of the study, weakest first within its kind."""
    shares = (0.1, 0.3, 0.5)
    return (
        Injection(UNTOUCHED, "unknown"),
        *(
            Injection(
                f"mask of {share:.0%}, {kind}",
                "covered",
                change=make(share),
                must=share == shares[-1],
            )
            for kind, make in (("pixels", mask_pixels), ("shapes", mask_shapes))
            for share in shares
        ),
        Injection("dimmed to 1/2", "dark", change=dim(1 / 2)),
        Injection("dimmed to 1/4", "dark", change=dim(1 / 4)),
        Injection("dimmed to 1/10", "dark", change=dim(1 / 10), must=True),
        Injection("blurred by 1 px", "blurred", change=blur(1)),
        Injection("blurred by 2 px", "blurred", change=blur(2)),
        Injection("blurred by 4 px", "blurred", change=blur(4)),
        Injection("a third covered", "covered", change=cover(1 / 3)),
        Injection("all covered", "covered", change=cover(1.0), must=True),
        Injection("turned by 5°", "moved", "camera", turned_deg=5),
        Injection("turned by 15°", "moved", "camera", turned_deg=15),
        Injection("turned by 40°", "moved", "camera", turned_deg=40, must=True),
        Injection("IMU unplugged", "imu silent", "wearable", wearable="unplugged"),
        Injection("IMU clock jump of 5 s", "imu offset", "wearable", wearable="jump"),
        Injection("other prompts", "model", "prompts"),
        Injection("sitting means bending", "unknown", "meaning"),
    )


def other_meaning(resolve: Resolve) -> Resolve:
    """Return a resolver that calls sitting people bending."""

    def changed(label: str) -> str | None:
        meant = resolve(label)
        return "bending" if meant == "sitting" else meant

    return changed
