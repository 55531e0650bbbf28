import logging
import os
import signal
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

os.environ["OMP_NUM_THREADS"] = "1"
"""Tensors of tests are tiny: a second thread costs more than it saves.

Threads of OpenMP wait for one another in a busy loop. Where another process has the
core, they burn ten times what the work takes. Processes that tests start inherit this.
"""


hypothesis.settings.register_profile("wardwatch", deadline=None)
hypothesis.settings.load_profile("wardwatch")
"""No deadline for an example: a busy machine is slow, not wrong."""


PACKAGES = ("models", "pipelines", "services")


@pytest.fixture(autouse=True)
def logging_of_the_packages_is_heard(
    caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    """Undo what an earlier test or a library in this process did to all of logging.

    Where it is not heard all the same, the report of a failed test says what is set.
    """
    root = logging.getLogger()
    logging.disable(logging.NOTSET)
    root.setLevel(logging.WARNING)
    caplog.handler.setLevel(logging.NOTSET)
    caplog.handler.filters.clear()
    ours = [
        logger
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in PACKAGES
    ]
    for logger in ours:
        logger.disabled, logger.propagate = False, True
        logger.filters.clear()
        if logging.NOTSET < logger.level < logging.CRITICAL:  # not quiet on purpose
            logger.setLevel(logging.NOTSET)
    unheard = [logger for logger in ours if not _is_heard(logger, caplog)]
    if unheard:
        facts = [repr(logging.root.manager.disable), _facts(root)]
        facts += [_facts(logger) for logger in unheard]
        request.node.add_report_section("setup", "logging", "\n".join(facts))


def _is_heard(logger: logging.Logger, caplog: pytest.LogCaptureFixture) -> bool:
    if logger.level >= logging.CRITICAL:
        return True
    ancestor: logging.Logger | None = logger
    while ancestor is not None and caplog.handler not in ancestor.handlers:
        ancestor = ancestor.parent if ancestor.propagate else None
    return ancestor is not None and logger.isEnabledFor(logging.WARNING)


def _facts(logger: logging.Logger) -> str:
    return f"{logger} {logger.disabled=} {logger.parent=} {logger.handlers=}"


def pytest_configure() -> None:
    """Let interrupts end what tests start, in the background of a shell as well.

    Such a shell has them ignored, and children inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests of the whole service, which take longest."""
    items.sort(key=lambda item: lane_of(item.nodeid) != SERVICE)  # stable


@pytest.hookimpl(optionalhook=True)  # pytest-xdist may be switched off
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Spread the tests over the processes of ``--dist loadscope``."""
    return Lanes(config, log)


class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # it has no type of its own
    """One process for the whole service, the others for the files of all else.

    The tests of the whole service wait for most of their time, so one process runs
    them one after another beside all the others. A file's tests stay together, because
    they share what its fixtures make. Marks for ``--dist loadgroup`` would do the same,
    but pytest-xdist 3.8 loses them with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return lane_of(nodeid)


SERVICE = "tests/end_to_end"


def lane_of(nodeid: str) -> str:
    """Return what the tests of a lane have in common: the whole service, or a file."""
    path = nodeid.partition("::")[0]
    return SERVICE if path.startswith(SERVICE) else path
