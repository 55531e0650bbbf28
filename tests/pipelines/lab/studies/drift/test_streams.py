import numpy as np
import pytest

from pipelines.lab.studies.drift.streams import (
    BLOCKS_PER_DAY,
    CLIPS_PER_BLOCK,
    all_streams,
    autocorrelated,
    clip_series,
)
from pipelines.live.drift.settings import SIGNALS

NAMES = tuple(SIGNALS)
CONFIDENCE = NAMES.index("confidence")


@pytest.mark.parametrize("rho", [0.0, 0.9, 0.99])
def test_blocks_are_what_the_means_of_single_clips_are(rho: float) -> None:
    rng = np.random.default_rng(0)
    drawn = autocorrelated(rho).draw(20, rng)[:, CONFIDENCE]
    clips = clip_series(rho, 4000 * CLIPS_PER_BLOCK, rng)
    means = clips.reshape(-1, CLIPS_PER_BLOCK).mean(axis=1)
    assert drawn.mean() == pytest.approx(means.mean(), abs=0.01)
    assert drawn.std() == pytest.approx(means.std(), rel=0.1)

    def alike(series: np.ndarray) -> float:
        return float(np.corrcoef(series[1:], series[:-1])[0, 1])

    assert alike(drawn) == pytest.approx(alike(means), abs=0.05)


def test_every_stream_has_a_block_for_every_five_minutes_and_signal() -> None:
    for stream in all_streams():
        blocks = stream.draw(2, np.random.default_rng(0))
        assert blocks.shape == (2 * BLOCKS_PER_DAY, len(NAMES))
        assert np.isfinite(blocks).all()


def test_margin_follows_confidence_and_entropy_opposes_it() -> None:
    blocks = autocorrelated(0.9).draw(30, np.random.default_rng(0))
    related = np.corrcoef(blocks.T)[CONFIDENCE]
    assert related[NAMES.index("margin")] == pytest.approx(0.9, abs=0.03)
    assert related[NAMES.index("entropy")] == pytest.approx(-0.9, abs=0.03)
    assert abs(related[NAMES.index("luma")]) < 0.1


def test_nights_differ_from_days_in_the_last_stream() -> None:
    blocks = all_streams()[-1].draw(10, np.random.default_rng(0))
    luma = blocks[:, NAMES.index("luma")].reshape(10, BLOCKS_PER_DAY)
    assert luma[:, 144].min() > luma[:, 12].max()
