"""Gathers the commands ``wardwatch study …``."""

import typer

from services.commands.study.drift import drift
from services.commands.study.features import features
from services.commands.study.finder import finder
from services.commands.study.models import add_model_studies
from services.commands.study.month import month
from services.commands.study.pairs import pairs
from services.commands.study.real import real
from services.commands.study.transfer import zero_shot_transfer
from services.commands.study.wordings import wordings
from services.commands.study.worn import worn

app = typer.Typer(no_args_is_help=True, help="Measure how well a method works.")

app.command("real")(real)
app.command("month")(month)
app.command("finder")(finder)
app.command("pairs")(pairs)
app.command("wordings")(wordings)
app.command("worn")(worn)
app.command("drift")(drift)
add_model_studies(app)
app.command("zero-shot-transfer")(zero_shot_transfer)
app.command("features")(features)
