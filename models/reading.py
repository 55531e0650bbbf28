"""Errors that readers of damaged checkpoint files raise, and their one-line form."""

from pickle import UnpicklingError

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

READ_ERRORS = (
    OSError,
    ValueError,  # also JSON and UTF-8
    TypeError,
    KeyError,
    AttributeError,
    RuntimeError,
    EOFError,
    UnpicklingError,
    SafetensorError,
    StrictDataclassError,
)
"""Errors that torch and transformers raise for a damaged file."""


def one_line(err: BaseException) -> str:
    """Return the error's message on one line, at most 200 characters."""
    text = " ".join(str(err).split()) or type(err).__name__
    return text if len(text) <= 200 else text[:197] + "..."
