"""The command ``wardwatch alarms``: list the open alarms of a site, and answer them."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.commands.printing import print_table
from services.commands.run import ConfigArgument
from services.options import JsonOption

if TYPE_CHECKING:
    from services.site.settings import Site

_HEADER = ("subject", "event", "priority", "state", "raised at", "alarm")


def alarms(
    config: ConfigArgument,
    *,
    ack: Annotated[
        str | None,
        typer.Option(
            metavar="ALARM", help="Acknowledge an alarm, or all of a subject."
        ),
    ] = None,
    snooze: Annotated[
        str | None, typer.Option(metavar="ALARM", help="Silence it for --minutes.")
    ] = None,
    escalate: Annotated[
        str | None,
        typer.Option(metavar="ALARM", help="Call the next step of its escalation now."),
    ] = None,
    resolve: Annotated[
        str | None, typer.Option(metavar="ALARM", help="End it, with --verdict.")
    ] = None,
    by: Annotated[str, typer.Option(help="Who answers; kept in the history.")] = "",
    minutes: Annotated[
        float, typer.Option(min=0.1, max=1440, help="Length of a snooze.")
    ] = 10.0,
    verdict: Annotated[
        str | None, typer.Option(help="What was found: true or false.")
    ] = None,
    note: Annotated[str, typer.Option(help="A line for the history.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List the open alarms of a site, or answer one.

    It asks the site's broker, so it works from any machine that has the file. An answer
    that the service has not taken within five seconds is exit code 1.
    """
    from services.site.file import read_site

    given = {"ack": ack, "snooze": snooze, "escalate": escalate, "resolve": resolve}
    answers = [(kind, about) for kind, about in given.items() if about is not None]
    if len(answers) > 1:
        msg = "give one of --ack, --snooze, --escalate and --resolve"
        raise typer.BadParameter(msg)
    if verdict not in (None, "true", "false"):
        msg = "true or false"
        raise typer.BadParameter(msg, param_hint="--verdict")
    facts: dict[str, object] = {"by": by}
    if snooze is not None:
        facts["minutes"] = minutes
    if resolve is not None:
        facts |= {"verdict": verdict, "note": note}
    site = read_site(config)
    found = asyncio.run(_ask(site, answers, facts))
    if as_json:
        typer.echo(json.dumps(found))
    elif found:
        print_table(_HEADER, map(_row, found))
    elif not answers:
        typer.echo(f"{site.site}: no open alarm")
    if answers and not found:
        typer.echo(
            "wardwatch: the service has not taken the answer: is it running, and the"
            " alarm open?",
            err=True,
        )
        raise typer.Exit(1)


async def _ask(
    site: "Site", answers: list[tuple[str, str]], facts: dict[str, object]
) -> list[dict[str, Any]]:
    """Return the open alarms, or after an answer those that changed.

    Raises:
        BrokerRefused: If there is no connection to the broker.
    """
    from services.delivery.alarm_client import connect_alarms
    from services.delivery.link import BrokerLink
    from services.hub.topics import Topics

    topics = Topics(site.broker.prefix, site.site)
    async with connect_alarms(BrokerLink.of(site.broker), topics) as client:
        found = await client.open_alarms()
        for kind, about in answers:
            found = await client.answer(about, kind, facts)
        return found


def _row(alarm: dict[str, Any]) -> tuple[str, ...]:
    names = ("subject", "name", "priority", "state", "raised_at", "alarm_id")
    subject, *rest = (str(alarm[name]) for name in names)
    return subject, *rest
