"""SC-CLIP without some of its parts and with other settings, with published figures.

The published figures are harmonic means of base and novel accuracy on HMDB51, UCF101
and SSv2 with ViT-B/16 (Quan et al. 2025, doi:10.1016/j.patcog.2025.111402, tables 4 and
6 to 9), as printed. Two figures of UCF101, scale 20 and blocks 9 to 11, do not agree
with the base and novel accuracies beside them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from models.sc_clip.settings import ScSettings
from pipelines.lab.studies.models.result import Table

Published = tuple[float, float, float]

_WHOLE: Published = (0.638, 0.845, 0.140)
_DELTAS: Mapping[float, Published] = {
    0.7: (0.588, 0.833, 0.115),
    0.8: (0.625, 0.836, 0.132),
    0.85: (0.638, 0.840, 0.140),
    0.9: (0.615, 0.845, 0.137),
    0.95: (0.620, 0.844, 0.137),
}
_SCALES: Mapping[float, Published] = {
    1.0: (0.485, 0.757, 0.058),
    20.0: (0.589, 0.792, 0.131),
    40.0: (0.638, 0.839, 0.135),
    65.0: (0.585, 0.845, 0.136),
    100.0: (0.576, 0.839, 0.140),
}
_PUBLISHED_INNER = 11  # the last block but one of ViT-B/16
_LAYERS: Mapping[tuple[int, ...], Published] = {
    (): (0.614, 0.843, 0.118),
    (10,): (0.354, 0.801, 0.097),
    (11,): _WHOLE,
    (10, 11): (0.348, 0.800, 0.093),
    (9, 10, 11): (0.293, 0.681, 0.095),
    tuple(range(1, 12)): (0.432, 0.601, 0.099),
}


@dataclass(frozen=True, slots=True)
class Ablation:
    """Settings that differ in one thing, and the published figures."""

    what: str
    settings: ScSettings
    published: Published | None


def ablations_of(whole: ScSettings, layers: int) -> Mapping[str, tuple[Ablation, ...]]:
    """Return the ablations by subject.

    One thing of ``whole`` is changed at a time. Published layers are counted from the
    tower's end; missing ones are left out.
    """
    mlp = replace(whole, query_adapter="mlp")
    return {
        "parts and losses": (
            Ablation("whole", whole, _WHOLE),
            Ablation(
                "no semantic queries, no cross-attention",
                replace(whole, semantic_queries=False),
                (0.371, 0.660, 0.095),
            ),
            Ablation(
                "no auxiliary loss (alpha 0)",
                replace(whole, alpha=0.0),
                (0.632, 0.838, 0.134),
            ),
            Ablation(
                "no query loss (beta 0)",
                replace(whole, beta=0.0),
                (0.613, 0.825, 0.119),
            ),
        ),
        "kinds of adapters": (
            Ablation(
                "queries MLP, auxiliary MLP",
                replace(mlp, auxiliary_adapter="mlp"),
                (0.619, 0.838, 0.129),
            ),
            Ablation("queries MLP, auxiliary transformer", mlp, (0.625, 0.838, 0.131)),
            Ablation(
                "queries transformer, auxiliary MLP",
                replace(whole, auxiliary_adapter="mlp"),
                (0.633, 0.842, 0.124),
            ),
            Ablation("both transformers", whole, _WHOLE),
        ),
        "delta": tuple(
            Ablation(f"{delta:g}", replace(whole, delta=delta), _DELTAS.get(delta))
            for delta in sorted({*_DELTAS, whole.delta})
        ),
        "scale": tuple(
            Ablation(f"{scale:.3g}", replace(whole, scale=scale), _SCALES.get(scale))
            for scale in sorted({*_SCALES, whole.scale})
        ),
        "trained blocks": _layer_ablations(whole, layers - 1),
    }


def _layer_ablations(whole: ScSettings, inner: int) -> tuple[Ablation, ...]:
    """Move the published blocks to a tower whose last block but one is ``inner``."""
    shift = inner - _PUBLISHED_INNER
    moved: dict[tuple[int, ...], Ablation] = {}
    for published, hm in _LAYERS.items():
        everything = published[:1] == (1,)
        blocks = tuple(
            range(1, inner + 1)
            if everything
            else (block + shift for block in published)
        )
        if blocks in moved or min(blocks, default=1) < 1:
            continue
        what = ", ".join(map(str, blocks)) or "none"
        settings = replace(whole, trained_layers=blocks)
        if blocks == (inner,):
            settings = whole  # the same model, so that it is trained only once
        moved[blocks] = Ablation(what, settings, hm)
    return tuple(moved.values())


def ablation_tables(
    whole: ScSettings,
    layers: int,
    measure: Callable[[ScSettings, str], tuple[float, float, float]],
) -> tuple[Table, ...]:
    """Measure every ablation, equal settings once, and return tables.

    ``measure`` returns base, novel and HM for settings and a note on progress.
    """
    known: dict[ScSettings, tuple[float, float, float]] = {}
    tables = []
    for title, rows in ablations_of(whole, layers).items():
        lines = []
        for row in rows:
            if row.settings not in known:
                known[row.settings] = measure(row.settings, f"{title} {row.what}")
            published = row.published or (None, None, None)
            lines.append((row.what, *known[row.settings], *published))
        header = (title, "base", "novel", "HM", "HMDB51 HM", "UCF101 HM", "SSv2 HM")
        tables.append(Table(f"Ablation: {title}", header, tuple(lines)))
    return tuple(tables)
