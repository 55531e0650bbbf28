"""The files of a picture tower in eight bits, beside the checkpoint it came from.

    int8-1a2b3c4d-picture.xml    the graph, of the weights 1a2b3c4d for their view
    int8-1a2b3c4d-picture.bin    its numbers
    int8-1a2b3c4d-picture.json   what it was made of, what it costs, and a checksum

``wardwatch model quantize`` writes them.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from models.clip.encoder import ClipEncoder
from models.errors import CheckpointError
from models.reading import READ_ERRORS, one_line

_VERSION = 1
_HOW = "run wardwatch model quantize"


@dataclass(frozen=True, slots=True)
class Int8Facts:
    """What is known of a tower in eight bits.

    The costs were measured on pictures that it was not calibrated on.

    Attributes:
        checkpoint: Hash of the weights that it was made from.
        view: What it was shown of the camera's pictures.
        calibrated_on: Number of pictures that its ranges were fitted on.
        measured_on: Number of other pictures that the costs were measured on.
        agreement: Share of the latter with the same best label as in float32.
        mean_cosine: Mean cosine of the features with those in float32.
        least_cosine: Least such cosine.
        speedup: Pictures per second relative to torch, on the machine that made it.
        sha256: Checksum of graph and numbers, hexadecimal.
    """

    checkpoint: str
    view: str
    calibrated_on: int
    measured_on: int
    agreement: float
    mean_cosine: float
    least_cosine: float
    speedup: float
    sha256: str

    @property
    def variant(self) -> str:
        """What tells its scores from those in float32, for ``PictureTower``."""
        return f"int8-{self.sha256[:8]}"


def graph_path(clip: ClipEncoder, folder: Path) -> Path:
    """Return the path of the graph for these weights and their view."""
    return folder / f"int8-{clip.hash}-{clip.card.view}.xml"


def write_facts(graph: Path, facts: Int8Facts) -> None:
    """Write the facts beside the graph; without them a graph is not used."""
    content = {"version": _VERSION, **asdict(facts)}
    graph.with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n")


def checksum(graph: Path) -> str:
    """Return the SHA-256 of a graph and its numbers, hexadecimal."""
    digest = hashlib.sha256()
    for path in (graph, graph.with_suffix(".bin")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def read_facts(clip: ClipEncoder, folder: Path) -> Int8Facts | None:
    """Read the facts of the tower for these weights, and check its files.

    Returns:
        None if there is no such tower.

    Raises:
        CheckpointError: If a file is missing, damaged or of another version.
    """
    graph = graph_path(clip, folder)
    path = graph.with_suffix(".json")
    if not path.is_file():
        return None
    try:
        facts = _facts(json.loads(path.read_text(encoding="utf-8")))
        found = checksum(graph)
    except READ_ERRORS as err:
        raise CheckpointError(str(path), f"{one_line(err)}; {_HOW} again") from err
    if facts.checkpoint != clip.hash:
        problem = f"is of the weights {facts.checkpoint}, not of {clip.hash}"
        raise CheckpointError(str(path), f"{problem}; {_HOW}")
    if found != facts.sha256:
        problem = "its numbers are not those that were written"
        raise CheckpointError(str(graph), f"{problem}; {_HOW} again")
    return facts


def _facts(content: Any) -> Int8Facts:  # noqa: ANN401 JSON
    if content["version"] != _VERSION:
        msg = f"version {content['version']}, expected {_VERSION}"
        raise ValueError(msg)
    return Int8Facts(**{each.name: content[each.name] for each in fields(Int8Facts)})


def missing_tower(clip: ClipEncoder, folder: Path) -> CheckpointError:
    """Return the error for a checkpoint without a tower of its weights and view."""
    others = sorted(folder.glob("int8-*.json"))
    wanted = f"{clip.hash} and the view {clip.card.view}"
    problem = f"holds no tower in eight bits for the weights {wanted}"
    if others:
        problem += f", only {', '.join(each.stem for each in others)}"
    return CheckpointError(str(folder), f"{problem}; {_HOW}")
