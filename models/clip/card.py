"""A checkpoint's card: what its picture tower looks at, and how frames are averaged.

The card is a file ``card.json`` in the checkpoint's folder. A folder without one is a
checkpoint of whole pictures, all of whose frames weigh the same.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, final, get_args

from models.errors import CheckpointError

CARD_NAME = "card.json"

View = Literal["picture", "person", "pose"]
"""What a recogniser is shown of a camera's picture: all of it, each person's own pixels
with the background covered, or each person's pose as a drawing."""


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


def with_view(card: Card, view: View | None, checkpoint: str) -> Card:
    """Return a card with another view; None keeps its own.

    A picture tower that was trained on drawings can say nothing about a camera's
    pixels, and the other way round.

    Args:
        card: The checkpoint's card.
        view: The view that is asked for.
        checkpoint: Its name, for the error.

    Raises:
        CheckpointError: If one of both views is ``pose`` and the other is not.
    """
    if view is None:
        return card
    if "pose" in (card.view, view) and card.view != view:
        problem = (
            f"its card names the view {card.view}, so the view {view} is of no use;"
            " leave out the view, or choose another checkpoint"
        )
        raise CheckpointError(checkpoint, problem)
    return replace(card, view=view)


def write_card(folder: Path, card: Card) -> None:
    """Write the card of a checkpoint."""
    text = json.dumps(asdict(card), indent=2) + "\n"
    (folder / CARD_NAME).write_text(text, encoding="utf-8")
