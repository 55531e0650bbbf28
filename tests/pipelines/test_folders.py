"""A folder is asked for before the work."""

from pathlib import Path

import pytest

from pipelines.errors import FolderError
from pipelines.folders import make_folder


def test_a_folder_is_made_with_those_above_it_and_left_empty(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "a" / "b")
    assert folder == tmp_path / "a" / "b"
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_there_keeps_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("words")
    make_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("words")
    with pytest.raises(FolderError, match=r"notes: is a file; choose a folder$"):
        make_folder(path)


def test_a_file_above_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("words")
    with pytest.raises(FolderError, match=r"out: cannot be written to \(Not a dir"):
        make_folder(tmp_path / "notes" / "out")


@pytest.mark.parametrize("path", ["/proc/out", "/proc/sys"])
def test_where_nobody_may_write_is_refused(path: str) -> None:
    with pytest.raises(FolderError, match=rf"^{path}: cannot be written to \("):
        make_folder(Path(path))
