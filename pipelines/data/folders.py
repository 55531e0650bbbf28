"""Folders for what a long command writes: asked for before the work, not after."""

from pathlib import Path
from tempfile import TemporaryFile

from pipelines.errors import FolderError


def make_folder(path: Path) -> Path:
    """Make a folder, and those above it, where they are not there; try to write.

    Returns:
        ``path``.

    Raises:
        FolderError: If something else stands there, or no file can be written to it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path):
            pass
    except FileExistsError as err:
        raise FolderError(str(path), "is a file; choose a folder") from err
    except OSError as err:
        problem = f"cannot be written to ({err.strerror}); choose another folder"
        raise FolderError(str(path), problem) from err
    return path
