"""Gathers the commands ``wardwatch bench …``."""

import typer

from services.commands.bench.alarms import console, crash, store
from services.commands.bench.recognition import drift, encoder, profile, service, soak

app = typer.Typer(
    no_args_is_help=True, help="Measure what parts of wardwatch cost on this machine."
)

for command in (drift, encoder, profile, service, soak, crash, store, console):
    app.command()(command)
