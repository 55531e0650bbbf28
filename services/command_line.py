"""The command line: gathers the commands, and turns errors into one line.

Each command is a module or a package of ``services.commands``. Large libraries (torch,
MuJoCo, GStreamer) are imported inside the command's function: ``--help`` answers at
once, and a machine that lacks one of them can run the other commands.
"""

import inspect
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Annotated, Any

import typer
from typer.rich_utils import rich_format_error

from models.errors import ModelError
from pipelines.errors import PipelineError
from pipelines.redaction import redact
from services import signals
from services.commands import (
    alarms,
    clip_key,
    console,
    demo,
    doctor,
    evaluate,
    model,
    simulate,
    zones,
)
from services.commands import run as service
from services.commands.bench import app as bench
from services.commands.laboratory import is_of_laboratory
from services.commands.study import app as study
from services.commands.train import app as train
from services.commands.watch import command as watch
from services.errors import OutputFailed, ServiceError, SettingsError
from services.version import installed_version

logger = logging.getLogger(__name__)

BAD_INPUT_EXIT_CODE = 2
_INTERRUPTED_CODE = 130
"""The exit code of the command line library for KeyboardInterrupt, for any signal."""

_UsageError: Any = typer.BadParameter.__base__
"""The library's base class of errors in a command line; the name is not exported."""

app = typer.Typer(
    name="wardwatch",
    help="Watch over people who may fall: cameras and wearables become action events. "
    "Not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# One line for each command, in the order of the help.
app.command()(demo.demo)
app.command()(service.run)
app.command()(watch.watch)
app.command()(zones.zones)
app.command()(service.check)
app.command()(alarms.alarms)
app.command()(console.console)
app.command()(clip_key.clip_key)
app.command()(service.schema)
app.command()(simulate.simulate)
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(study.app, name="study")
app.add_typer(bench.app, name="bench")
app.add_typer(model.app, name="model")
app.command()(doctor.doctor)


def _join_help_lines(commands: typer.Typer) -> None:
    """Make each paragraph of the help one line, which the terminal's width breaks."""
    for command in commands.registered_commands:
        text = command.help or inspect.getdoc(command.callback) or ""
        paragraphs = (" ".join(part.split()) for part in text.split("\n\n"))
        command.help = "\n\n".join(paragraphs)
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            _join_help_lines(group.typer_instance)


_join_help_lines(app)


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    typer.echo(f"wardwatch {installed_version()}")
    raise typer.Exit


@app.callback()
def _common(
    *,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Print more details on standard error."),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and exit.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(RedactedLines("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, handlers=[lines]
    )


class RedactedLines(logging.Formatter):
    """Formats log records without the credentials in messages of libraries."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record's text, with its traceback."""
        return redact(super().format(record))


def print_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print a traceback as Python does, without credentials."""
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))


def run(commands: typer.Typer, arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code.

    An error that a person can fix (bad input, a missing file, a full disk, a damaged
    checkpoint) becomes one line on standard error and code 2. An error in the program
    keeps its traceback.

    Raises:
        OutputFailed: If standard output cannot be written.
    """
    try:
        ended = commands(
            args=list(arguments), prog_name="wardwatch", standalone_mode=False
        )
        code = ended if isinstance(ended, int) else 0
    except _UsageError as err:  # its text repeats the arguments
        err.message = redact(err.message)
        rich_format_error(err)
        return BAD_INPUT_EXIT_CODE
    except typer.Abort:
        return 1
    except OutputFailed:
        raise
    except SettingsError as err:
        return _refuse(*err.problems)
    except (PipelineError, ModelError, ServiceError) as err:
        return _refuse(str(err))
    except ModuleNotFoundError as err:
        if not is_of_laboratory(err):
            raise
        return _refuse(
            f"{err.name} is not installed: this command needs the laboratory;"
            " install it with: pip install --editable '.[lab]'"
        )
    except OSError as err:
        logger.info("where it happened", exc_info=err)
        return _refuse(_system_problem(err))
    except UnicodeEncodeError as err:  # libraries want names in UTF-8
        logger.info("where it happened", exc_info=err)
        return _refuse(f"{err.object}: is not {err.encoding} text; rename the file")
    except SystemExit as end:  # the command line library raises it on a closed pipe
        code = end.code if isinstance(end.code, int) else 1
    return (signals.exit_code() or code) if code == _INTERRUPTED_CODE else code


def _refuse(*problems: str) -> int:
    for problem in problems:
        typer.echo(f"wardwatch: {redact(' '.join(problem.split()))}", err=True)
    return BAD_INPUT_EXIT_CODE


def _system_problem(error: OSError) -> str:
    """Return the system's reason, after the file's name if there is one."""
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        return reason
    return f"{os.fsdecode(error.filename)}: {reason[:1].lower()}{reason[1:]}"
