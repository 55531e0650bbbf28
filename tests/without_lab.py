"""Processes in which the laboratory and its libraries cannot be imported."""

import os
import sys
from pathlib import Path

_HIDE = """
import sys

HIDDEN = ("pipelines.lab", "matplotlib", "mujoco", "river", "sklearn")

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name in HIDDEN or name.startswith(tuple(f"{it}." for it in HIDDEN)):
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Hiding, sys.meta_path)
"""


def without_lab(folder: Path) -> dict[str, str]:
    """Return an environment for a process and its children, Ray's workers included.

    Python imports ``sitecustomize`` before anything else.
    """
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(_HIDE)
    places = os.pathsep.join(filter(None, (str(folder), *sys.path)))
    return {**os.environ, "PYTHONPATH": places}
