"""How IS-CLIP brings the samples to the frames, and keeps the student near the teacher.

    f_IMU ─┬─ query ─▶ attention over f_v ─▶ SIRM: f' ─┐
           └─ two layers, softmax ─▶ SGAM: weights w ──┴─▶ Σ w f'
    student, teacher ─▶ distillation: how far a frame's features are apart

See ``models.is_clip`` for the whole and its source; the equations' numbers are the
paper's.
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
    """Lets the samples change the frames: attention of f_IMU over f_v.

    Its last matrices start as zeros, so that training starts at CLIP. Keys start with
    entries of deviation 1 for frames of unit norm, or the samples would hardly tell
    one frame from another.

    Args:
        dim: Width of CLIP's space.
        heads: Divides ``dim``.
        mode: The equations give one vector a window, if read to the letter, and cannot
            be meant for each frame alone: a softmax over one key is 1. So ``broadcast``
            adds the vector to every frame, and ``gate`` multiplies every frame by 1 +
            its sigmoid. In both the samples say only which frames are listened to, for
            keys and values are the frames'. ``residual``, ours, is ``broadcast`` with
            what the samples say themselves beside it.
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
        """Return f'; only frames that are present, one at least, are attended to."""
        parts = (self._heads, -1)
        # eq. 6-8: Q = f_IMU, K = V = f_v, heads side by side through W_O, residual
        query: Tensor = self.query(imu).unflatten(-1, parts)  # clip, head, part
        key: Tensor = self.key(frames).unflatten(-1, parts)  # clip, time, head, part
        value: Tensor = self.value(frames).unflatten(-1, parts)
        scores = torch.einsum("chp,cthp->cht", query, key) / math.sqrt(query.shape[-1])
        shares = scores.masked_fill(~present[:, None], -math.inf).softmax(dim=-1)
        joined = torch.einsum("cht,cthp->chp", shares, value).flatten(1)
        told: Tensor = self.out(joined)
        if self.say is not None:
            told = told + self.say(imu)
        if self._mode == "gate":
            return frames * (1 + told[:, None].sigmoid())
        return frames + told[:, None]


@final
class Sgam(nn.Module):
    """Lets the samples weigh the frames, by their places in the window.

    Its last layer starts as zeros, so that training starts at the mean.

    Args:
        dim: Width of CLIP's space.
        frames: Places in a window.
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
    """Return one less the cosine: the mean of each window's frames, then of windows."""
    cosines = cosine_similarity(student, teacher, dim=-1) * present
    return (1 - cosines.sum(dim=1) / present.sum(dim=1)).mean()  # eq. 4
