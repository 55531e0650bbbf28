from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models.clip import load_clip
from models.prompt_file import bundled_prompt_set
from pipelines.simulation.footage import Stream
from pipelines.training.default import Recipe, train

TINY = Recipe(
    recordings=2, recording_s=6.0, image_size_px=32, steps=4, windows=2, warmup_steps=2
)


class Stopped(Exception):
    """A person has pulled the plug."""


def silent(stage: str, done: int, total: int, note: str) -> None:
    pass


@pytest.mark.slow
@pytest.mark.gst
def test_a_run_that_was_stopped_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    whole = train(TINY, bundled_prompt_set(), tmp_path / "whole", silent)

    def stop_after_two(stage: str, done: int, total: int, note: str) -> None:
        if stage == "training" and done == 2:
            raise Stopped

    broken = tmp_path / "broken"
    with pytest.raises(Stopped):
        train(TINY, bundled_prompt_set(), broken, stop_after_two, save_every=1)
    stages: list[tuple[str, int]] = []
    resumed = train(
        TINY, bundled_prompt_set(), broken, lambda s, d, t, n: stages.append((s, d))
    )
    # It goes on from the last saved step, which is the first.
    assert [done for stage, done in stages if stage == "training"] == [3, 4]
    assert load_clip(resumed).image_size_px == TINY.image_size_px
    weights = [load_file(folder / "model.safetensors") for folder in (whole, resumed)]
    for name, value in weights[0].items():
        torch.testing.assert_close(value, weights[1][name], atol=2e-3, rtol=1e-2)


def test_a_folder_of_another_recipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text("{}\n")
    with pytest.raises(ValueError, match=r"recipe\.json holds another recipe"):
        train(TINY, bundled_prompt_set(), tmp_path, silent)


def test_the_recipe_takes_its_seeds_from_the_training_stream_alone() -> None:
    assert {plan.stream for plan in Recipe().plans()} == {Stream.TRAINING}
    assert {plan.seed for plan in replace(Recipe(), seed=5).plans()} == {5}
