"""The bundled tokenizer, checkpoint, adaptation, prompt set and canary.

NOTICE.txt in this folder names the third-party parts and their licences.
"""

from importlib.resources import files
from pathlib import Path

_FOLDER = Path(str(files("models.bundled")))

TOKENIZER_FOLDER = _FOLDER / "tokenizer"
"""The first 4000 merges of CLIP's vocabulary."""

CHECKPOINT_FOLDER = _FOLDER / "ward-clip"
"""The small CLIP checkpoint that needs no download."""

ADAPTATION_FILE = CHECKPOINT_FOLDER / "is-clip.safetensors"
"""IS-CLIP on the bundled checkpoint; the default where nothing else is chosen."""

NO_ADAPTATION = Path("none")
"""The value of ``--adaptation`` that selects temporal clip averaging."""

PROMPT_SET_FILE = _FOLDER / "ward.yaml"
"""The default prompt set."""

CANARY_FILE = _FOLDER / "canary.npz"
"""Eight pictures of a simulated fall, one window, for the service's self-test."""
