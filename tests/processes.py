"""The processes of a running service, found by their command lines."""

from pathlib import Path

from services.process_tree import process_tree


def processes_named(beginning: str, root: int) -> set[int]:
    """Return the descendants of a process whose command line begins so."""
    found = set()
    for number in process_tree(root):
        try:
            command = Path(f"/proc/{number}/cmdline").read_text()
        except OSError:  # the process has ended meanwhile
            continue
        if command.startswith(beginning):
            found.add(number)
    return found
