"""The models that studies of SC-CLIP compare: frozen CLIP, and SC-CLIP by its heads."""

from jaxtyping import Float32
from torch import Tensor

from models.sc_clip.model import ScAnswer

MODELS = ("frozen", "sc-clip", "sc-clip query", "sc-clip average")


def logits_by_head(answer: ScAnswer) -> dict[str, Float32[Tensor, "clip label"]]:
    """Return the logits of each head of SC-CLIP by its name in ``MODELS``."""
    if answer.query is None:
        return {"sc-clip": answer.video}
    return {
        "sc-clip": answer.video,
        "sc-clip query": answer.query,
        "sc-clip average": (answer.video + answer.query) / 2,
    }
