"""IS-CLIP: CLIP on the frames of a window, strengthened by a wearable's samples.

    acc, gyro ─spectrograms─▶ one encoder for both ─▶ joint ─▶ f_IMU ──────┬─────────┐
                                                                           ▼         ▼
    frames ─▶ trunk ─┬─▶ last blocks, projection: student ─▶ f_v ─▶ SIRM ─▶ f' ─SGAM─▶ v
                     └─▶ the same, frozen: teacher ─distils─▶ f_v

Source: He et al., "Inertial Strengthened CLIP model for Zero-shot Multimodal Egocentric
Activity Recognition". Where the paper is silent, these are our choices: windows of 8
frames; f_v at unit norm, so that an untrained IS-CLIP equals CLIP with averaged frames;
no biases in SIRM (``models.is_clip.fusion``); the encoder
(``models.is_clip.spectrogram``); windows with gaps; subjects without a wearable or
without a camera.

Student and teacher share the frozen trunk, which runs once for both; its output can be
stored for a whole training. With late fusion only f_IMU is in use, beside CLIP's own
frames; see ``models.is_clip.scorers``. A frame's feature does not depend on its window,
so each frame is encoded once however many windows contain it.
SGAM's weights belong to positions in the window, so the time between frames must be the
same in use as in training.
"""

import copy
import math
from dataclasses import dataclass, replace
from typing import Literal, final, get_args

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from transformers import CLIPModel

from models.clip.encoder import MAX_LOGIT_SCALE
from models.is_clip.fusion import Sgam, Sirm, SirmMode, distillation
from models.is_clip.spectrogram import ImuEncoder
from models.is_clip.tower import (
    TRAINED_BLOCKS,
    finish,
    trunk_tokens,
)

Sensors = Literal["both", "acc", "gyro"]


@final
@dataclass(frozen=True, slots=True)
class IsClipSettings:
    """The parts and losses of an IS-CLIP.

    Attributes:
        sirm: Whether the samples change the frames' features.
        sgam: Whether the samples weigh the frames; otherwise all weights are equal.
        sensors: Which spectrograms are used.
        mode: How SIRM changes the frames of a window; see ``Sirm``.
        heads: Attention heads of SIRM; divides the dimension of CLIP's space.
        imu_width: Width of the encoder's output for each sensor; a multiple of 64.
        ordered: Whether the encoder keeps the quarters of a window apart.
        imu_weight: Weight of the loss of the samples alone, which is our addition.
            Without it f_IMU is not near the texts, and a subject without a camera
            cannot be recognised. At 0 the loss is the paper's.
        video_weight: Weight of the loss of the student's frames alone, also our
            addition, for times when the wearable is silent.

    Raises:
        ValueError: If a value is out of its range.
    """

    sirm: bool = True
    sgam: bool = True
    sensors: Sensors = "both"
    mode: SirmMode = "broadcast"
    heads: int = 8
    imu_width: int = 512
    ordered: bool = False
    imu_weight: float = 0.5
    video_weight: float = 0.0

    def __post_init__(self) -> None:
        for name, ok, expected in (
            ("sensors", self.sensors in get_args(Sensors), "both, acc or gyro"),
            ("mode", self.mode in get_args(SirmMode), "broadcast, gate or residual"),
            ("heads", self.heads > 0, "at least one"),
            ("imu_weight", 0 <= self.imu_weight < math.inf, "0 or above and finite"),
            (
                "video_weight",
                0 <= self.video_weight < math.inf,
                "0 or above and finite",
            ),
        ):
            if not ok:
                msg = f"{name} {getattr(self, name)!r}, expected {expected}"
                raise ValueError(msg)

    def for_space(self, dim: int) -> "IsClipSettings":
        """Return these settings with widths that suit a CLIP space of ``dim``."""
        return replace(self, heads=math.gcd(8, dim), imu_width=max(64, dim // 64 * 64))


@final
class IsClip(nn.Module):
    """CLIP with a student of its last two blocks and projection, and a wearable's part.

    A new model is in evaluation mode.

    Args:
        model: Teacher and trunk, of any dtype. It is frozen and otherwise unchanged.
            The trained parts are float32 and on its device.
        settings: Settings of the parts.
        frames: Positions in a window, N.
        seed: Seed of the new weights; torch's global random state is not changed.

    Raises:
        ValueError: If ``frames`` is not positive, the heads do not divide the dimension
            of CLIP's space, or ``imu_width`` is not a multiple of 64.
    """

    def __init__(
        self,
        model: CLIPModel,
        settings: IsClipSettings,
        *,
        frames: int = 8,
        seed: int = 0,
    ) -> None:
        super().__init__()
        dim = model.visual_projection.out_features
        if frames < 1:
            msg = f"a window of {frames} frames, expected at least one"
            raise ValueError(msg)
        if dim % settings.heads:
            msg = f"{settings.heads} heads do not divide a width of {dim}"
            raise ValueError(msg)
        self.settings = settings
        self.frames = frames
        self.clip = model.requires_grad_(requires_grad=False)
        last = model.vision_model.encoder.layers[-TRAINED_BLOCKS:]
        self.blocks = copy.deepcopy(last).float().requires_grad_()
        self.projection = copy.deepcopy(model.visual_projection).float()
        self.projection.requires_grad_()
        sensors = 2 if settings.sensors == "both" else 1
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.imu_encoder = ImuEncoder(settings.imu_width, ordered=settings.ordered)
            self.joint = nn.Linear(sensors * settings.imu_width, dim)
            self.sirm = (
                Sirm(dim, settings.heads, settings.mode) if settings.sirm else None
            )
            self.sgam = Sgam(dim, frames) if settings.sgam else None
        self.to(model.device)
        self.train(mode=False)

    def train(self, mode: bool = True) -> "IsClip":
        """Set the mode of the trained parts; the frozen model stays in evaluation."""
        super().train(mode)
        self.clip.train(mode=False)
        return self

    def clip_parameters(self) -> list[nn.Parameter]:
        """Return the student's parameters; the paper uses Adam at 1e-5 for them."""
        return [*self.blocks.parameters(), *self.projection.parameters()]

    def imu_parameters(self) -> list[nn.Parameter]:
        """Return all other trained parameters; the paper uses SGD at 1e-3 for them."""
        student = {id(value) for value in self.clip_parameters()}
        return [value for value in self.trained().values() if id(value) not in student]

    def trained(self) -> dict[str, nn.Parameter]:
        """Return all trained parameters by name."""
        named = self.named_parameters()
        return {name: value for name, value in named if not name.startswith("clip.")}

    def encode_frames(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> Float32[Tensor, "batch dim"]:
        """Encode normalised pictures with the student.

        Returns:
            f_v: rows of unit norm, with gradients where they are enabled.
        """
        return self.student_features(trunk_tokens(self.clip, pixels))

    def student_features(
        self, tokens: Float[Tensor, "batch token hidden"]
    ) -> Float32[Tensor, "batch dim"]:
        """Encode the output of ``trunk_tokens`` as ``encode_frames`` does."""
        return finish(self.clip, tokens, self.blocks, self.projection)

    def encode_imu(
        self,
        acc: Float32[Tensor, "clip 3 64 64"],
        gyro: Float32[Tensor, "clip 3 64 64"],
    ) -> Float32[Tensor, "clip dim"]:
        """Encode spectrogram pictures; an unused sensor is ignored.

        Returns:
            f_IMU, of any norm.
        """
        used = {"both": (acc, gyro), "acc": (acc,), "gyro": (gyro,)}
        vectors = [self.imu_encoder(each) for each in used[self.settings.sensors]]
        encoded: Tensor = self.joint(torch.cat(vectors, dim=1))
        return encoded

    def fuse(
        self,
        features: Float[Tensor, "clip time dim"],
        imu: Float32[Tensor, "clip dim"] | None = None,
        slots: Int64[Tensor, "clip time"] | None = None,
    ) -> Float32[Tensor, "clip dim"]:
        """Compute one vector for each window.

        Args:
            features: f_v, of any norm.
            imu: f_IMU, or None for subjects without a wearable. The paper does not
                cover this; the student's frames are then averaged, as in CLIP.
            slots: Each frame's position in its window, 0 to ``frames`` - 1, or -1 where
                the row holds no frame; None if all windows are full. The paper does not
                cover gaps; the frames that are present share the weight.

        Returns:
            Rows of unit norm.

        Raises:
            ValueError: If a slot is out of range, two frames share one, or a window has
                none.
        """
        places = self._places(features, slots)
        present = places >= 0
        frames = normalize(features.float(), dim=-1)
        frames = frames.masked_fill(~present[..., None], 0)
        weights = present / present.sum(dim=1, keepdim=True)
        if imu is not None and self.sirm is not None:
            frames = self.sirm(frames, imu, present)
        if imu is not None and self.sgam is not None:
            weights = self.sgam(imu, places)
        return normalize(torch.einsum("ct,ctd->cd", weights, frames), dim=-1)

    def _places(
        self, rows: Tensor, slots: Int64[Tensor, "clip time"] | None
    ) -> Int64[Tensor, "clip time"]:
        clips, time = rows.shape[:2]
        if slots is None:
            slots = torch.arange(time, device=rows.device).repeat(clips, 1)
            if time != self.frames:
                msg = f"{time} frames a window, expected {self.frames}, or their slots"
                raise ValueError(msg)
        held = slots.sort(dim=1).values
        twice = (held[:, 1:] == held[:, :-1]) & (held[:, 1:] >= 0)
        outside = (slots < -1) | (slots >= self.frames)
        if outside.any() or twice.any() or (slots < 0).all(dim=1).any():
            msg = (
                f"slots must be 0 to {self.frames - 1}, each once, or -1 for no frame,"
                " and a window must have one frame"
            )
            raise ValueError(msg)
        return slots

    def logits(
        self, vectors: Float32[Tensor, "clip dim"], texts: Float32[Tensor, "label dim"]
    ) -> Float32[Tensor, "clip label"]:
        """Compare windows with texts of unit norm, at CLIP's own frozen scale."""
        scale = self.clip.logit_scale.float().exp().clamp(max=MAX_LOGIT_SCALE)
        return scale * normalize(vectors, dim=-1) @ texts.T

    def imu_logits(
        self, imu: Float32[Tensor, "clip dim"], texts: Float32[Tensor, "label dim"]
    ) -> Float32[Tensor, "clip label"]:
        """Compare f_IMU alone with texts of unit norm, for subjects without a camera.

        The paper does not cover this. It needs a training with ``imu_weight`` above 0.
        """
        return self.logits(imu, texts)

    def loss_of_tokens(
        self,
        tokens: Float[Tensor, "frame token hidden"],
        known: Float32[Tensor, "frame dim"],
        acc: Float32[Tensor, "clip 3 64 64"],
        gyro: Float32[Tensor, "clip 3 64 64"],
        texts: Float32[Tensor, "label dim"],
        labels: Int64[Tensor, " clip"] | Float32[Tensor, "clip label"],
        slots: Int64[Tensor, "clip time"],
    ) -> dict[str, Float32[Tensor, ""]]:
        """Compute the parts of the loss; ``total`` is their weighted sum.

        Args:
            tokens: Output of ``trunk_tokens`` for all frames that have a slot, in the
                order of the slots, row by row.
            known: Output of ``teacher_features`` for the same frames.
            acc: The accelerometer's spectrograms.
            gyro: The gyroscope's spectrograms.
            texts: A unit vector for each label, from the frozen text tower.
            labels: Index of each window's text, or each text's share of each window.
            slots: As in ``fuse``.

        Raises:
            ValueError: If ``fuse`` refuses the slots.
        """
        present = slots >= 0
        learnt = self.student_features(tokens)
        empty = learnt.new_zeros(*present.shape, learnt.shape[1])
        student = empty.masked_scatter(present[..., None], learnt)
        teacher = empty.masked_scatter(present[..., None], known)
        imu = self.encode_imu(acc, gyro)
        fused = self.fuse(student, imu, slots)
        parts = {
            "clip": cross_entropy(self.logits(fused, texts), labels),
            "distillation": distillation(student, teacher, present),
            "imu": cross_entropy(self.imu_logits(imu, texts), labels),
            "video": cross_entropy(
                self.logits(self.fuse(student, None, slots), texts), labels
            ),
        }
        parts["total"] = (
            parts["clip"]
            + parts["distillation"]
            + self.settings.imu_weight * parts["imu"]
            + self.settings.video_weight * parts["video"]
        )
        return parts
