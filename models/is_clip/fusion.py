"""SIRM, SGAM and the distillation loss of IS-CLIP.

    f_IMU ─┬─ query ─▶ attention over f_v ─▶ SIRM: f' ─┐
           └─ two layers, softmax ─▶ SGAM: weights w ──┴─▶ Σ w f'
    student, teacher ─▶ distillation: distance of a frame's features

See ``models.is_clip.model`` for the whole model and its source. Equation numbers are
the paper's.
"""

import math
from typing import Literal, final

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

SirmMode = Literal["broadcast", "gate", "residual"]


@final
class Sirm(nn.Module):
    """Changes the frames by attention of f_IMU over f_v.

    The last matrices start at zero, so that training starts at CLIP. Keys start with
    entries of standard deviation 1 for frames of unit norm; smaller ones would hardly
    separate one frame from another.

    Args:
        dim: Dimension of CLIP's space.
        heads: Attention heads; divides ``dim``.
        mode: Read literally, the equations give one vector for each window. They cannot
            be meant for each frame alone, because a softmax over one key is 1.
            ``broadcast`` therefore adds the vector to every frame, and ``gate``
            multiplies every frame by 1 + its sigmoid. In both, keys and values come
            from the frames, so that the samples only choose among them. ``residual``,
            our addition, is ``broadcast`` plus a linear map of f_IMU itself.
    """

    def __init__(self, dim: int, heads: int, mode: SirmMode) -> None:
        super().__init__()
        self._heads = heads
        self._mode = mode
        self.query = nn.Linear(dim, dim, bias=False)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)
        self.say = nn.Linear(dim, dim, bias=False) if mode == "residual" else None
        if self.say is not None:
            nn.init.zeros_(self.say.weight)
        nn.init.normal_(self.key.weight)
        nn.init.zeros_(self.out.weight)

    def forward(
        self,
        frames: Float32[Tensor, "clip time dim"],
        imu: Float32[Tensor, "clip dim"],
        present: Bool[Tensor, "clip time"],
    ) -> Float32[Tensor, "clip time dim"]:
        """Return f'; attends only to present frames, of which there must be one."""
        parts = (self._heads, -1)
        # eq. 6-8: Q = f_IMU, K = V = f_v, heads side by side through W_O, residual
        query: Tensor = self.query(imu).unflatten(-1, parts)  # clip, head, part
        key: Tensor = self.key(frames).unflatten(-1, parts)  # clip, time, head, part
        value: Tensor = self.value(frames).unflatten(-1, parts)
        scores = torch.einsum("chp,cthp->cht", query, key) / math.sqrt(query.shape[-1])
        shares = scores.masked_fill(~present[:, None], -math.inf).softmax(dim=-1)
        joined = torch.einsum("cht,cthp->chp", shares, value).flatten(1)
        update: Tensor = self.out(joined)
        if self.say is not None:
            update = update + self.say(imu)
        if self._mode == "gate":
            return frames * (1 + update[:, None].sigmoid())
        return frames + update[:, None]


@final
class Sgam(nn.Module):
    """Weighs the frames by their positions in the window.

    The last layer starts at zero, so that training starts at the mean.
    """

    def __init__(self, dim: int, frames: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(dim, dim)
        self.places = nn.Linear(dim, frames)
        nn.init.zeros_(self.places.weight)
        nn.init.zeros_(self.places.bias)

    def forward(
        self, imu: Float32[Tensor, "clip dim"], slots: Int64[Tensor, "clip time"]
    ) -> Float32[Tensor, "clip time"]:
        """Return w: rows that sum to one over the frames, zero where the slot is -1."""
        scores: Tensor = self.places(self.hidden(imu).relu())
        own = scores.gather(1, slots.clamp(min=0))
        return own.masked_fill(slots < 0, -math.inf).softmax(dim=-1)


def distillation(
    student: Float32[Tensor, "clip time dim"],
    teacher: Float32[Tensor, "clip time dim"],
    present: Bool[Tensor, "clip time"],
) -> Float32[Tensor, ""]:
    """Return 1 - cosine, averaged over the frames of a window, then over windows."""
    cosines = cosine_similarity(student, teacher, dim=-1) * present
    return (1 - cosines.sum(dim=1) / present.sum(dim=1)).mean()  # eq. 4
