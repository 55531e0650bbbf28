"""The key: a file of its own, for one user."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from services.clips.key import checked_key, write_new_key
from services.errors import ClipError
from tests.clip_rig import KEY, key_file


def test_a_new_key_is_a_secret_of_its_user_and_never_replaces_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "new.key"
    write_new_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    key = checked_key(path)
    Fernet(key)
    with pytest.raises(ClipError, match=r"new\.key: exists"):
        write_new_key(path)
    assert checked_key(path) == key


def test_a_key_in_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match=r"a/b: No such file or directory$"):
        write_new_key(tmp_path / "a" / "b")


@pytest.mark.parametrize(
    "content", [KEY[:-5], KEY + "A", "sEcReT", KEY.replace("=", "!")]
)
def test_what_is_no_key_is_refused_without_being_shown(
    tmp_path: Path, content: str
) -> None:
    path = key_file(tmp_path, content)
    with pytest.raises(ValueError, match=r"clips\.key: holds no key; ") as found:
        checked_key(path)
    assert content not in str(found.value)


def test_a_key_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    path.chmod(0o644)
    with pytest.raises(ValueError, match=r"everybody .* can read it; chmod 600 "):
        checked_key(path)
    path.chmod(0o640)  # a secret of Kubernetes belongs to a group
    assert checked_key(path) == KEY
