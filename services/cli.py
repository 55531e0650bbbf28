"""The entry point of ``wardwatch``: prepares streams and signals, then runs.

The command line itself is in ``services.command_line``. Its import takes some tenths of
a second and comes last, so that Ctrl-C and closed streams are handled from the start.
"""

import os
import pwd
import sys
from tempfile import gettempdir

from services import signals, streams
from services.errors import OutputFailed


def main() -> None:
    """Run the command line of this process, and end the process."""
    streams.prepare()
    signals.install()
    _name_user()
    _let_waiting_threads_sleep()
    code = streams.finish(_run())
    if signals.exit_code() is not None and "ray" in sys.modules:
        signals.end_at_once(
            code
        )  # Ray may need half a minute to end an unfinished start
    sys.exit(code)


def _name_user() -> None:
    """Set home and name for a user without an entry in the system, as in a container.

    Ray, torch and others need both, and fail without a variable or an entry.
    """
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        os.environ.setdefault("HOME", gettempdir())
        os.environ.setdefault("LOGNAME", f"uid-{os.getuid()}")


def _let_waiting_threads_sleep() -> None:
    """Make the threads of torch sleep while they wait for one another.

    By default they wait in a busy loop, which takes the core from whoever they wait
    for. Beside other work on two cores, a picture then cost six times the processor
    time and three times the time. Processes that this one starts inherit the setting,
    and it must be there before torch is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def _run() -> int:
    """Return the exit code; 128 plus a signal's number if a signal ended the run."""
    try:
        from services.command_line import app, print_traceback, run

        sys.excepthook = print_traceback
        return run(app, sys.argv[1:])
    except OutputFailed as error:  # not every message is printed inside run
        return streams.report(error)
    except BaseException:
        # The interrupted code may turn the signal's exception into another one.
        interrupted = signals.exit_code()
        if interrupted is None:
            raise
        return interrupted
