import numpy as np
import pytest

from pipelines.lab.studies.drift.injections import (
    UNTOUCHED,
    Change,
    all_injections,
    blur,
    cover,
    dim,
    inject,
    mask_pixels,
    mask_shapes,
    other_meaning,
)


def framed_room() -> np.ndarray:
    pixels = np.random.default_rng(0).integers(60, 200, (64, 64, 3)).astype(np.uint8)
    pixels[:8] = pixels[-8:] = 0
    return pixels


VIEW = slice(8, -8)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("make", [mask_pixels, mask_shapes])
def test_a_mask_covers_its_share_of_the_view(make: object, share: float) -> None:
    assert callable(make)
    black = inject(make(share), framed_room(), seed=3)[VIEW].max(axis=2) == 0
    assert black.mean() == pytest.approx(share, abs=0.015)


def test_dimming_and_cover_change_the_light() -> None:
    usual = framed_room()[VIEW].mean()
    assert inject(dim(0.1), framed_room(), 0)[VIEW].mean() < 0.15 * usual
    assert inject(cover(1.0), framed_room(), 0)[VIEW].std(axis=(0, 1)).max() < 8
    half = inject(cover(0.5), framed_room(), 0)
    changed = (half != framed_room()).any(axis=2)[VIEW].mean()
    assert changed == pytest.approx(0.5, abs=0.05)


def test_blur_leaves_the_light_and_takes_the_edges() -> None:
    before, after = framed_room()[VIEW], inject(blur(2), framed_room(), 0)[VIEW]
    assert after.mean() == pytest.approx(before.mean(), rel=0.02)
    assert np.abs(np.diff(after.astype(int), axis=1)).mean() < 5


@pytest.mark.parametrize("change", [mask_shapes(0.3), dim(0.5), cover(0.3), blur(1)])
def test_the_bars_stay_and_the_same_seed_changes_alike(change: Change) -> None:
    first, second = (inject(change, framed_room(), seed=7) for _ in range(2))
    assert (first == second).all()
    assert first[:8].max() == first[-8:].max() == 0


def test_every_injection_has_a_name_of_its_own_and_what_it_needs() -> None:
    found = all_injections()
    assert len({it.name for it in found}) == len(found)
    unchanged = [it.name for it in found if it.kind == "picture" and it.change is None]
    assert unchanged == [UNTOUCHED]
    assert {it.turned_deg for it in found if it.kind == "camera"} == {5, 15, 40}
    assert sum(it.must for it in found) == 5


def test_who_sits_is_said_to_bend_once_meaning_changes() -> None:
    resolve = other_meaning({"sit": "sitting", "walk": "walking"}.get)
    assert (resolve("sit"), resolve("walk"), resolve("fly")) == (
        "bending",
        "walking",
        None,
    )
