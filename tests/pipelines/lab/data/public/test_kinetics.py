import logging
from pathlib import Path

import pytest

from pipelines.errors import DatasetError
from pipelines.lab.data.public.kinetics import read_kinetics
from tests.pipelines.lab.data.public.rig import (
    MIDDLE,
    middle_numbers,
    place,
    rows,
    write,
)

FILES = ["-u8W9n8IOks_000011_000021.mp4", "x7_ xunr-AA_000276_000286.mp4"]
JSON = '{"0": "acting in play", "1": "backflip (human)"}'


@pytest.fixture
def videos(film: Path, tmp_path: Path) -> Path:
    place(film, tmp_path / "k600", [f"val/acting in play/{FILES[0]}", FILES[1]])
    return tmp_path / "k600"


@pytest.mark.gst
@pytest.mark.parametrize(
    ("lines", "names", "text"),
    [
        ((f"val/acting_in_play/{FILES[0]},0", f"a/{FILES[1]},1"), "n.json", [JSON]),
        (
            (f"{FILES[0]} 0", f"{FILES[1]} 1"),
            "n.csv",
            ["id,name", "1,backflip (human)", "0,acting in play"],
        ),
    ],
)
def test_either_form_of_list_is_read_to_its_frames(
    videos: Path, tmp_path: Path, lines: tuple[str, ...], names: str, text: list[str]
) -> None:
    video_list = write(tmp_path / "split1.csv", *lines)

    k600 = read_kinetics(videos, video_list, write(tmp_path / names, *text))

    assert k600.name == "split1"
    assert k600.labels == ("acting in play", "backflip (human)")
    assert rows(k600) == [
        (FILES[0], "acting in play", "-u8W9n8IOks", "test"),
        (FILES[1], "backflip (human)", "x7_ xunr-AA", "test"),
    ]
    assert [middle_numbers(video) for video in k600.videos] == [MIDDLE] * 2


def test_what_has_vanished_is_refused_unless_it_may_be_left_out(
    videos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    video_list = write(tmp_path / "l.txt", f"{FILES[0]} 1", "gone_000000_000010.mp4 0")
    names = write(tmp_path / "names.json", JSON)

    with pytest.raises(DatasetError, match=r"k600: 1 of 2 videos are missing: 'gone_"):
        read_kinetics(videos, video_list, names)
    with caplog.at_level(logging.WARNING):
        k600 = read_kinetics(videos, video_list, names, skip_missing=True)

    assert k600.targets().tolist() == [1]
    assert caplog.messages == [f"{video_list}: 1 of 2 are missing"]


def test_a_class_without_a_name_is_refused(videos: Path, tmp_path: Path) -> None:
    video_list = write(tmp_path / "l.txt", f"{FILES[0]} 0", f"{FILES[1]} 2")
    names = write(tmp_path / "names.json", JSON)

    with pytest.raises(DatasetError, match=r"^/.*l.txt:2: class 2 has no name; there "):
        read_kinetics(videos, video_list, names)
