"""The commands ``wardwatch model …``: what a checkpoint is and what it answers."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.table import Table

from services.options import PromptsOption

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
    clip, prompt_set = recognizer.clip, recognizer.prompt_set
    bank = recognizer.text_bank
    likeness = bank @ bank.T
    labels = prompt_set.labels
    rows = []
    for i, label in enumerate(labels):
        likeness[i, i] = -1.0
        nearest = int(likeness[i].argmax())
        rows.append(
            {
                "label": label,
                "event": prompt_set.events[label],
                "priority": prompt_set.priorities[prompt_set.events[label]],
                "nearest": labels[nearest],
                "cosine": round(float(likeness[i, nearest]), 3),
            }
        )
    facts = {
        "model": clip.name,
        "parameters": sum(p.numel() for p in clip.model.parameters()),
        "image_size_px": clip.image_size_px,
        "dim": clip.dim,
        "logit_scale": round(clip.logit_scale, 2),
        "prompt_set": prompt_set.id,
    }
    if as_json:
        typer.echo(json.dumps({**facts, "labels": rows}))
        return
    console = Console()
    for name, value in facts.items():
        console.print(f"[bold]{name}[/]  {escape(str(value))}", highlight=False)
    table = Table("label", "event", "priority", "nearest label", "cosine", box=None)
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    console.print(table)
    card = Path(checkpoint or CHECKPOINT_FOLDER) / "README.md"
    if card.is_file():
        console.print(Markdown(_without_header(card.read_text())))


def _without_header(card: str) -> str:
    """Return a card without the YAML block that hubs read."""
    if card.startswith("---\n"):
        return card.split("---\n", 2)[2]
    return card
