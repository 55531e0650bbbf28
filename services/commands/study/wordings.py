"""The command ``wardwatch study wordings``: free prompts on poses."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.printing import print_table
from services.options import JsonOption, ModelOption
from services.progress import staged_bars

if TYPE_CHECKING:
    from pipelines.lab.studies.figures import Figure
    from pipelines.lab.studies.wordings import WordingReport


def wordings(
    *,
    model: ModelOption = None,
    prompts: Annotated[
        list[Path] | None,
        typer.Option(
            help="Prompt set to compare with the set ward; may be repeated.",
            show_default="three wordings of the same labels",
        ),
    ] = None,
    minutes: Annotated[
        int, typer.Option(min=1, help="Simulated minutes with a fall each.")
    ] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the lives.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Measure free prompts: other words for the labels, and labels never trained.

    Falls of simulated people are found with each prompt set, by clip averaging. Labels
    that no training had are added to the set ward, one at a time.
    """
    from models.bundled import WORDINGS
    from pipelines.lab.studies.wordings import study_wordings

    with staged_bars() as show:
        report = study_wordings(
            model, prompts or WORDINGS, show, minutes=minutes, seed=seed
        )
    if as_json:
        typer.echo(json.dumps(_json(report)))
    else:
        _print(report)


def _json(report: "WordingReport") -> dict[str, object]:
    from pipelines.lab.studies.figures import figures_json

    return {
        "recall": figures_json(report.recall),
        "false_falls": dict(report.false),
        "labels": {
            name: {
                "chosen": None if label.chosen is None else label.chosen.value,
                "wrongly": label.wrongly.value,
                "ranking": label.ranking,
            }
            for name, label in report.labels.items()
        },
    }


def _print(report: "WordingReport") -> None:
    rows = [
        (name, _share(recall), str(report.false[name]))
        for name, recall in report.recall.items()
    ]
    print_table(("Prompt set", "Falls found", "False falls"), rows)
    labels = [
        (
            name,
            "not simulated" if each.chosen is None else _share(each.chosen),
            _share(each.wrongly),
            "-" if each.ranking is None else f"{each.ranking:.2f}",
        )
        for name, each in report.labels.items()
    ]
    header = ("Label never trained", "Chosen", "Chosen wrongly", "Ranking")
    print_table(header, labels)


def _share(figure: "Figure") -> str:
    return "-" if figure.value is None else f"{figure.value:.3f}"
