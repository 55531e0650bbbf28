"""How SC-CLIP is built and trained, and the paper's own settings.

Source: Quan et al. 2025, Pattern Recognition, doi:10.1016/j.patcog.2025.111402. See
``models.sc_clip`` for the model.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from models.sc_clip_parts import PAPER_SIDE, AdapterKind

Head = Literal["video", "query", "average"]
"""What is predicted with: f', y, or the mean of their logits."""


@dataclass(frozen=True, slots=True)
class ScSettings:
    """How SC-CLIP is built and trained; the defaults are the paper's for UCF101.

    Attributes:
        delta: Clusters whose centres have this cosine are one, -1 to 1.
        scale: Multiplies cosines into logits.
        alpha: Weight of the auxiliary head's loss; 0 leaves it out.
        beta: Weight of the query head's loss; 0 leaves it out.
        head: What is predicted with.
        semantic_queries: Without them f' is the student tower's own feature of each
            frame, there is no y, and neither is there a query adapter.
        query_adapter: Kind of the adapter that the queries are averaged from.
        auxiliary_adapter: Kind of the adapter behind x_a.
        trained_layers: Blocks of the picture tower, the first is 1, the last cannot be
            trained; None is the last but one alone.
        window_sizes: Sides of the seeds' windows in patches of a 14 by 14 grid, 1 to
            14; they are scaled to the grid at hand.
        zero_pad_compat: As ``models.sc_clip_parts.LocalAttention`` takes it.
        seed: Of the adapters' first weights.

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
            msg = f"window sizes {sizes}, expected some of 1 to {PAPER_SIDE}"
            raise ValueError(msg)


PUBLISHED: Mapping[str, ScSettings] = {
    "ucf101": ScSettings(delta=0.9, scale=65, alpha=0.1, beta=0.1),
    "hmdb51": ScSettings(delta=0.85, scale=40, alpha=0.3, beta=0.3),
    "ssv2": ScSettings(delta=0.85, scale=45, alpha=0.2, beta=0.2),
    "k400": ScSettings(delta=0.8, scale=50, alpha=1e-4, beta=0.3),
}
"""The paper's settings (its Table 1) by the data set that is trained on."""
