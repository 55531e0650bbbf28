"""The command ``wardwatch study features``: which features a prediction depends on."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from services.commands.study.results import present
from services.options import JsonOption, ModelOption, OutOption, PromptsOption
from services.progress import staged_bars


def features(
    points: Annotated[
        Path,
        typer.Argument(
            help="JSON, a list of objects: frame (a picture, relative to this file's"
            " folder), feature_name, points (pairs of x and y), labels (for each point"
            " 1 inside the feature, 0 outside)."
        ),
    ],
    *,
    sam: Annotated[
        str | None,
        typer.Option(
            "--sam",
            metavar="FOLDER_OR_HUB",
            help="SAM that finds missing masks: a checkpoint for transformers, such as"
            " facebook/sam-vit-base, or an official .pth file.",
            show_default="stored masks only",
        ),
    ] = None,
    model: ModelOption = None,
    prompts: PromptsOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the controls' places.")] = 1,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cover features of pictures that a person marked, and compare the predictions.

    The covers are each feature, all of them, and everything but the last; each has a
    control with as much covered elsewhere. Masks are stored as PNG in the folder
    POINTS-masks beside the file.
    """
    from models.build import build_recognizer
    from models.bundled import NO_ADAPTATION, PICTURE_CHECKPOINT_FOLDER
    from models.masking.sam import load_any_sam
    from pipelines.lab.studies.models.feature_masks import NamedSam, read_feature_frames
    from pipelines.lab.studies.models.features import study_features

    named = None if sam is None else NamedSam(sam, partial(load_any_sam, sam))
    with staged_bars() as show:
        recognizer = build_recognizer(
            model or PICTURE_CHECKPOINT_FOLDER, prompts, adaptation=NO_ADAPTATION
        )
        recognizer.clip.require_pictures()
        frames = read_feature_frames(points, named, show)
        result = study_features(recognizer, frames, points.name, seed, show)
    present(result, out, as_json=as_json)
