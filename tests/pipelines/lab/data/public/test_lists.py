from pathlib import Path

import pytest

from pipelines.errors import DatasetError
from pipelines.lab.data.public.lists import (
    find_videos,
    read_class_names,
    read_indexed,
    read_lines,
    require_files,
)
from tests.pipelines.lab.data.public.rig import write


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    ("line", "name", "index"),
    [
        ("a/b.avi,12", "a/b.avi", 12),
        ("a/b.avi 12", "a/b.avi", 12),
        ("a, b (c) 1.avi  0", "a, b (c) 1.avi", 0),
        ("a b.avi, 7", "a b.avi", 7),
    ],
)
def test_the_index_is_what_comes_last(
    tmp_path: Path, line: str, name: str, index: int
) -> None:
    (video,) = read_indexed(write(tmp_path / "list.txt", line))

    assert (video.name, video.index) == (name, index)


@pytest.mark.parametrize("line", ["a.avi", "a.avi,b", "a.avi -1", "12", "a.avi ²"])
def test_a_line_without_an_index_is_refused(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "list.txt", "", "a.avi 0", line)
    with pytest.raises(DatasetError, match=r"^/.*list.txt:3: expected a video and a "):
        read_indexed(path)


def test_lines_keep_their_numbers_across_empty_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "list.txt", "\ufeffa", "", " b ", end="\r\n")

    assert read_lines(path) == [(f"{path}:1", "a"), (f"{path}:3", "b")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"caf\xe9", "not UTF-8 text"), (b"\n \n", "is empty"), (None, "cannot be read")],
)
def test_a_list_that_says_nothing_is_refused(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(DatasetError, match=rf"^/.*list.txt: {problem}"):
        read_lines(tmp_path / "list.txt")


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("n.json", '{"0": "a", "2": "b"}', "indices are missing: '1'$"),
        ("n.json", '{"0": "a", "1": "a"}', "names occur twice: a$"),
        ("n.json", '["a"]', "expected {"),
        ("n.json", '{"zero": "a"}', "expected {"),
        ("n.json", "{", "expected {"),
        ("n.json", "{}", "holds no names$"),
        ("n.csv", "0,a", "holds no names$"),
        ("n.csv", "a,b\n0,a", "expected {"),
        ("n.csv", "id,name\n0", "expected {"),
    ],
)
def test_names_that_do_not_number_classes_are_refused(
    tmp_path: Path, file: str, text: str, problem: str
) -> None:
    path = write(tmp_path / file, text)
    with pytest.raises(DatasetError, match=rf"^/.*{file}: {problem}"):
        read_class_names(path)


def test_a_video_is_found_by_the_letter_before_any_other_way(tmp_path: Path) -> None:
    touch(tmp_path, "A/v.avi", "a/V.avi", "B/v.avi", "C/w.AVI")

    found = find_videos(tmp_path, ["A/v.avi", "a/V.avi", "x/y/w.avi"])

    assert found == {
        "A/v.avi": tmp_path / "A/v.avi",
        "a/V.avi": tmp_path / "a/V.avi",
        "x/y/w.avi": tmp_path / "C/w.AVI",
    }


def test_a_video_in_the_folder_of_its_class_goes_before_one_elsewhere(
    tmp_path: Path,
) -> None:
    touch(tmp_path, "val/Swing/v.avi", "val/swim/v.avi")

    assert find_videos(tmp_path, ["swing/v.avi"]) == {
        "swing/v.avi": tmp_path / "val/Swing/v.avi"
    }


def test_a_linked_folder_is_searched(tmp_path: Path) -> None:
    touch(tmp_path / "disk", "v.avi")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/Swing").symlink_to(tmp_path / "disk")

    assert find_videos(tmp_path / "set", ["v.avi"]) == {
        "v.avi": tmp_path / "set/Swing/v.avi"
    }


def test_a_name_that_fits_several_files_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "A/v.avi", "B/v.avi")
    with pytest.raises(DatasetError, match=r"1 videos exist several times: 'v.avi"):
        find_videos(tmp_path, ["v.avi"])


def test_a_name_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    touch(tmp_path, "set/A/w.avi", "v.avi")
    names = ["../v.avi", str(tmp_path / "v.avi")]
    with pytest.raises(DatasetError, match=r"set: 2 of 2 videos are missing"):
        find_videos(tmp_path / "set", names)


def test_of_many_missing_videos_five_are_shown_and_all_are_kept(
    tmp_path: Path,
) -> None:
    names = [f"{n}.avi" for n in range(7)]
    with pytest.raises(
        DatasetError, match=r"7 of 7 .*: '0.avi', .*, '4.avi' and 2 more$"
    ) as error:
        find_videos(tmp_path, names)
    assert error.value.missing == tuple(names)


def test_lists_are_asked_for_in_a_folder_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"^/.*/none: no such folder$"):
        require_files(tmp_path / "none", ["a.txt"])
