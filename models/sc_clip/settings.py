"""Settings of SC-CLIP, and the paper's own settings.

Source: Quan et al. 2025, Pattern Recognition, doi:10.1016/j.patcog.2025.111402. See
``models.sc_clip.model`` for the model.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from models.sc_clip.parts import PAPER_SIDE, AdapterKind

Head = Literal["video", "query", "average"]
"""The head used for predictions: f', y, or the mean of their logits."""


@dataclass(frozen=True, slots=True)
class ScSettings:
    """Settings of model and loss; the defaults are the paper's for UCF101.

    Attributes:
        delta: Clusters with a cosine of their centres of at least this fuse; -1 to 1.
        scale: Factor from cosines to logits.
        alpha: Weight of the auxiliary head's loss; 0 leaves it out.
        beta: Weight of the query head's loss; 0 leaves it out.
        head: The head used for predictions.
        semantic_queries: Whether to use queries. Without them f' is the student tower's
            own feature of each frame, and there is neither y nor a query adapter.
        query_adapter: Kind of the adapter before the queries are averaged.
        auxiliary_adapter: Kind of the adapter that x_a is computed with.
        trained_layers: Trained blocks of the picture tower. The first is 1; the last
            cannot be trained. None is the last but one alone.
        window_sizes: Sides of the seeds' windows in patches of a 14 by 14 grid, 1 to
            14; they are scaled to the actual grid.
        zero_pad_compat: As in ``models.sc_clip.parts.LocalAttention``.
        seed: Seed of the adapters' initial weights.

    Raises:
        ValueError: If a value is out of its range.
    """

    delta: float = 0.9
    scale: float = 65.0
    alpha: float = 0.1
    beta: float = 0.1
    head: Head = "video"
    semantic_queries: bool = True
    query_adapter: AdapterKind = "transformer"
    auxiliary_adapter: AdapterKind = "transformer"
    trained_layers: tuple[int, ...] | None = None
    window_sizes: tuple[int, ...] = (3, 7)
    zero_pad_compat: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if not -1.0 <= self.delta <= 1.0:
            msg = f"delta {self.delta}, expected -1 to 1"
            raise ValueError(msg)
        if not 0.0 < self.scale < math.inf:
            msg = f"scale {self.scale}, expected above 0 and finite"
            raise ValueError(msg)
        for name, weight in (("alpha", self.alpha), ("beta", self.beta)):
            if not 0.0 <= weight < math.inf:
                msg = f"{name} {weight}, expected 0 at least and finite"
                raise ValueError(msg)
        if self.head not in ("video", "query", "average"):
            msg = f"head {self.head!r}, expected 'video', 'query' or 'average'"
            raise ValueError(msg)
        if self.head != "video" and not self.semantic_queries:
            msg = f"head {self.head!r} needs semantic queries"
            raise ValueError(msg)
        for kind in (self.query_adapter, self.auxiliary_adapter):
            if kind not in ("transformer", "mlp"):
                msg = f"adapter {kind!r}, expected 'transformer' or 'mlp'"
                raise ValueError(msg)
        sizes = self.window_sizes
        if not sizes or min(sizes) < 1 or max(sizes) > PAPER_SIDE:
            msg = f"window sizes {sizes}, expected one or more of 1 to {PAPER_SIDE}"
            raise ValueError(msg)


PUBLISHED: Mapping[str, ScSettings] = {
    "ucf101": ScSettings(delta=0.9, scale=65, alpha=0.1, beta=0.1),
    "hmdb51": ScSettings(delta=0.85, scale=40, alpha=0.3, beta=0.3),
    "ssv2": ScSettings(delta=0.85, scale=45, alpha=0.2, beta=0.2),
    "k400": ScSettings(delta=0.8, scale=50, alpha=1e-4, beta=0.3),
}
"""The paper's settings (its Table 1) by the data set trained on."""
