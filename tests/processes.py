"""The processes of a running service, found by their command lines."""

from contextlib import suppress

import psutil


def process_tree(root: int) -> set[int]:
    """Return the ids of a process and of all its descendants."""
    top = psutil.Process(root)
    return {root, *(each.pid for each in top.children(recursive=True))}


def processes_named(beginning: str, root: int) -> set[int]:
    """Return the descendants of a process whose command line begins so."""
    found = set()
    for number in process_tree(root):
        with suppress(psutil.Error):  # the process has ended meanwhile
            if " ".join(psutil.Process(number).cmdline()).startswith(beginning):
                found.add(number)
    return found
