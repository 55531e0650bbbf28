import os
import signal

import pytest

os.environ["OMP_NUM_THREADS"] = "1"
"""Tensors of tests are tiny: a second thread costs more than it saves.

Threads of OpenMP wait for one another in a busy loop. Where another process has the
core, they burn ten times what the work takes. Processes that tests start inherit this.
"""


def pytest_configure() -> None:
    """Let interrupts end what tests start, in the background of a shell as well.

    Such a shell has them ignored, and children inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Spread the tests over the processes of ``--dist loadgroup``.

    The tests of the whole service wait for most of their time, so one process runs
    them one after another, from the start, beside all the others. A file's tests stay
    together, because they share what its fixtures make. The processes are asked by
    ``loadgroup``: to them, pytest-xdist says that ``dist`` is "no".
    """
    if not config.getoption("loadgroup", default=False):
        return
    items.sort(key=lambda item: group_of(item) != SERVICE)  # stable
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))


SERVICE = "service"


def group_of(item: pytest.Item) -> str:
    """Return the group whose tests run in one process."""
    if item.get_closest_marker("ray") or item.path.parent.name == "end_to_end":
        return SERVICE
    return item.path.relative_to(item.config.rootpath).as_posix()
