"""Pose pictures: a body's motion drawn as a small picture, for CLIP's picture tower.

A pose picture shows 13 joints at 8 moments, from now back to 1.5 s ago. It has a patch
of 8 by 8 pixels for each joint. In a patch a column is a moment, and the colours are
the joint's place across (red), its place down (green) and its visibility (blue)::

    row 0-2   place relative to the hips now
    row 3-4   place relative to the hips at that moment
    row 5-6   the way from that moment until now, enlarged
    row 7     place in the camera's picture

Three more patches hold the shoulders' middle, the extent of the body, and its size and
place. Lengths are in body sizes (``body_sizes``), so that near and far people look
alike. The patches are what the tower cuts the picture into, so one token is one joint.

Source: pictures of skeletons follow Du et al. 2015, "Skeleton based action recognition
with convolutional neural network", ACPR; the arrangement is our own.
"""

import numpy as np
from jaxtyping import Bool, Float32, UInt8

JOINTS = (0, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
"""Landmarks of BlazePose that are drawn: nose, then left and right shoulder, elbow,
wrist, hip, knee and ankle."""

SHOULDERS, HIPS, KNEES, ANKLES = (1, 2), (7, 8), (9, 10), (11, 12)
"""Places of pairs in ``JOINTS``."""

MOMENTS = (0, 1, 2, 3, 4, 6, 8, 12)
"""Ages of the drawn moments, in steps of ``STEP_S``."""

STEP_S = 0.125
"""Time between two poses of a history, in seconds."""

PICTURE_SIDE_PX = 32
_PATCH_PX = 8
_PATCHES = (PICTURE_SIDE_PX // _PATCH_PX) ** 2
_NOTHING = 0.5  # the value of a place that is unknown


def draw_poses(
    joints: Float32[np.ndarray, "pose moment 13 3"],
    found: Bool[np.ndarray, "pose moment"],
    sizes: Float32[np.ndarray, " pose"],
) -> UInt8[np.ndarray, "pose 32 32 3"]:
    """Draw pose pictures.

    Args:
        joints: For each moment of ``MOMENTS`` the x, y and visibility of each joint; x
            and y in lengths of the camera picture's longer side.
        found: Whether the body was found at that moment.
        sizes: Size of the body now, in the unit of x and y.

    Returns:
        The pictures; black where the body was found at no moment.
    """
    some: Bool[np.ndarray, " pose"] = np.asarray(found.any(axis=1))
    places = joints[..., :2]
    hips = places[:, :, HIPS].mean(axis=2)
    newest = np.argmax(found, axis=1)
    rows = np.arange(len(joints))
    origin = hips[rows, newest][:, None, None]
    scale = sizes[:, None, None, None]
    now = (places - origin) / scale
    own = (places - hips[:, :, None]) / scale
    way = now - now[rows, newest][:, None]
    known = (found & some[:, None])[:, :, None, None]
    seen = joints[..., 2] * found[..., None]

    patches = np.zeros((len(joints), _PATCHES, _PATCH_PX, _PATCH_PX, 3), np.float32)
    for lines, values in (
        (slice(0, 3), _shade(now, 0.22, known)),
        (slice(3, 5), _shade(own, 0.4, known)),
        (slice(5, 7), _shade(way, 0.6, known)),
        (slice(7, 8), _shade(places - 0.5, 0.8, known)),
    ):
        columns = values.transpose(0, 2, 1, 3)[:, :, None]
        patches[:, : len(JOINTS), lines, :, :2] = columns
    patches[:, : len(JOINTS), :, :, 2] = seen.transpose(0, 2, 1)[:, :, None]
    _draw_whole_body(patches[:, len(JOINTS) :], now, places, known, sizes, origin)
    patches[~some] = 0

    side = PICTURE_SIDE_PX // _PATCH_PX
    grid = patches.reshape(-1, side, side, _PATCH_PX, _PATCH_PX, 3)
    picture = grid.transpose(0, 1, 3, 2, 4, 5).reshape(
        -1, PICTURE_SIDE_PX, PICTURE_SIDE_PX, 3
    )
    return (picture * 255 + 0.5).astype(np.uint8)


def _draw_whole_body(
    patches: Float32[np.ndarray, "pose 3 8 8 3"],
    now: Float32[np.ndarray, "pose moment 13 2"],
    places: Float32[np.ndarray, "pose moment 13 2"],
    known: Bool[np.ndarray, "pose moment 1 1"],
    sizes: Float32[np.ndarray, " pose"],
    origin: Float32[np.ndarray, "pose 1 1 2"],
) -> None:
    """Draw the patches that show the body as a whole."""
    shoulders = now[:, :, SHOULDERS].mean(axis=2)
    patches[:, 0, :, :, :2] = _shade(shoulders, 0.22, known[..., 0])[:, None]
    extent = now.max(axis=2) - now.min(axis=2)
    extent = np.where(known[..., 0], np.clip(0.35 * extent, 0, 1), 0)
    patches[:, 1, :, :, :2] = extent[:, None]
    patches[:, 2, :, :, 0] = np.clip(sizes, 0, 1)[:, None, None]
    patches[:, 2, :, :, 1] = np.clip(origin[:, :, 0, 1], 0, 1)[:, :, None]
    patches[..., 2] = known[:, None, None, :, 0, 0]


def _shade(
    values: Float32[np.ndarray, "pose moment ... 2"],
    gain: float,
    known: Bool[np.ndarray, "pose moment ..."],
) -> Float32[np.ndarray, "pose moment ... 2"]:
    """Convert lengths to brightness, 0 to 1; unknown ones are grey."""
    shade: Float32[np.ndarray, "pose moment ... 2"] = np.where(
        known, np.clip(_NOTHING + gain * values, 0, 1), _NOTHING
    ).astype(np.float32)
    return shade


def body_sizes(
    joints: Float32[np.ndarray, "time 13 _"],
) -> Float32[np.ndarray, " time"]:
    """Return the length of trunk and leg in each pose, as the camera sees it.

    Args:
        joints: x and y of each joint, perhaps with its visibility.
    """
    places = joints[..., :2]
    shoulders, hips = places[:, SHOULDERS].mean(axis=1), places[:, HIPS].mean(axis=1)
    thighs = np.linalg.norm(places[:, HIPS] - places[:, KNEES], axis=-1)
    shins = np.linalg.norm(places[:, KNEES] - places[:, ANKLES], axis=-1)
    trunk = np.linalg.norm(shoulders - hips, axis=-1)
    sizes: Float32[np.ndarray, " time"] = trunk + (thighs + shins).mean(axis=1)
    return sizes
