"""A checkpoint's card: what its picture tower looks at, and how frames are averaged.

The card is a file ``card.json`` in the checkpoint's folder. A folder without one is a
checkpoint of whole pictures, all of whose frames weigh the same.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, final, get_args

from models.errors import CheckpointError

CARD_NAME = "card.json"

View = Literal["picture", "pose"]
"""What a recogniser is shown of a camera's picture: all of it, or a person's pose."""


@final
@dataclass(frozen=True, slots=True)
class Card:
    """Facts about a checkpoint that transformers has no place for.

    ``recency`` is the weight of a frame relative to that of the frame one grid step
    later, above 0, at most 1; 1 is the plain mean.
    """

    view: View = "picture"
    recency: float = 1.0


def read_card(folder: Path) -> Card:
    """Read the card of a checkpoint.

    Raises:
        CheckpointError: If it is damaged.
    """
    path = folder / CARD_NAME
    if not path.exists():
        return Card()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        card = Card(**content)
        is_right = card.view in get_args(View) and 0 < float(card.recency) <= 1
    except (OSError, ValueError, TypeError) as err:
        raise CheckpointError(str(path), f"cannot be read ({err})") from err
    if not is_right:
        problem = f"view must be one of {get_args(View)}, and recency above 0 to 1"
        raise CheckpointError(str(path), problem)
    return card


def write_card(folder: Path, card: Card) -> None:
    """Write the card of a checkpoint."""
    text = json.dumps(asdict(card), indent=2) + "\n"
    (folder / CARD_NAME).write_text(text, encoding="utf-8")
