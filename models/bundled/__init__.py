"""The bundled tokenizer, checkpoint, adaptation, prompt set and canary.

NOTICE.txt in this folder names the third-party parts and their licences.
"""

from importlib.resources import files
from pathlib import Path

_FOLDER = Path(str(files("models.bundled")))

TOKENIZER_FOLDER = _FOLDER / "tokenizer"
"""The first 4000 merges of CLIP's vocabulary."""

CHECKPOINT_FOLDER = _FOLDER / "ward-pose"
"""The default checkpoint, a small CLIP that looks at pose pictures."""

PICTURE_CHECKPOINT_FOLDER = _FOLDER / "ward-clip"
"""A small CLIP that looks at whole pictures, for the studies that need them."""

ADAPTATION_FILE = CHECKPOINT_FOLDER / "is-clip.safetensors"
"""IS-CLIP on the bundled checkpoint; the default where nothing else is chosen."""

PICTURE_ADAPTATION_FILE = PICTURE_CHECKPOINT_FOLDER / "is-clip.safetensors"
"""IS-CLIP on the checkpoint that looks at whole pictures."""

NO_ADAPTATION = Path("none")
"""The value of ``--adaptation`` that selects temporal clip averaging."""

PROMPT_SET_FILE = _FOLDER / "ward.yaml"
"""The default prompt set."""

CANARY_FILE = _FOLDER / "canary.npz"
"""A window of eight pictures of a simulated fall, for the service's self-test: as a
camera sees it (``pixels``), and as pose pictures of another fall (``poses``)."""

WORDINGS = tuple(sorted((_FOLDER / "wordings").glob("*.yaml")))
"""Prompt sets that word the labels of the default one differently."""
