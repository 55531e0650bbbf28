from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.models.hub_rig import NAME, REVISION, Hub, said_of, serving

LOAD = """
import sys
from models.clip.encoder import load_clip
from models.errors import CheckpointError
try:
    print(load_clip(sys.argv[1]).name)
except CheckpointError as err:
    print(err)
"""
load = partial(said_of, LOAD)


@pytest.fixture
def hub(tiny_folder: Path) -> Iterator[Hub]:
    with serving(tiny_folder) as hub:
        yield hub


@pytest.mark.slow
def test_checkpoint_is_fetched_by_its_name_once(hub: Hub, tmp_path: Path) -> None:
    assert load(hub.address, tmp_path) == NAME
    assert f"GET /{NAME}/resolve/{REVISION}/model.safetensors" in hub.asked
    hub.asked.clear()
    assert load(hub.address, tmp_path) == NAME
    assert hub.asked == []


@pytest.mark.slow
def test_name_that_the_hub_does_not_know_is_refused(hub: Hub, tmp_path: Path) -> None:
    expected = "no such folder, and the hub has no model of this name"
    assert load(hub.address, tmp_path, "clinic/other") == f"clinic/other: {expected}"


@pytest.mark.slow
def test_hub_that_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    message = load("http://127.0.0.1:9", tmp_path)
    assert message.startswith(
        f"{NAME}: no such folder, and the hub cannot be reached: "
    )
    assert "\n" not in message
