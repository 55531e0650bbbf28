"""Whether the laboratory is installed: simulator, studies and training."""

from importlib.util import find_spec

_LIBRARIES = ("matplotlib", "mujoco", "river", "sklearn")


def has_laboratory() -> bool:
    """Tell whether the libraries of the extra ``lab`` can be found."""
    try:
        return all(find_spec(name) is not None for name in _LIBRARIES)
    except ModuleNotFoundError:
        return False


def is_of_laboratory(error: ModuleNotFoundError) -> bool:
    """Tell whether what could not be imported belongs to the laboratory."""
    name = error.name or ""
    return name.startswith(("pipelines.lab", *(f"{it}." for it in _LIBRARIES))) or (
        name in _LIBRARIES
    )
