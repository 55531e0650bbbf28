"""Stories hold what their labels say, at every place of the body."""

from functools import cache

import numpy as np
import pytest

from models.prompts.prompt_file import bundled_prompt_set
from pipelines.lab.simulation.worn.daily import OTHER
from pipelines.lab.simulation.worn.path import STANDARD_GRAVITY_MPS2
from pipelines.lab.simulation.worn.places import PLACES
from pipelines.lab.simulation.worn.stories import STORY_LABELS, Story, tell_story

RATE_HZ = 50.0
COUNT = 60


@cache
def stories(place: str) -> list[Story]:
    generators = [np.random.default_rng((7, number)) for number in range(COUNT)]
    return [tell_story(rng, RATE_HZ, place) for rng in generators]


def peak_g(story: Story) -> float:
    sizes = np.linalg.norm(story.samples[:, :3], axis=1)
    return float(sizes.max()) / STANDARD_GRAVITY_MPS2


def test_the_generator_determines_a_story() -> None:
    first, same = (tell_story(np.random.default_rng(3), RATE_HZ) for _ in range(2))
    other = tell_story(np.random.default_rng(4), RATE_HZ)
    assert first.labels == same.labels
    np.testing.assert_array_equal(first.samples, same.samples)
    assert not np.array_equal(first.samples, other.samples)


@pytest.mark.no_cover
@pytest.mark.parametrize("place", list(PLACES))
def test_labels_are_those_of_a_ward_and_each_sample_has_one(place: str) -> None:
    known = {*STORY_LABELS, OTHER}
    assert set(STORY_LABELS) <= set(bundled_prompt_set().labels)
    for story in stories(place):
        assert len(story.labels) == len(story.samples)
        assert set(story.labels) <= known
        assert np.isfinite(story.samples).all()


@pytest.mark.no_cover
@pytest.mark.parametrize("place", list(PLACES))
def test_a_fall_comes_after_a_while_and_ends_in_lying(place: str) -> None:
    falls = [story for story in stories(place) if story.has_fall]
    assert 0.1 < len(falls) / COUNT < 0.6
    for story in falls:
        labels = np.array(story.labels)
        first = int(np.flatnonzero(labels == "falling")[0])
        assert first > 2 * RATE_HZ
        assert "fallen" in labels[first:]
        assert "fallen" not in labels[:first]
        at_most_s = np.count_nonzero(labels == "falling") / RATE_HZ
        assert at_most_s < 5


@pytest.mark.no_cover
@pytest.mark.parametrize("place", list(PLACES))
def test_most_falls_hit_harder_than_most_days(place: str) -> None:
    told = stories(place)
    falls = np.median([peak_g(story) for story in told if story.has_fall])
    days = np.median([peak_g(story) for story in told if not story.has_fall])
    assert 2.0 < falls < 8.0
    assert falls > days


def test_some_days_shake_a_wrist_harder_than_some_falls() -> None:
    told = stories("wrist")
    falls = [peak_g(story) for story in told if story.has_fall]
    days = [peak_g(story) for story in told if not story.has_fall]
    assert np.percentile(days, 90) > np.percentile(falls, 25)


def test_a_trunk_leans_little_in_standing_and_much_after_a_fall() -> None:
    for story in stories("waist"):
        if not story.has_fall:
            continue
        labels = np.array(story.labels)
        upward = story.samples[:, 2] / STANDARD_GRAVITY_MPS2
        down = np.median(upward[labels == "fallen"])
        assert down < 0.6
        if (labels == "walking").sum() > RATE_HZ:
            assert np.median(upward[labels == "walking"]) > 0.7
