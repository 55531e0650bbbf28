"""What is shipped: the tokenizer, the checkpoint and the prompt sets.

NOTICE.txt beside this file names what comes from others, and its licence.
"""

from importlib.resources import files
from pathlib import Path

_FOLDER = Path(str(files("models.bundled")))

TOKENIZER_FOLDER = _FOLDER / "tokenizer"
"""The first merges of CLIP's vocabulary, as ``models.new_checkpoint`` made them."""

CHECKPOINT_FOLDER = _FOLDER / "ward-clip"
"""The small CLIP checkpoint that needs no download."""

ADAPTATION_FILE = CHECKPOINT_FOLDER / "is-clip.safetensors"
"""IS-CLIP on that checkpoint: what is recognised with where all else is as shipped."""

NO_ADAPTATION = Path("none")
"""How a person asks for temporal clip averaging instead."""

PROMPT_SET_FILE = _FOLDER / "ward.yaml"
"""The prompt set that is used where none is named."""

CANARY_FILE = _FOLDER / "canary.npz"
"""Eight pictures of a simulated fall, one window, to test recognition by."""
