"""The official lists, with an empty file for every video that they name."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from pipelines.lab.data.clips import VideoSet
from pipelines.lab.data.public.hmdb51 import read_hmdb51
from pipelines.lab.data.public.kinetics import read_kinetics
from pipelines.lab.data.public.lists import read_indexed, read_lines
from pipelines.lab.data.public.ucf101 import read_ucf101
from pipelines.lab.data.public.uestc import read_uestc
from tests.pipelines.lab.data.public.rig import of_split, write

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        "WARDWATCH_FOOTAGE" not in os.environ, reason="WARDWATCH_FOOTAGE is not set"
    ),
]


def lists_of(name: str) -> Path:
    return Path(os.environ["WARDWATCH_FOOTAGE"]) / "splits" / name


def touch(folder: Path, names: set[str]) -> Path:
    for parent in {(folder / name).parent for name in names}:
        parent.mkdir(parents=True)
    for name in names:
        (folder / name).touch()
    return folder


@pytest.fixture(scope="module")
def ucf101(tmp_path_factory: pytest.TempPathFactory) -> list[VideoSet]:
    folder = tmp_path_factory.mktemp("ucf101")
    lists = folder / "lists"
    lists.mkdir()
    for path in lists_of("ucf101").glob("*.txt"):
        (lists / path.name).symlink_to(path)
    train = read_indexed(lists / "trainlist01.txt")
    classes = {line.index: line.name.split("/")[0] for line in train}
    numbered = (f"{number} {classes[number]}" for number in sorted(classes))
    write(lists / "classInd.txt", *numbered)
    names = {line.name for line in train}
    names |= {name for _, name in read_lines(lists / "testlist01.txt")}
    videos = touch(folder / "videos", names)
    return [read_ucf101(videos, lists, split) for split in (1, 2, 3)]


def test_ucf101_has_its_videos_in_three_splits(ucf101: list[VideoSet]) -> None:
    assert [len(of_split(it, "test").videos) for it in ucf101] == [3783, 3734, 3696]
    assert {len(it.videos) for it in ucf101} == {13320}
    tested = [{v.group[-2:] for v in of_split(it, "test").videos} for it in ucf101]
    for index, groups in enumerate(tested):
        assert groups == {f"{7 * index + n:02}" for n in range(1, 8)}
    assert not any(it.shared_groups() for it in ucf101)


def test_ucf101_labels_are_in_their_order(ucf101: list[VideoSet]) -> None:
    named = json.loads((lists_of("ucf101") / "ucf101-index2cls.json").read_text())

    labels = [label.replace(" ", "").casefold() for label in ucf101[0].labels]

    assert labels == [
        named[str(n)].replace(" ", "").casefold() for n in range(len(named))
    ]
    assert ucf101[0].labels[34:36] == ("Hammering", "Hammer Throw")


def test_the_first_fifteen_labels_of_ucf101_have_their_supports(
    ucf101: list[VideoSet],
) -> None:
    part = of_split(ucf101[0].restricted(ucf101[0].labels[:15]), "test")

    supports = Counter(part.targets().tolist())

    assert len(part.videos) == 568
    assert [supports[n] for n in range(15)] == [
        *(44, 32, 41, 35, 31, 43, 43, 35, 37, 48, 38, 40, 38, 33, 30)
    ]


def test_hmdb51_has_its_videos_in_three_splits(tmp_path: Path) -> None:
    folders = [lists_of("hmdb51") / f"split{split}" for split in (1, 2, 3)]
    videos = touch(
        tmp_path,
        {
            f"{path.name.removesuffix('_test_split1.txt')}/{line.name}"
            for path in folders[0].glob("*.txt")
            for line in read_indexed(path)
        },
    )
    for split, folder in enumerate(folders, start=1):
        hmdb = read_hmdb51(videos, folder, split)
        train, test = of_split(hmdb, "train"), of_split(hmdb, "test")
        assert set(Counter(train.targets().tolist()).values()) == {70}
        assert set(Counter(test.targets().tolist()).values()) == {30}
        numbered = read_indexed(lists_of("hmdb51") / f"mote_vallist_split{split}.txt")
        assert {(it.name, it.index) for it in numbered} == {
            (f"{video.path.parent.name}/{video.path.name}", int(target))
            for video, target in zip(test.videos, test.targets(), strict=True)
        }


@pytest.mark.parametrize(("split", "count"), [(1, 14084), (2, 13978), (3, 14136)])
def test_zero_shot_lists_of_kinetics_600_have_160_classes(
    tmp_path: Path, split: int, count: int
) -> None:
    path = lists_of("ost") / f"ZS_split{split}_K600_eval_filtered.txt"
    names = json.dumps({str(index): f"class {index}" for index in range(160)})
    videos = touch(tmp_path / "videos", {line.name for line in read_indexed(path)})

    k600 = read_kinetics(videos, path, write(tmp_path / "names.json", names))

    assert len(k600.videos) == count
    assert len(set(k600.targets().tolist())) == 160


def test_uestc_has_its_videos(tmp_path: Path) -> None:
    lists = lists_of("uestc_mmea_cl")
    stems = set()
    for split in ("train", "val", "test"):
        path = lists / f"mydataset_{split}.txt"
        (tmp_path / path.name).symlink_to(path)
        for _, line in read_lines(path):
            stems.add("/".join(line.split()[0].split("/")[-2:]))
    touch(tmp_path / "video", {f"{stem}.mp4" for stem in stems})
    touch(tmp_path / "sensor", {f"{stem}.csv" for stem in stems})

    uestc = read_uestc(tmp_path)

    named = (line.split("_", 1)[1] for _, line in read_lines(lists / "classes.txt"))
    assert uestc.labels == tuple(name.replace("_", " ") for name in named)
    parts = [len(of_split(uestc, it).videos) for it in ("train", "val", "test")]
    assert parts == [4553, 653, 1316]
