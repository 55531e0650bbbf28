"""Class-specific noise: does it make predictions more consistent, and more correct?

An offset for each label is trained on the frames of training rooms and tested on the
middle pictures of test rooms, whole and covered. ``noise`` tries every label's offset
on a picture without knowing the truth. ``noise of the truth`` is the published form,
which leaks the label; it is reported for comparison only.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64
from matplotlib.axes import Axes
from scipy.special import softmax

from models.csn.noise import FeatureNoise, FrozenTower, PixelNoise
from models.csn.training import (
    NoiseSettings,
    train_feature_noise,
    train_pixel_noise,
)
from models.masking.masks import fill
from pipelines.lab.studies.clip_set import ClipSet
from pipelines.lab.studies.models.disturbed import (
    MEASURES,
    SCATTER_HEADER,
    WHOLE,
    Scatter,
    covered_at_random,
    measure_scatter,
    middle_pictures,
    scatter_figures,
    scatter_rows,
)
from pipelines.lab.studies.models.laboratory import Laboratory, StudySize
from pipelines.lab.studies.models.plots import new_figure, plot_bars
from pipelines.lab.studies.models.result import StudyResult, Table, mean

_FORMS = ("without", "noise", "noise of the truth (leaks)")
_PIXELS = "noise of pixels"
_SHOWN = (WHOLE, "pixels 10%", "shapes 10%", "shapes 30%", "shapes 50%")
_PIXEL_EPOCHS, _PIXEL_PICTURES = 2, 200
_GRID_ROWS, _WHOLE_CELLS = 3, 4


def study_csn(lab: Laboratory, size: StudySize) -> StudyResult:
    """Train noise on some rooms and measure it on the others, once for each seed."""
    quick = size.effort < 1
    runs: list[dict[str, Scatter]] = []
    plots: dict[str, Callable[[Path], None]] = {}
    for number, seed in enumerate(size.seeds):
        chosen = lab.clips.share_of_groups(0.5, seed)
        training, test = lab.clips.select(chosen), lab.clips.select(~chosen)
        noise = _trained(lab, lab.features[chosen], training.labels, seed, size.effort)
        run = _measured(lab, noise, test, seed)
        if not quick and number == 0:
            pixels = _trained_on_pixels(lab, training, seed)
            some = test.select(np.arange(min(len(test), _PIXEL_PICTURES)))
            run |= _measured_pixels(lab, pixels, some)
            plots["grid.png"] = partial(_plot_grid, lab, noise, pixels, test)
        runs.append(run)
        lab.on_progress("csn", number + 1, len(size.seeds), f"seed {seed}")
    found = {
        name: _mean_of([run[name] for run in runs if name in run]) for name in runs[0]
    }
    top1 = {
        form: [found[f"{shown}, {form}"].top1 for shown in _SHOWN] for form in _FORMS
    }
    return StudyResult(
        name="csn",
        basis=lab.basis,
        figures={"clips": len(lab.clips), **scatter_figures(found)},
        tables=(Table("With and without noise", SCATTER_HEADER, scatter_rows(found)),),
        findings=_findings(found),
        plots={
            "csn.png": partial(
                plot_bars, "class-specific noise", "top-1", _SHOWN, top1
            ),
            **plots,
        },
    )


def _findings(found: Mapping[str, Scatter]) -> tuple[str, ...]:
    pairs = [
        (found[f"{shown}, {_FORMS[0]}"], found[f"{shown}, {_FORMS[1]}"])
        for shown in _SHOWN
    ]
    gathered = sum(before.top_share < after.top_share for before, after in pairs)
    better = sum(before.top1 < after.top1 for before, after in pairs)
    change = mean([after.top1 - before.top1 for before, after in pairs])
    return (
        "Noise that does not know the truth raises the top share in"
        f" {gathered} of {len(_SHOWN)} conditions and top-1 in {better};"
        f" top-1 changes by {change:+.3f} on average.",
        f"The published form scores {found[f'{WHOLE}, {_FORMS[2]}'].top1:.3f} on whole"
        " pictures. It is given the true label, so that this is not a measurement.",
        "The paper has no figures to compare with: it gives pictures alone.",
    )


def _trained(
    lab: Laboratory,
    features: Float32[np.ndarray, "clip frame dim"],
    labels: Int64[np.ndarray, " clip"],
    seed: int,
    effort: float,
) -> FeatureNoise:
    settings = NoiseSettings(scale=lab.scale)
    return train_feature_noise(
        features.reshape(-1, features.shape[-1]),
        np.repeat(labels, features.shape[1]),
        lab.text_bank,
        replace(settings, epochs=max(1, round(settings.epochs * effort))),
        seed=seed,
    )


def _measured(
    lab: Laboratory, noise: FeatureNoise, test: ClipSet, seed: int
) -> dict[str, Scatter]:
    found = {}
    for name, pictures, covered in covered_at_random(test, seed):
        if name not in _SHOWN:
            continue
        features = lab.recognizer.encode(pictures)
        scores = (
            np.asarray(lab.scale * features @ lab.text_bank.T),
            noise.score(features, scale=lab.scale),
            noise.score(features, scale=lab.scale, oracle=True, labels=test.labels),
        )
        for form, logits in zip(_FORMS, scores, strict=True):
            found[f"{name}, {form}"] = measure_scatter(logits, test.labels, covered)
    return found


def _tower(lab: Laboratory) -> FrozenTower:
    clip = lab.recognizer.clip
    return FrozenTower(clip.model, *clip.pixel_scale)


def _trained_on_pixels(lab: Laboratory, training: ClipSet, seed: int) -> PixelNoise:
    lab.on_progress("noise of pixels", 0, 1, "training")
    return train_pixel_noise(
        _tower(lab),
        middle_pictures(training),
        training.labels,
        lab.text_bank,
        NoiseSettings(scale=lab.scale, epochs=_PIXEL_EPOCHS, choice_weight=1.0),
        seed=seed,
    )


def _measured_pixels(
    lab: Laboratory, noise: PixelNoise, test: ClipSet
) -> dict[str, Scatter]:
    logits = noise.score(_tower(lab), middle_pictures(test), scale=lab.scale)
    return {f"{WHOLE}, {_PIXELS}": measure_scatter(logits, test.labels, 0.0)}


def _mean_of(found: list[Scatter]) -> Scatter:
    """Average over seeds; the counts are added."""
    means = {
        measure: mean([getattr(scatter, measure) for scatter in found])
        for measure in MEASURES
    }
    counts = np.sum([scatter.counts for scatter in found], axis=0)
    return Scatter(**means, counts=counts, trust=found[0].trust)


def _plot_grid(
    lab: Laboratory, noise: FeatureNoise, pixels: PixelNoise, test: ClipSet, path: Path
) -> None:
    """Draw pictures, predictions and noise, and the person alone where known."""
    pictures = middle_pictures(test)
    rows = _examples(test)
    figure = new_figure(16, 3 * len(rows))
    for row, place in enumerate(rows):
        label = int(test.labels[place])
        picture = pictures[place]
        alone = picture
        if test.parts is not None:
            from pipelines.lab.simulation.world import (
                PARTS,  # its renderer may be missing
            )

            rest = test.parts[place] != PARTS.index("person")
            alone = fill(picture, rest)
        features = lab.recognizer.encode(np.stack((picture, alone)))
        plain = np.asarray(lab.scale * features @ lab.text_bank.T)
        noisy = noise.score(features, scale=lab.scale)
        shade = 0.5 + pixels.offsets[label].transpose(1, 2, 0) / (2 * pixels.limit)
        cells: tuple[tuple[str, Any], ...] = (
            (lab.names[label], picture),
            ("CLIP", plain[0]),
            ("noise of its label", shade),
            ("CLIP with noise", noisy[0]),
            ("the person", alone),
            ("CLIP on the person", plain[1]),
            ("with noise", noisy[1]),
        )
        if test.parts is None:  # the person's place is unknown
            cells = cells[:_WHOLE_CELLS]
        for column, (title, content) in enumerate(cells):
            axes = figure.add_subplot(
                len(rows), len(cells), row * len(cells) + column + 1
            )
            axes.set_title(title, fontsize=8)
            if content.ndim == 1:
                _draw_top3(axes, lab.names, content)
            else:
                axes.imshow(content)
                axes.set_axis_off()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _examples(test: ClipSet) -> list[int]:
    """Return the index of a picture of each of the first labels."""
    firsts = [
        int(np.flatnonzero(test.labels == label)[0]) for label in np.unique(test.labels)
    ]
    return firsts[:_GRID_ROWS]


def _draw_top3(
    axes: Axes, names: tuple[str, ...], logits: Float32[np.ndarray, " label"]
) -> None:
    shares = softmax(logits)
    best = np.argsort(shares)[::-1][:3]
    axes.barh([names[i] for i in best][::-1], shares[best][::-1])
    axes.set_xlim(0, 1)
    axes.tick_params(labelsize=7)
