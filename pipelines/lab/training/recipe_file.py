"""The file that says what a checkpoint was trained from."""

import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from models.prompts.prompt_set import PromptSet
from pipelines.errors import TrainingError
from pipelines.lab.simulation.footage import SIMULATOR_VERSION

RECIPE_NAME = "recipe.json"


def recipe_text(recipe: Any, prompt_set: PromptSet) -> str:  # noqa: ANN401  any dataclass
    """Return a text with everything that a checkpoint comes from."""
    assert is_dataclass(recipe)
    assert not isinstance(recipe, type)
    facts = {
        **asdict(recipe),
        "prompt_set": prompt_set.id,
        "labels": prompt_set.labels,
        "simulator_version": SIMULATOR_VERSION,
    }
    return json.dumps(facts, indent=2) + "\n"


def claim(folder: Path, recipe: Any, prompt_set: PromptSet) -> None:  # noqa: ANN401
    """Write the recipe into a folder.

    Raises:
        TrainingError: If the folder holds another recipe.
    """
    path = folder / RECIPE_NAME
    text = recipe_text(recipe, prompt_set)
    if not path.exists():
        write_recipe(folder, text)
    elif path.read_text(errors="replace") != text:
        problem = "holds another recipe, prompt set or simulator"
        raise TrainingError(str(path), f"{problem}; train into another folder")


def write_recipe(folder: Path, text: str) -> None:
    """Write a recipe's text, replacing the old file whole."""
    part = (folder / RECIPE_NAME).with_suffix(".part")
    part.write_text(text)
    part.replace(folder / RECIPE_NAME)


def labels_seen(checkpoint: Path) -> tuple[str, ...] | None:
    """Return the labels that a checkpoint was trained on, or None if unknown."""
    try:
        facts = json.loads((checkpoint / RECIPE_NAME).read_text(encoding="utf-8"))
        return tuple(str(label) for label in facts["labels"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # trained by another recipe
