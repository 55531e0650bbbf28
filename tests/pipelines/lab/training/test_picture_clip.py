import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models.clip.encoder import load_clip
from models.prompts.prompt_file import bundled_prompt_set
from pipelines.errors import FolderError, TrainingError
from pipelines.lab.simulation.footage import SIMULATOR_VERSION, Stream
from pipelines.lab.training.picture_clip import Recipe, train
from pipelines.lab.training.pictures import prepare_runs
from pipelines.lab.training.recipe_file import labels_seen

# An average that follows and steps that are long: what is lost shows.
TINY = Recipe(
    recordings=2,
    recording_s=6.0,
    image_size_px=32,
    steps=4,
    blocks=((0.5, 2), (1.0, 4)),
    windows=2,
    peak_rate=1e-2,
    other_rate=1e-2,
    warmup_steps=1,
    average_decay=0.5,
)


class Stopped(Exception):
    """A person has pulled the plug."""


def silent(stage: str, done: int, total: int, note: str) -> None:
    pass


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered") / "pictures"
    prepare_runs(
        folder,
        TINY.plans(),
        image_size_px=TINY.image_size_px,
        step_ns=TINY.step_ns,
        on_done=lambda plan: None,
    )
    return folder


def begun(pictures: Path, folder: Path) -> Path:
    """A working folder whose pictures are rendered already."""
    shutil.copytree(pictures, folder / "pictures")
    return folder


@pytest.mark.slow
@pytest.mark.gst
def test_a_run_that_was_stopped_ends_where_an_unbroken_one_does(
    tmp_path: Path, pictures: Path
) -> None:
    whole = begun(pictures, tmp_path / "whole")
    train(TINY, bundled_prompt_set(), whole, silent)

    def stop_after_two(stage: str, done: int, total: int, note: str) -> None:
        if stage == "training" and done == 2:
            raise Stopped

    broken = begun(pictures, tmp_path / "broken")
    with pytest.raises(Stopped):
        train(TINY, bundled_prompt_set(), broken, stop_after_two, save_every=1)
    halfway = load_file(broken / "state.safetensors")
    stages: list[tuple[str, int]] = []
    resumed = train(
        TINY, bundled_prompt_set(), broken, lambda s, d, t, n: stages.append((s, d))
    )
    assert [done for stage, done in stages if stage == "training"] == [3, 4]
    expected = load_file(whole / "state.safetensors")
    state = load_file(broken / "state.safetensors")
    torch.testing.assert_close(state, expected, atol=1e-6, rtol=0)
    moments = ("optimiser.exp_avg.", "optimiser.momentum_buffer.")
    for kind in ("model.", "average.", "heads.", *moments):
        names = [name for name in state if name.startswith(kind)]
        moved = max((state[it] - halfway[it]).abs().max().item() for it in names)
        assert moved > 1e-4, kind
    assert load_clip(resumed).image_size_px == TINY.image_size_px
    written = (broken / "recipe.json").read_text()
    assert (resumed / "recipe.json").read_text() == written
    assert labels_seen(resumed) == bundled_prompt_set().labels
    assert labels_seen(tmp_path) is None


@pytest.mark.slow
@pytest.mark.gst
def test_a_loss_that_is_no_number_ends_the_run_before_it_is_learnt(
    tmp_path: Path, pictures: Path
) -> None:
    folder = begun(pictures, tmp_path / "run")
    wild = replace(TINY, peak_rate=1e30, other_rate=1e30)
    with pytest.raises(TrainingError, match=r"^step [234]: the loss is not finite"):
        train(wild, bundled_prompt_set(), folder, silent, save_every=1)
    # What led there is kept as it was, and nothing after it.
    assert int(load_file(folder / "state.safetensors")["step"]) < 4


@pytest.mark.slow
@pytest.mark.gst
def test_a_damaged_state_is_refused_in_one_line(tmp_path: Path, pictures: Path) -> None:
    folder = begun(pictures, tmp_path / "run")
    (folder / "state.safetensors").write_bytes(b"\xff" * 100)
    problem = r"state\.safetensors: cannot be read \(.+\); delete it to start the"
    with pytest.raises(TrainingError, match=problem):
        train(TINY, bundled_prompt_set(), folder, silent)


def test_a_folder_of_another_recipe_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text("{}\n")
    with pytest.raises(TrainingError, match=r"recipe\.json: holds another recipe"):
        train(TINY, bundled_prompt_set(), tmp_path, silent)
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.json"]
    assert (tmp_path / "recipe.json").read_text() == "{}\n"


@pytest.mark.gst
@pytest.mark.parametrize(
    ("fact", "other"), [("prompt_set", "ward@00000000"), ("simulator_version", 0)]
)
def test_other_prompts_or_another_simulator_make_another_recipe(
    tmp_path: Path, pictures: Path, fact: str, other: object
) -> None:
    folder = begun(pictures, tmp_path / "run")

    def stop(stage: str, done: int, total: int, note: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        train(TINY, bundled_prompt_set(), folder, stop)
    facts = json.loads((folder / "recipe.json").read_text())
    assert facts["prompt_set"] == bundled_prompt_set().id
    assert facts["simulator_version"] == SIMULATOR_VERSION
    (folder / "recipe.json").write_text(json.dumps(facts | {fact: other}, indent=2))
    with pytest.raises(TrainingError, match="holds another recipe, prompt set or"):
        train(TINY, bundled_prompt_set(), folder, stop)


def test_a_file_in_the_folder_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError):
        train(TINY, bundled_prompt_set(), tmp_path / "file", silent)


def test_the_recipe_takes_its_seeds_from_the_training_stream_alone() -> None:
    assert {plan.stream for plan in Recipe().plans()} == {Stream.TRAINING}
    assert {plan.seed for plan in replace(Recipe(), seed=5).plans()} == {5}
