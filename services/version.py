"""The version of wardwatch."""

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """Return the installed version, or say that wardwatch is not installed."""
    try:
        return version("wardwatch")
    except PackageNotFoundError:  # it also runs from its folder
        return "not installed"
