"""Predictions for pictures without a feature that a person marked.

The covers are those of HAR-CLIP's tasks 3 and 4, for the class Cricket Shot: grass,
pitch and net one by one, all three, the player, and all but the player. Here the
feature that is named last takes the player's place. In addition to the paper, each
cover has a control: as much covered elsewhere in the picture.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image
from scipy.special import softmax

from models.masking.masks import equal_area_control, everything_but, fill, union
from models.recognizer import ClipRecognizer
from pipelines.lab.studies.clip_set import squared
from pipelines.lab.studies.models.feature_masks import FeatureFrame, Mask
from pipelines.lab.studies.models.plots import new_figure
from pipelines.lab.studies.models.result import StudyResult, Table
from pipelines.progress import Progress

Picture = UInt8[np.ndarray, "height width 3"]

_PANEL_PX = 240
_MOST_ROWS = 40
"""Most pictures in the plot; tables hold all."""


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """A prediction for one picture.

    The confidence is not calibrated.
    """

    label: str
    confidence: float


@final
@dataclass(frozen=True, slots=True, eq=False)
class Covered:
    """A covered picture, and its prediction.

    ``share`` of the picture's pixels is covered. ``control`` is the answer with as much
    covered elsewhere; None if nothing is covered.
    """

    cover: str
    share: float
    answer: Answer
    control: Answer | None
    panel: Picture


def covers(frame: FeatureFrame) -> Iterator[tuple[str, Mask]]:
    """Yield the names and masks of the covers of a picture.

    They are: nothing; each feature; all of several features; all but the last of more
    than two; everything but the last feature.
    """
    masks = list(frame.masks.values())
    last = list(frame.masks)[-1]
    yield "nothing", np.zeros_like(masks[0])
    yield from frame.masks.items()
    if len(masks) > 1:
        yield "all features", union(masks)
    if len(masks) > 2:
        yield f"all features but {last}", union(masks[:-1])
    yield f"everything but {last}", everything_but(masks[-1])


def study_features(
    recognizer: ClipRecognizer,
    frames: Sequence[FeatureFrame],
    source: str,
    seed: int,
    on_progress: Progress,
) -> StudyResult:
    """Cover each picture feature by feature, and compare the predictions.

    ``source`` names the pictures in the report.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, list[Covered]] = {}
    for frame in frames:
        found[frame.name] = list(_answered(recognizer, frame, rng))
        on_progress("pictures", len(found), len(frames), frame.name)
    makers = sorted({name for frame in frames for name in frame.made_by.values()})
    features = sum(len(frame.masks) for frame in frames)
    return StudyResult(
        name="features",
        basis=(
            f"Measured on {_count(len(frames), 'picture')} with"
            f" {_count(features, 'feature')} of {source}, masks by {', '.join(makers)},"
            f" with the checkpoint {recognizer.clip.name} (seed {seed})."
        ),
        figures={
            "checkpoint": recognizer.clip.name,
            "prompt_set": recognizer.prompt_set.id,
            "masks_by": makers,
            "frames": [_facts(name, rows) for name, rows in found.items()],
        },
        tables=tuple(_table(name, rows) for name, rows in found.items()),
        findings=tuple(_findings(frames, found)),
        plots={"features.png": partial(plot_panels, found)},
    )


def _answered(
    recognizer: ClipRecognizer, frame: FeatureFrame, rng: np.random.Generator
) -> Iterator[Covered]:
    side_px = recognizer.clip.image_size_px
    named = list(covers(frame))
    panels, squares, elsewhere = [], [], []
    for _, mask in named:
        covered = fill(frame.picture, mask)
        moved = fill(frame.picture, equal_area_control(mask, rng))
        panels.append(_small(covered))
        squares.append(squared(covered, side_px))
        elsewhere.append(squared(moved, side_px))
    answers, controls = _ask(recognizer, squares), _ask(recognizer, elsewhere)
    for place, (cover, mask) in enumerate(named):
        yield Covered(
            cover=cover,
            share=float(mask.mean()),
            answer=answers[place],
            control=controls[place] if mask.any() else None,
            panel=panels[place],
        )


def _ask(recognizer: ClipRecognizer, squares: Sequence[Picture]) -> list[Answer]:
    clip = recognizer.clip
    cosines = clip.encode_frames(np.stack(squares)) @ recognizer.text_bank.T
    names = recognizer.prompt_set.labels
    return [_likeliest(names, clip.logit_scale * row) for row in cosines]


def _likeliest(names: Sequence[str], logits: Float32[np.ndarray, " label"]) -> Answer:
    probabilities = softmax(logits.astype(np.float64))
    best = int(probabilities.argmax())
    return Answer(names[best], float(probabilities[best]))


def _small(picture: Picture) -> Picture:
    image = Image.fromarray(picture)
    image.thumbnail((_PANEL_PX, _PANEL_PX))
    return np.array(image)


def _facts(name: str, rows: Sequence[Covered]) -> dict[str, Any]:
    pictures = [
        {
            "covered": row.cover,
            "share": row.share,
            **asdict(row.answer),
            "elsewhere": None if row.control is None else asdict(row.control),
        }
        for row in rows
    ]
    return {"frame": name, "pictures": pictures}


def _table(name: str, covered: Sequence[Covered]) -> Table:
    rows = []
    for row in covered:
        prediction = row.answer.label, row.answer.confidence
        control = row.control
        other = (control.label, control.confidence) if control else (None, None)
        rows.append((row.cover, row.share, *prediction, *other))
    header = ("covered", "share", "label", "confidence", "elsewhere", "confidence")
    return Table(name, header, tuple(rows))


def _findings(
    frames: Sequence[FeatureFrame], found: dict[str, list[Covered]]
) -> Iterator[str]:
    empty = [
        f"{feature} in {frame.name}"
        for frame in frames
        for feature, mask in frame.masks.items()
        if not mask.any()
    ]
    if empty:
        yield f"Nothing was found where the points are: {', '.join(empty)}."
    single = [
        (found[frame.name][0], row)
        for frame in frames
        for row in found[frame.name][1 : 1 + len(frame.masks)]
        if row.control is not None
    ]
    changed = sum(row.answer.label != whole.answer.label for whole, row in single)
    elsewhere = sum(
        row.control is not None and row.control.label != whole.answer.label
        for whole, row in single
    )
    yield (
        f"Covering a feature changes the prediction of {changed} of"
        f" {_count(len(single), 'picture')}, covering as much elsewhere of {elsewhere}."
    )
    kept = sum(rows[-1].answer.label == rows[0].answer.label for rows in found.values())
    yield (
        "With all but the last feature covered, the prediction stays the same for"
        f" {kept} of {_count(len(found), 'picture')}."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def plot_panels(found: dict[str, list[Covered]], path: Path) -> None:
    """Draw a row of covered pictures with their predictions for each frame.

    A prediction that differs from that of the whole picture is red.
    """
    shown = list(found.items())[:_MOST_ROWS]
    columns = max(len(rows) for _, rows in shown)
    figure = new_figure(2.3 * columns, 2.4 * len(shown) + 0.5)
    for line, (name, rows) in enumerate(shown):
        for place, row in enumerate(rows):
            axes = figure.add_subplot(len(shown), columns, line * columns + place + 1)
            axes.imshow(row.panel)
            axes.set_xticks([])
            axes.set_yticks([])
            same = row.answer.label == rows[0].answer.label
            axes.set_title(
                f"covered: {row.cover}\n{row.answer.label} {row.answer.confidence:.2f}",
                fontsize=8,
                color="black" if same else "tab:red",
            )
        figure.axes[-len(rows)].set_ylabel(name, fontsize=7)
    if len(shown) < len(found):
        figure.supxlabel(f"the first {len(shown)} of {len(found)} pictures", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
