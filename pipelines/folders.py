"""Make a folder for the output of a long command before the work starts."""

from pathlib import Path
from tempfile import TemporaryFile

from pipelines.errors import FolderError


def make_folder(path: Path) -> Path:
    """Make a folder and its parents, and check that it can be written to.

    Returns:
        ``path``.

    Raises:
        FolderError: If a file has this name, or the folder cannot be written to.
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
