import pytest

from models.sc_clip.settings import PUBLISHED, ScSettings


def test_defaults_are_the_papers_for_ucf101() -> None:
    assert ScSettings() == PUBLISHED["ucf101"]


@pytest.mark.parametrize("delta", [1.01, -1.01, float("nan")])
def test_delta_that_is_no_cosine_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match=rf"^delta {delta}, expected -1 to 1$"):
        ScSettings(delta=delta)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf")])
def test_scale_out_of_range_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match=rf"^scale {scale}, expected above 0"):
        ScSettings(scale=scale)


def test_negative_weights_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^alpha -0\.1, expected 0 at least"):
        ScSettings(alpha=-0.1)
    with pytest.raises(ValueError, match=r"^beta -0\.1, expected 0 at least"):
        ScSettings(beta=-0.1)


def test_query_head_needs_queries() -> None:
    with pytest.raises(ValueError, match=r"^head 'query' needs semantic queries$"):
        ScSettings(head="query", semantic_queries=False)


@pytest.mark.parametrize("sizes", [(), (0,), (3, 15)])
def test_windows_that_fit_no_grid_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^window sizes .*, expected one or more of"):
        ScSettings(window_sizes=sizes)
