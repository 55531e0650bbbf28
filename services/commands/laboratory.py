"""Whether the laboratory is installed: simulator, studies and training."""

from importlib.util import find_spec

_LIBRARIES = ("matplotlib", "mujoco", "river", "sklearn")


def has_laboratory() -> bool:
    """Return whether all libraries of the extra ``lab`` are installed."""
    try:
        return all(find_spec(name) is not None for name in _LIBRARIES)
    except ModuleNotFoundError:
        return False


def is_of_laboratory(error: ModuleNotFoundError) -> bool:
    """Return whether the missing module belongs to the laboratory."""
    name = error.name or ""
    return name.startswith("pipelines.lab") or name.partition(".")[0] in _LIBRARIES
