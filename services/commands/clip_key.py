"""The command ``wardwatch clip-key``: a key for blurred clips."""

from pathlib import Path
from typing import Annotated

import typer


def clip_key(
    file: Annotated[
        Path, typer.Argument(help="The new file; clips.key_file of the site names it.")
    ],
) -> None:
    """Write a new key for blurred clips of alarms into a file of its own.

    Only its user can read the file. Clips can be seen only with the key that they were
    encrypted with: keep a copy, in another place than that of the store.
    """
    from services.clips.key import write_new_key

    write_new_key(file)
    typer.echo(f"{file}: a new key")
