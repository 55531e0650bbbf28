"""What is fetched for SAM; ``test_checkpoint_hub`` has what CLIP's checkpoints need."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.models.hub_rig import NAME, REVISION, Hub, said_of, serving
from tests.tiny_sam import save_tiny_sam

LOAD = """
import sys
from models.errors import CheckpointError
from models.masking.sam import load_any_sam
try:
    print(type(load_any_sam(sys.argv[1])).__name__)
except CheckpointError as err:
    print(err)
"""
load = partial(said_of, LOAD)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serving(save_tiny_sam(tmp_path / "sam")) as hub:
        yield hub


@pytest.mark.slow
def test_sam_is_fetched_by_its_name_once(hub: Hub, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert load(hub.address, cache) == "TransformersSegmenter"
    assert f"GET /{NAME}/resolve/{REVISION}/model.safetensors" in hub.asked
    hub.asked.clear()
    assert load(hub.address, cache) == "TransformersSegmenter"
    assert hub.asked == []


@pytest.mark.slow
def test_what_is_on_the_hub_and_no_checkpoint_is_refused(
    hub: Hub, tmp_path: Path
) -> None:
    (hub.folder / "model.safetensors").unlink()
    expected = f"{NAME}: on the hub, it holds no model.safetensors or pytorch_model.bin"
    assert load(hub.address, tmp_path / "cache") == expected


@pytest.mark.slow
def test_name_that_the_hub_does_not_know_is_refused(hub: Hub, tmp_path: Path) -> None:
    expected = "no such folder, and the hub has no model of this name"
    name = "clinic/other"
    assert load(hub.address, tmp_path / "cache", name) == f"{name}: {expected}"


@pytest.mark.slow
def test_hub_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    message = load("http://127.0.0.1:9", tmp_path)
    assert message.startswith(
        f"{NAME}: no such folder, and the hub cannot be reached: "
    )
    assert "\n" not in message
