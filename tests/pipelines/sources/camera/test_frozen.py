"""A frozen picture differs from a still scene; one picture a second."""

import numpy as np

from pipelines.clock import NS_PER_S
from pipelines.sources.camera.frozen import FrozenPicture

SCENE = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)


def verdicts(pictures: str, after_s: int = 10) -> str:
    """``.`` the same, ``n`` with noise, ``k`` after a key frame, ``R`` a restart."""
    rng = np.random.default_rng(2)
    watch = FrozenPicture(after_s * NS_PER_S)
    now, said = SCENE, ""
    for second, kind in enumerate(pictures):
        if kind == "R":
            watch.restart()
        if kind == "n":
            now = SCENE ^ (rng.random(SCENE.shape) < 0.1).astype(np.uint8)
        if kind == "k":
            now = now ^ np.uint8(1)
        said += "F" if watch.is_frozen(second * NS_PER_S, now) else "."
    return said


def test_the_same_picture_is_frozen_after_the_time_set() -> None:
    assert verdicts("...............") == "..........FFFFF"


def test_a_still_scene_with_noise_never_is() -> None:
    assert verdicts("nnnnnnnnnnnnnnnnnnnnnnnnn") == "." * 25


def test_key_frames_do_not_thaw_it() -> None:
    assert verdicts(".....k....kk....k...") == "..........FFFFFFFFFF"


def test_it_thaws_when_pictures_change_again() -> None:
    assert verdicts("............nnnn") == "..........FFFF.."


def test_a_new_connection_begins_anew() -> None:
    assert verdicts("............R...") == "..........FF...."
