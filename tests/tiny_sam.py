"""A tiny SAM of random weights, prompts for it, and what it answers by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import SamConfig, SamImageProcessorPil, SamModel, SamProcessor

from models.clip.quiet import quiet_transformers
from models.masking.segmentation import Prompt

SIDE_PX = 64
HEIGHT, WIDTH = 40, 50
PROMPTS = (
    Prompt(((10.0, 20.0),), (1,)),
    Prompt(((30.5, 7.25), (44.0, 39.0)), (1, 0)),
    Prompt(box=(5.0, 3.0, 31.0, 30.5)),
    Prompt(((12.0, 12.0),), (0,), (2.0, 4.0, 49.0, 39.0)),
)


def tiny_sam() -> SamModel:
    """A SAM of random weights, the same every time."""
    side = {"image_size": SIDE_PX, "patch_size": 8}
    config = SamConfig(
        vision_config={
            **side,
            "hidden_size": 16,
            "output_channels": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "window_size": 4,
            "global_attn_indexes": [1],
            "num_pos_feats": 8,
            "mlp_dim": 32,
        },
        prompt_encoder_config={**side, "hidden_size": 16, "mask_input_channels": 4},
        mask_decoder_config={
            "hidden_size": 16,
            "mlp_dim": 32,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
    )
    model = SamModel(config)
    weights = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in model.named_parameters():
            drawn = torch.randn(value.shape, generator=weights)
            if value.ndim > 1:
                value.copy_(0.3 * drawn)  # loud: masks shall be neither empty nor full
            elif not name.endswith("weight"):
                value.copy_(0.1 * drawn)
            else:
                value.fill_(1)
    model.train(mode=False)
    return model


def tiny_processor() -> SamProcessor:
    pictures = SamImageProcessorPil(
        size={"longest_edge": SIDE_PX},
        pad_size={"height": SIDE_PX, "width": SIDE_PX},
    )
    return SamProcessor(pictures)  # type: ignore[no-untyped-call]


def save_tiny_sam(folder: Path) -> Path:
    """Write it as transformers does."""
    with quiet_transformers():
        tiny_sam().save_pretrained(folder)
        tiny_processor().save_pretrained(folder)
    return folder


def some_picture() -> np.ndarray:
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    picture.setflags(write=False)  # as frames are
    return picture


def candidates_by_hand(
    model: SamModel, prompt: Prompt
) -> tuple[np.ndarray, np.ndarray]:
    """One prompt as transformers documents it, picture and prompt in one call."""
    processor = tiny_processor()
    parts: dict[str, Any] = {}
    if prompt.points:
        parts["input_points"] = [[list(point) for point in prompt.points]]
        parts["input_labels"] = [list(prompt.labels)]
    if prompt.box is not None:
        parts["input_boxes"] = [[list(prompt.box)]]
    inputs = processor(images=some_picture(), return_tensors="pt", **parts)
    sizes = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
    with torch.no_grad():
        answer = model(**inputs, multimask_output=True)
    masks = processor.post_process_masks(  # type: ignore[no-untyped-call]
        answer.pred_masks, *sizes
    )
    return masks[0][0].numpy(), answer.iou_scores[0, 0].numpy()
