"""The command line: gathers the commands, and turns errors into one line.

Each command is a module of ``services.commands``. What is heavy (torch, MuJoCo,
GStreamer) is imported inside the command's function, so that ``--help`` answers at
once and a machine that lacks one of them can still run the others.
"""

import logging
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from models.errors import ModelError
from pipelines.errors import PipelineError
from services.commands import (
    bench,
    demo,
    doctor,
    evaluate,
    model,
    simulate,
    study,
    train,
    watch,
)
from services.commands import (
    run as service,
)
from services.errors import ServiceError, SettingsError

BAD_INPUT_EXIT_CODE = 2

app = typer.Typer(
    name="wardwatch",
    help="Watches over people who may fall: cameras and wearables become action "
    "events. Not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# One line for each command, in the order of the help.
app.command()(demo.demo)
app.command()(service.run)
app.command()(watch.watch)
app.command()(service.check)
app.command()(service.schema)
app.command()(simulate.simulate)
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(study.app, name="study")
app.add_typer(bench.app, name="bench")
app.add_typer(model.app, name="model")
app.command()(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    try:
        number = version("wardwatch")
    except PackageNotFoundError:  # runs from its folder just as well
        number = "not installed"
    typer.echo(f"wardwatch {number}")
    raise typer.Exit


@app.callback()
def _common(
    *,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say more on standard error.")
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
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


def run(commands: typer.Typer, arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code.

    An error that a person can mend (bad input, a missing file, a damaged checkpoint)
    becomes one line on standard error and code 2; a mistake of ours keeps its
    traceback.
    """
    try:
        commands(args=list(arguments), prog_name="wardwatch")
    except SettingsError as err:
        for problem in err.problems:
            typer.echo(f"wardwatch: {problem}", err=True)
        return BAD_INPUT_EXIT_CODE
    except (PipelineError, ModelError, ServiceError) as err:
        typer.echo(f"wardwatch: {' '.join(str(err).split())}", err=True)
        return BAD_INPUT_EXIT_CODE
    except SystemExit as end:  # how the command line library ends every command
        return end.code if isinstance(end.code, int) else 1
    return 0


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(app, sys.argv[1:]))
