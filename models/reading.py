"""What damaged files of a checkpoint make their readers raise, told in one line."""

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
"""What torch and transformers let through when a file is damaged."""


def one_line(err: BaseException) -> str:
    """Say what went wrong in the error's own first words, at most 200 characters."""
    text = " ".join(str(err).split()) or type(err).__name__
    return text if len(text) <= 200 else text[:197] + "..."
