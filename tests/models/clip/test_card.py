from pathlib import Path

import pytest

from models.clip.card import CARD_NAME, Card, View, read_card, with_view, write_card
from models.errors import CheckpointError


def test_a_card_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_card(tmp_path, Card("pose", 0.7))
    assert read_card(tmp_path) == Card("pose", 0.7)


def test_a_checkpoint_without_a_card_looks_at_whole_pictures(tmp_path: Path) -> None:
    assert read_card(tmp_path) == Card("picture", 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"view": "x-ray", "recency": 1}',
        '{"view": "pose", "recency": 0}',
        '{"view": "pose", "recency": 1.5}',
        '{"view": "pose", "recency": "much"}',
        '{"sight": "pose"}',
        "[]",
    ],
)
def test_a_damaged_card_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / CARD_NAME).write_text(text)
    with pytest.raises(CheckpointError, match=CARD_NAME):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("own", "chosen"),
    [("picture", "person"), ("person", "picture"), ("pose", "pose"), ("pose", None)],
)
def test_a_view_of_the_same_kind_replaces_the_card_s(
    own: View, chosen: View | None
) -> None:
    assert with_view(Card(own, 0.7), chosen, "mine") == Card(chosen or own, 0.7)


@pytest.mark.parametrize(
    ("own", "chosen"),
    [("picture", "pose"), ("person", "pose"), ("pose", "picture"), ("pose", "person")],
)
def test_drawn_poses_and_pixels_do_not_replace_each_other(
    own: View, chosen: View
) -> None:
    line = rf"^mine: its card names the view {own}, so the view {chosen} is of no use"
    with pytest.raises(CheckpointError, match=line):
        with_view(Card(own), chosen, "mine")
