"""The commands ``wardwatch model …``: what a checkpoint is and what it answers."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from services.options import PromptsOption

if TYPE_CHECKING:
    from models.recognizer import ClipRecognizer

app = typer.Typer(no_args_is_help=True, help="Look at checkpoints and prompt sets.")


@app.callback()
def _model() -> None:
    """Keep ``show`` a command of its own."""


@app.command()
def show(
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            help="A folder or a hub name.", show_default="the shipped checkpoint"
        ),
    ] = None,
    *,
    prompts: PromptsOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, on one line.")
    ] = False,
) -> None:
    """Show a checkpoint: its size, its card, and how apart it holds the labels.

    The table gives each label's event and priority, and the other label whose texts
    lie nearest: two labels with a cosine near 1 cannot be told apart.
    """
    from models.build import build_recognizer
    from models.bundled import CHECKPOINT_FOLDER

    recognizer = build_recognizer(checkpoint, prompts)
    clip = recognizer.clip
    rows = label_rows(recognizer)
    facts = {
        "model": clip.name,
        "parameters": sum(p.numel() for p in clip.model.parameters()),
        "image_size_px": clip.image_size_px,
        "dim": clip.dim,
        "logit_scale": round(clip.logit_scale, 2),
        "prompt_set": recognizer.prompt_set.id,
    }
    if as_json:
        typer.echo(json.dumps({**facts, "labels": rows}))
        return
    console = Console()
    for name, value in facts.items():
        line = f"[bold]{name}[/]  {escape(str(value))}"
        console.print(line, highlight=False, soft_wrap=True)
    table = Table("label", "event", "priority", "nearest label", "cosine", box=None)
    for row in rows:
        table.add_row(*(escape(str(it)) for it in row.values()))
    console.print(table)
    card = Path(checkpoint or CHECKPOINT_FOLDER) / "README.md"
    if card.is_file():
        text = card.read_text(encoding="utf-8", errors="replace")
        console.print(Markdown(_without_header(text)))


def label_rows(recognizer: "ClipRecognizer") -> list[dict[str, str | float]]:
    """Describe each label, and the other one whose texts lie nearest.

    Returns:
        Rows with ``label``, ``event``, ``priority``, ``nearest`` and ``cosine``.
    """
    prompt_set, bank = recognizer.prompt_set, recognizer.text_bank
    likeness = bank @ bank.T
    rows: list[dict[str, str | float]] = []
    for i, label in enumerate(prompt_set.labels):
        likeness[i, i] = -2.0  # below every cosine
        nearest = int(likeness[i].argmax())
        rows.append(
            {
                "label": label,
                "event": prompt_set.events[label],
                "priority": prompt_set.priorities[prompt_set.events[label]],
                "nearest": prompt_set.labels[nearest],
                "cosine": round(float(likeness[i, nearest]), 3),
            }
        )
    return rows


def _without_header(card: str) -> str:
    """Return a card without the YAML block that hubs read."""
    if not card.startswith("---\n"):
        return card
    _, end, rest = card[3:].partition("\n---\n")
    return rest if end else card
