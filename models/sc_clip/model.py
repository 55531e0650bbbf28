"""SC-CLIP: clusters of similar patches, followed through a clip, describe the action.

                     ┌─▶ raw tail (frozen) ─▶ dense tokens ─▶ semantic masks ─┐
    pixels ─▶ trunk ─┤                                                        │
            (frozen) └─▶ student tail ─┬─▶ query adapter ─▶ queries ◀─────────┤
                         (one block    │                    │     └─▶ y       │
                         is trained)   ├─▶ cross-attention ◀┴─────────────────┘
                                       │      └─▶ f'
                                       └─▶ auxiliary adapter ─▶ x_a

The trained parts are the last block but one of CLIP's picture tower and two adapters:
21.26 million parameters for ViT-B/16. Raw and student tail differ from that block
onward, so the blocks before it, the trunk, run once for both. The per-frame part of the
result (``frame_state``) can be stored while windows slide over a stream; only
``clip_answer`` combines frames. Both ways give the same result, unless rounding moves
the cosine of two clusters across delta.

Where the paper is silent or differs from the released code: clusters are those of one
clip, never of a batch; frames beyond the edge of a clip are masked (``zero_pad_compat``
uses the code's zeros); predictions use f', as in the paper (``head="query"`` uses the
code's y); cosines have the same scale in training and prediction, where the code
predicts with 70.

Source: Quan et al. 2025, Pattern Recognition, doi:10.1016/j.patcog.2025.111402. See
``models.sc_clip.parts`` for masks, adapters and cross-attention,
``models.sc_clip.settings`` for settings, and ``models.sc_clip.file`` for files.
"""

import copy
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from transformers import CLIPModel
from transformers.models.clip.modeling_clip import CLIPEncoderLayer

from models.sc_clip.parts import (
    Adapter,
    AdapterKind,
    cross_attend,
    pool_queries,
    scale_windows,
    semantic_masks,
)
from models.sc_clip.settings import ScSettings


@final
@dataclass(frozen=True, slots=True, eq=False)
class FrameState:
    """SC-CLIP's result for frames before frames are combined.

    Attributes:
        dense: The raw tower's patch tokens in the space of the texts, of any norm.
        inner: The student's tokens before its last block.
        last: The student's tokens after its last block.
    """

    dense: Float[Tensor, "frame patch dim"]
    inner: Float[Tensor, "frame token hidden"]
    last: Float[Tensor, "frame token hidden"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class ScHeads:
    """The three features of clips, of any norm, in the space of the texts.

    Attributes:
        video: f' of each frame.
        query: y; None without semantic queries.
        auxiliary: x_a of each frame; None if it was not computed.
    """

    video: Float[Tensor, "clip time dim"]
    query: Float[Tensor, "clip dim"] | None
    auxiliary: Float[Tensor, "clip time dim"] | None


@final
@dataclass(frozen=True, slots=True, eq=False)
class ScAnswer:
    """The logits of clips: of the chosen head and of each head that was computed."""

    logits: Float32[Tensor, "clip label"]
    video: Float32[Tensor, "clip label"]
    query: Float32[Tensor, "clip label"] | None
    auxiliary: Float32[Tensor, "clip label"] | None


@final
class ScClip(nn.Module):
    """SC-CLIP on any CLIP model. A new model is in evaluation mode.

    Before training the adapters are identities and the student's blocks equal CLIP's.
    Frozen parts stay in evaluation mode during training.

    ``clip`` is frozen and not copied; the trained parts are copies.

    Attributes:
        student: The trained blocks, by their number; the first is 1.
        shared_blocks: Number of blocks in the trunk.

    Raises:
        ValueError: If the picture tower has fewer than two blocks, or a trained layer
            is not one of them, or is the last.
    """

    def __init__(self, clip: CLIPModel, settings: ScSettings) -> None:
        super().__init__()
        config = clip.vision_model.config
        self._layers: int = config.num_hidden_layers
        trained = _trained_layers(settings, self._layers)
        self.settings = settings
        self.shared_blocks = (min(trained) if trained else self._layers) - 1
        self.clip = clip
        self.clip.requires_grad_(requires_grad=False)
        self.student = nn.ModuleDict(
            {str(layer): copy.deepcopy(self._raw_block(layer)) for layer in trained}
        )
        self.student.requires_grad_(requires_grad=True)
        generator = torch.Generator().manual_seed(settings.seed)

        def adapter(kind: AdapterKind) -> Adapter:
            made = Adapter(
                kind,
                config.hidden_size,
                config.num_attention_heads,
                zero_pad_compat=settings.zero_pad_compat,
                generator=generator,
            )
            return made.to(device=clip.device, dtype=clip.dtype)

        self.auxiliary_adapter = adapter(settings.auxiliary_adapter)
        self.query_adapter: Adapter | None = None
        if settings.semantic_queries:
            self.query_adapter = adapter(settings.query_adapter)
        side = config.image_size // config.patch_size
        self._window_sizes = scale_windows(settings.window_sizes, side)
        self.train(mode=False)

    def train(self, mode: bool = True) -> "ScClip":
        """Set training or evaluation mode; frozen parts stay in evaluation mode."""
        super().train(mode)
        self.clip.train(mode=False)
        return self

    def trainable_parameters(self) -> list[nn.Parameter]:
        """Return the trained parameters in a fixed order."""
        return [value for value in self.parameters() if value.requires_grad]

    def forward(
        self,
        pixels: Float[Tensor, "clip time 3 height width"],
        text: Float[Tensor, "label dim"],
    ) -> ScAnswer:
        """Score clips, independently of each other.

        Pictures are normalised and of the model's own size; texts have unit norm.

        Raises:
            ValueError: If the clips hold no frame.
        """
        state = self.frame_state(pixels.flatten(0, 1))
        return self.score(self.clip_answer(state, clips=len(pixels)), text)

    def frame_state(self, pixels: Float[Tensor, "frame 3 height width"]) -> FrameState:
        """Encode frames, independently of each other, with gradients where enabled.

        Pictures are normalised and of the model's own size.
        """
        return self.finish(self.trunk(pixels))

    @torch.no_grad()
    def trunk(
        self, pixels: Float[Tensor, "frame 3 height width"]
    ) -> Float[Tensor, "frame token hidden"]:
        """Run the frozen blocks that both tails share."""
        vision = self.clip.vision_model
        tokens = vision.pre_layrnorm(vision.embeddings(pixels.to(self.clip.dtype)))
        for layer in range(1, self.shared_blocks + 1):
            tokens = self._raw_block(layer)(tokens, None)
        shared: Tensor = tokens
        return shared

    def finish(self, trunk: Float[Tensor, "frame token hidden"]) -> FrameState:
        """Run both tails on the output of ``trunk``."""
        layers = range(self.shared_blocks + 1, self._layers + 1)
        with torch.no_grad():
            raw = trunk
            for layer in layers:
                raw = self._raw_block(layer)(raw, None)
            dense = self._project(raw[:, 1:])
        inner = trunk
        for layer in layers[:-1]:
            inner = self._student_block(layer)(inner, None)
        last = self._raw_block(self._layers)(inner, None)
        return FrameState(dense, inner, last)

    def masks(
        self, dense: Float[Tensor, "time patch dim"]
    ) -> Bool[Tensor, "cluster time patch"]:
        """Cluster the patches of one clip."""
        return semantic_masks(dense, self._window_sizes, self.settings.delta)

    def clip_answer(
        self, state: FrameState, *, clips: int = 1, auxiliary: bool = True
    ) -> ScHeads:
        """Combine the frames of each clip.

        The frames of several clips have equal numbers, one clip after the other.
        ``auxiliary`` says whether to compute x_a, which only the loss needs.

        Raises:
            ValueError: If there is no frame, or the clips have different lengths.
        """
        frames = len(state.last)
        if frames == 0 or clips < 1 or frames % clips:
            msg = f"{frames} frames for {clips} clips, expected equally many for each"
            raise ValueError(msg)
        last, inner, dense = (
            tokens.reshape(clips, -1, *tokens.shape[1:])
            for tokens in (state.last, state.inner, state.dense)
        )
        added: Tensor | None = None
        if auxiliary:
            mean = self.auxiliary_adapter(last).mean(dim=2)
            added = self.clip.visual_projection(mean)  # x_a, without a layer norm
        if self.query_adapter is None:
            return ScHeads(self._project(last[:, :, 0]), None, added)
        adapted = self.query_adapter(last)
        answers = [self._ask(*clip) for clip in zip(dense, inner, adapted, strict=True)]
        videos, queries = zip(*answers, strict=True)
        return ScHeads(torch.stack(videos), torch.stack(queries), added)

    def _ask(
        self,
        dense: Float[Tensor, "time patch dim"],
        inner: Float[Tensor, "time token hidden"],
        adapted: Float[Tensor, "time token hidden"],
    ) -> tuple[Float[Tensor, "time dim"], Float[Tensor, " dim"]]:
        """Return f' of each frame of one clip, and its y."""
        masks = self.masks(dense)
        queries = pool_queries(adapted, masks)
        seen = cross_attend(self._raw_block(self._layers), queries, inner, masks)
        normed = self.clip.vision_model.post_layernorm(seen)
        video = self.clip.visual_projection(normed.mean(dim=1))
        return video, self.clip.visual_projection(queries.mean(dim=0))

    def score(self, heads: ScHeads, text: Float[Tensor, "label dim"]) -> ScAnswer:
        """Compare features with texts; average the logits of frames over each clip."""

        def logits(features: Tensor) -> Tensor:
            with torch.autocast(features.device.type, enabled=False):
                unit = normalize(features.float(), dim=-1)
                return self.settings.scale * unit @ text.float().T

        video = logits(heads.video).mean(dim=1)
        query = None if heads.query is None else logits(heads.query)
        added = None if heads.auxiliary is None else logits(heads.auxiliary).mean(dim=1)
        chosen = video
        if query is not None and self.settings.head != "video":
            chosen = query if self.settings.head == "query" else (video + query) / 2
        return ScAnswer(chosen, video, query, added)

    def loss(
        self, answer: ScAnswer, labels: Int64[Tensor, " clip"]
    ) -> Float32[Tensor, ""]:
        """Compute the loss, a weighted sum over the heads.

        Without semantic queries the query head's term is left out.

        Raises:
            ValueError: If ``alpha`` is not zero and there are no auxiliary logits.
        """
        alpha, beta = self.settings.alpha, self.settings.beta
        total = cross_entropy(answer.video, labels)  # eq. 7, and its two terms below
        if alpha > 0:
            if answer.auxiliary is None:
                msg = f"no auxiliary logits for a loss with alpha {alpha}"
                raise ValueError(msg)
            total = total + alpha * cross_entropy(answer.auxiliary, labels)
        if answer.query is not None and beta > 0:
            total = total + beta * cross_entropy(answer.query, labels)
        return total

    def _raw_block(self, layer: int) -> CLIPEncoderLayer:
        """Return one of CLIP's own blocks; the first is 1, as in the paper."""
        block = self.clip.vision_model.encoder.layers[layer - 1]
        assert isinstance(block, CLIPEncoderLayer)  # as CLIPModel builds them
        return block

    def _student_block(self, layer: int) -> nn.Module:
        name = str(layer)
        return self.student[name] if name in self.student else self._raw_block(layer)

    def _project(
        self, tokens: Float[Tensor, "*batch hidden"]
    ) -> Float[Tensor, "*batch dim"]:
        """Project tokens into the space of the texts, as CLIP does its class token."""
        normed = self.clip.vision_model.post_layernorm(tokens)
        projected: Tensor = self.clip.visual_projection(normed)
        return projected


def _trained_layers(settings: ScSettings, layers: int) -> tuple[int, ...]:
    if layers < 2:
        msg = f"a picture tower of {layers} blocks, expected at least two"
        raise ValueError(msg)
    if settings.trained_layers is None:
        return (layers - 1,)
    for layer in settings.trained_layers:
        if not 1 <= layer < layers:
            msg = f"trained layer {layer}, expected 1 to {layers - 1}"
            raise ValueError(msg)
    return tuple(sorted(set(settings.trained_layers)))
