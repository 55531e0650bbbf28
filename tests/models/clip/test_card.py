from pathlib import Path

import pytest

from models.clip.card import CARD_NAME, Card, read_card, write_card
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
