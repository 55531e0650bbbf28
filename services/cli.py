"""The entry of the command ``wardwatch``: streams and signals come first.

The command line itself is in ``services.command_line``. It is imported last, because it
takes some tenths of a second, and Ctrl-C and closed streams are handled from the start.
"""

import os
import pwd
import sys
from tempfile import gettempdir

from services import signals, streams
from services.errors import OutputFailed

_MISTAKE_CODE = 1


def main() -> None:
    """Run the command line of this process, and end it."""
    streams.prepare()
    signals.install()
    _name_user()
    code = streams.finish(_run())
    if signals.exit_code() is not None and "ray" in sys.modules:
        signals.end_at_once(code)  # Ray may take half a minute to end what half started
    sys.exit(code)


def _name_user() -> None:
    """Set a home and a name for a user unknown to the system, as in a container.

    Ray, torch and others ask for both, and fail where neither variable nor entry is.
    """
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        os.environ.setdefault("HOME", gettempdir())
        os.environ.setdefault("LOGNAME", f"uid-{os.getuid()}")


def _run() -> int:
    """Return the exit code; 128 and a signal's number if the signal ended it."""
    try:
        from services.command_line import app, print_traceback, run

        sys.excepthook = print_traceback
        return run(app, sys.argv[1:])
    except OutputFailed as error:  # not every message is printed inside run
        return streams.report(error)
    except BaseException:
        # What a signal interrupts may turn its exception into another one.
        interrupted = signals.exit_code()
        if interrupted is None:
            raise
        return interrupted
