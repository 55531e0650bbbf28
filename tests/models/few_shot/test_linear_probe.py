import math

import numpy as np
import pytest
import torch

from models.few_shot.linear_probe import (
    PROBE_STRENGTHS,
    LinearProbe,
    fit_probe,
    sweep_probe,
)
from tests.models.few_shot_clips import (
    DIM,
    FRAMES,
    LABELS,
    UNKNOWN_LABELS,
    WIDTH,
    draw,
    noisy_clips,
    plain_clip_vector,
    turns,
)


def plain_probe_loss(
    values: np.ndarray, rows: np.ndarray, labels: np.ndarray, strength: float
) -> float:
    """Equation 1, one clip after the other; the last column is the bias."""
    loss = 0.5 * float((values[:, :-1] ** 2).sum())
    for row, label in zip(rows, labels, strict=True):
        scores = [float(row @ line[:-1] + line[-1]) for line in values]
        powers = [math.exp(score) for score in scores]
        loss -= strength * math.log(powers[label] / sum(powers))
    return loss


@pytest.mark.parametrize("strength", [0.3, 30.0])
def test_probe_stands_where_its_loss_is_flat(strength: float) -> None:
    shots = noisy_clips(23)
    probe = fit_probe(shots, turns(), LABELS, strength)
    rows = np.array([plain_clip_vector(clip) for clip in shots.numpy()])
    values = torch.cat([probe.weight, probe.bias[:, None]], dim=1).double().numpy()
    assert probe.strength == strength
    for place in np.ndindex(*values.shape):
        step = np.zeros_like(values)
        step[place] = 1e-4
        ahead, behind = (
            plain_probe_loss(values + way * step, rows, turns().numpy(), strength)
            for way in (1, -1)
        )
        assert abs(ahead - behind) / 2e-4 < 1e-3 * max(1.0, strength) * 0.1


def test_probe_scores_clip_vectors_by_a_line_for_each_label() -> None:
    probe = LinearProbe(draw(24, LABELS, WIDTH), draw(25, LABELS), 1.0)
    shots = draw(26, 2, FRAMES, WIDTH)
    for clip, row in zip(shots.numpy(), probe.logits(shots), strict=True):
        expected = probe.weight.numpy() @ plain_clip_vector(clip) + probe.bias.numpy()
        np.testing.assert_allclose(row.numpy(), expected, atol=1e-5)


def test_label_without_a_shot_is_the_least_likely() -> None:
    probe = fit_probe(noisy_clips(23), turns(), LABELS + 1, 10.0)
    assert set(probe.logits(noisy_clips(27)).argmin(dim=1).tolist()) == {LABELS}


@pytest.mark.parametrize("noise", [0.0, 1.0])  # at none all strengths are as good
def test_sweep_goes_to_the_better_end_by_halves(noise: float) -> None:
    shots, labels = noisy_clips(28), turns(60)
    others = noise * noisy_clips(29, clips=60) + (1 - noise) * shots.repeat(5, 1, 1)
    tried: dict[float, float] = {}

    def accuracy(strength: float) -> float:
        if strength not in tried:
            probe = fit_probe(shots, turns(), LABELS, strength)
            hits = probe.logits(others).argmax(dim=1) == labels
            tried[strength] = hits.double().mean().item()
        return tried[strength]

    best = max(accuracy(strength) for strength in PROBE_STRENGTHS)
    expected = next(each for each in PROBE_STRENGTHS if tried[each] == best)
    ends = [math.log10(expected) - 1, math.log10(expected) + 1]
    for _ in range(3):
        low, high = (accuracy(10**end) for end in ends)
        expected = 10 ** (ends[1] if low < high else ends[0])
        ends[0 if low < high else 1] = sum(ends) / 2
    heard: dict[float, float] = {}
    chosen = sweep_probe(
        shots, turns(), others, labels, LABELS, halvings=3, on_fit=heard.__setitem__
    )
    assert chosen.strength == pytest.approx(expected)
    assert list(heard) == pytest.approx(list(tried))
    assert list(heard.values()) == pytest.approx(list(tried.values()))


def test_sweep_without_halvings_keeps_the_best_it_was_given() -> None:
    shots, others = noisy_clips(28), noisy_clips(29)
    labels = turns()
    chosen = sweep_probe(
        shots, labels, others, labels, LABELS, strengths=(3.0, 5.0, 7.0), halvings=0
    )
    assert chosen.strength in (3.0, 5.0, 7.0)


@pytest.mark.parametrize(("labels", "problem"), UNKNOWN_LABELS)
def test_nothing_is_learnt_from_nothing_or_from_unknown_labels(
    labels: list[int], problem: str
) -> None:
    clips, shots = draw(34, len(labels), FRAMES, DIM), noisy_clips(0)
    given = torch.tensor(labels, dtype=torch.int64)
    with pytest.raises(ValueError, match=problem):
        fit_probe(clips, given, LABELS, 1.0)
    with pytest.raises(ValueError, match=problem):
        sweep_probe(clips, given, shots, turns(), LABELS)
    with pytest.raises(ValueError, match=problem):
        sweep_probe(shots, turns(), clips, given, LABELS)
