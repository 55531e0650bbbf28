import pytest

from pipelines.sources.camera.framing import Framing, crop, parse_framing


@pytest.mark.parametrize(
    ("text", "framing"),
    [
        ("left", crop(0, 0, 0.5, 1)),
        ("right", crop(0.5, 0, 0.5, 1)),
        ("0,0,853,640", crop(0, 0, 853, 640)),
        ("0.25, 0, .5, 1", crop(0.25, 0, 0.5, 1)),
    ],
)
def test_a_pane_is_a_half_or_four_numbers(text: str, framing: Framing) -> None:
    assert parse_framing(text) == framing


@pytest.mark.parametrize(
    "text", ["middle", "", "1,2,3", "0,0,0,0", "-1,0,5,5", "a,b,c,d"]
)
def test_what_is_no_pane_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^'.*' is not left, right or X,Y"):
        parse_framing(text)
