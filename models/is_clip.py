"""IS-CLIP: CLIP on the frames of a window, strengthened by the wearable's samples.

    acc, gyro ─spectrograms─▶ one encoder for both ─▶ joint ─▶ f_IMU ──────┬─────────┐
                                                                           ▼         ▼
    frames ─▶ trunk ─┬─▶ last blocks, projection: student ─▶ f_v ─▶ SIRM ─▶ f' ─SGAM─▶ v
                     └─▶ the same, frozen: teacher ─distils─▶ f_v

He et al., "Inertial Strengthened CLIP model for Zero-shot Multimodal Egocentric
Activity Recognition". Where the paper is silent, this is chosen: windows of 8 frames;
f_v at unit norm, so that an untrained IS-CLIP is CLIP with averaged frames; no biases
in SIRM (``models.is_clip_fusion``); the encoder (``models.spectrogram``); windows with
gaps; subjects without a wearable or without a camera.

Student and teacher share the trunk, which never trains: it runs once for both, and at
work the teacher does not run. What it makes of a frame can be kept for a whole
training. A frame's feature does not depend on its window, so each frame is encoded
once however many windows hold it. SGAM's weights belong to places of
the window: windows at work need the training's seconds from frame to frame.
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

from models.clip import MAX_LOGIT_SCALE
from models.is_clip_fusion import Sgam, Sirm, SirmMode, distillation
from models.is_clip_tower import (
    TRAINED_BLOCKS,
    finish,
    teacher_features,
    trunk_tokens,
)
from models.spectrogram import ImuEncoder

Sensors = Literal["both", "acc", "gyro"]


@final
@dataclass(frozen=True, slots=True)
class IsClipSettings:
    """What an IS-CLIP is made of.

    Attributes:
        sirm: Whether the samples change the frames' features.
        sgam: Whether the samples weigh the frames; if not, all weigh the same.
        sensors: Which spectrograms are used.
        mode: How SIRM changes a window's frames; see there.
        heads: Of SIRM; divides the width of CLIP's space.
        imu_width: Of what the encoder makes of each sensor; a multiple of 64.
        imu_weight: Of the loss of the samples alone, which is ours: without it f_IMU is
            nowhere near the texts, and who has no camera cannot be recognised. At 0 the
            loss is the paper's.
        video_weight: Of the loss of the student's frames alone, ours as well: for whom
            the wearable falls silent.

    Raises:
        ValueError: If a value is out of its range.
    """

    sirm: bool = True
    sgam: bool = True
    sensors: Sensors = "both"
    mode: SirmMode = "broadcast"
    heads: int = 8
    imu_width: int = 512
    imu_weight: float = 0.5
    video_weight: float = 0.0

    def __post_init__(self) -> None:
        for name, ok, expected in (
            ("sensors", self.sensors in get_args(Sensors), "both, acc or gyro"),
            ("mode", self.mode in get_args(SirmMode), "broadcast, gate or residual"),
            ("heads", self.heads > 0, "one at least"),
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
        """Return these settings, as wide as suits CLIP's space of ``dim`` numbers."""
        return replace(self, heads=math.gcd(8, dim), imu_width=max(64, dim // 64 * 64))


@final
class IsClip(nn.Module):
    """CLIP, a student of its last two blocks and projection, and the samples' part.

    It is made in evaluation mode.

    Args:
        model: Teacher and trunk, of any dtype: frozen by this, and never changed. What
            is trained is float32, and on its device.
        settings: What is made.
        frames: Places in a window, N.
        seed: Of the new weights alone; the caller's random state stays as it was.

    Raises:
        ValueError: If ``frames`` is not positive, the heads do not divide the width of
            CLIP's space, or ``imu_width`` is no multiple of 64.
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
            msg = f"a window of {frames} frames, expected one at least"
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
            self.imu_encoder = ImuEncoder(settings.imu_width)
            self.joint = nn.Linear(sensors * settings.imu_width, dim)
            self.sirm = (
                Sirm(dim, settings.heads, settings.mode) if settings.sirm else None
            )
            self.sgam = Sgam(dim, frames) if settings.sgam else None
        self.to(model.device)
        self.train(mode=False)

    def train(self, mode: bool = True) -> "IsClip":
        """Change the mode of what is trained; the frozen model stays in evaluation."""
        super().train(mode)
        self.clip.train(mode=False)
        return self

    def clip_parameters(self) -> list[nn.Parameter]:
        """Return the student's: the paper trains them with Adam at 1e-5."""
        return [*self.blocks.parameters(), *self.projection.parameters()]

    def imu_parameters(self) -> list[nn.Parameter]:
        """Return all others that are trained: in the paper, with SGD at 1e-3."""
        student = {id(value) for value in self.clip_parameters()}
        return [value for value in self.trained().values() if id(value) not in student]

    def trained(self) -> dict[str, nn.Parameter]:
        """Return all that is trained, by name."""
        named = self.named_parameters()
        return {name: value for name, value in named if not name.startswith("clip.")}

    def encode_frames(
        self, pixels: Float[Tensor, "batch 3 height width"]
    ) -> Float32[Tensor, "batch dim"]:
        """Encode normalised pictures with the student; each row can be kept.

        Returns:
            f_v: rows of unit norm, with gradients where they are enabled.
        """
        return self.student_features(trunk_tokens(self.clip, pixels))

    def student_features(
        self, tokens: Float[Tensor, "batch token hidden"]
    ) -> Float32[Tensor, "batch dim"]:
        """Encode what ``trunk_tokens`` returned, of any dtype, as ``encode_frames``."""
        return finish(self.clip, tokens, self.blocks, self.projection)

    def encode_imu(
        self,
        acc: Float32[Tensor, "clip 3 64 64"],
        gyro: Float32[Tensor, "clip 3 64 64"],
    ) -> Float32[Tensor, "clip dim"]:
        """Encode ``models.spectrogram``'s pictures; a sensor not used is not looked at.

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
        """Make one vector of each window.

        Args:
            features: f_v, of any norm.
            imu: f_IMU, or None where nobody wears anything. The paper is silent on
                that: the student's frames are then averaged, as CLIP's are.
            slots: Each frame's place in its window, 0 to ``frames`` - 1, or -1 where
                the row holds no frame; None if all windows are whole. The paper is
                silent on gaps: the frames that are there share the weight.

        Returns:
            Rows of unit norm.

        Raises:
            ValueError: If the slots are out of range, two frames share one, or a window
                has none.
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
        """Compare windows with texts of unit norm, at CLIP's own, frozen scale."""
        scale = self.clip.logit_scale.float().exp().clamp(max=MAX_LOGIT_SCALE)
        return scale * normalize(vectors, dim=-1) @ texts.T

    def imu_logits(
        self, imu: Float32[Tensor, "clip dim"], texts: Float32[Tensor, "label dim"]
    ) -> Float32[Tensor, "clip label"]:
        """Compare f_IMU alone with texts of unit norm, for who has no camera.

        The paper is silent on this. It needs a training with ``imu_weight`` above 0.
        """
        return self.logits(imu, texts)

    def loss(
        self,
        pixels: Float[Tensor, "clip time 3 height width"],
        acc: Float32[Tensor, "clip 3 64 64"],
        gyro: Float32[Tensor, "clip 3 64 64"],
        texts: Float32[Tensor, "label dim"],
        labels: Int64[Tensor, " clip"] | Float32[Tensor, "clip label"],
        slots: Int64[Tensor, "clip time"] | None = None,
    ) -> dict[str, Float32[Tensor, ""]]:
        """Compute the parts of the loss; ``total`` is their weighted sum.

        Args:
            pixels: Normalised pictures; those without a slot are not looked at.
            acc: As ``encode_imu`` takes it.
            gyro: As ``encode_imu`` takes it.
            texts: A unit vector for each label, from the frozen text tower.
            labels: Index of each window's text, or each text's share of each window.
            slots: As ``fuse`` takes it.

        Raises:
            ValueError: If ``fuse`` refuses the slots.
        """
        places = self._places(pixels, slots)
        tokens = trunk_tokens(self.clip, pixels[places >= 0])
        known = teacher_features(self.clip, tokens)
        return self.loss_of_tokens(tokens, known, acc, gyro, texts, labels, places)

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
        """Compute ``loss`` from what the frozen parts made of the frames before.

        Args:
            tokens: From ``trunk_tokens``, of all frames that have a slot, in the order
                of the slots, row by row.
            known: From ``teacher_features``, of the same frames.
            acc: As ``encode_imu`` takes it.
            gyro: As ``encode_imu`` takes it.
            texts: As ``loss`` takes it.
            labels: As ``loss`` takes it.
            slots: As ``fuse`` takes it.

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
