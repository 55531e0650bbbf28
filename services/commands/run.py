"""The commands ``wardwatch run``, ``check`` and ``schema``: the service of a site."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from services.site_run import (
    check_before_start,
    describe_broker,
    describe_provider,
    describe_store,
    run_until_signal,
)

ConfigArgument = Annotated[
    Path, typer.Argument(help="The site's YAML file; see deploy/site.example.yaml.")
]


def run(
    config: ConfigArgument,
    *,
    ray_address: Annotated[
        str | None,
        typer.Option(
            help="Ray cluster to join: host:6379, or auto.",
            show_default="a new one on this machine",
        ),
    ] = None,
) -> None:
    """Watch a site: publish events by MQTT, and metrics for Prometheus.

    Runs until SIGTERM or Ctrl-C, and ends without losing an event. The exit code is 0,
    or 143 and 130 if the service had not started yet. A second signal ends it at once.

    SIGHUP reads the file again and applies changed subjects, phones, webhooks and
    Alertmanager; the others are not disturbed. If Ray dies, the exit code is 75: start
    the service again, as systemd does.
    """
    from services.site.file import read_site
    from services.supervisor.ray_preflight import check_ray_address, check_ray_folder

    site = read_site(config)
    asyncio.run(check_before_start(site, _say))
    check_ray_folder()
    if ray_address is not None:
        check_ray_address(ray_address)
    from pipelines.clock import SystemClock
    from services.errors import RESTART_EXIT_CODE, RayLost
    from services.supervisor.supervisor import Supervisor  # slow: imports Ray

    supervisor = Supervisor(site, SystemClock(), ray_address, say=_say)
    try:
        ray_is_ours = ray_address is None
        started = asyncio.run(
            run_until_signal(supervisor, config, _say, ray_is_ours=ray_is_ours)
        )
    except RayLost as err:
        _say(str(err))
        raise typer.Exit(RESTART_EXIT_CODE) from None
    if not started:
        raise KeyboardInterrupt


def check(
    config: ConfigArgument,
    *,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Check only the file; reach nothing."),
    ] = False,
    notify: Annotated[
        bool,
        typer.Option(
            "--notify",
            help="Send each phone and webhook a test message, and try Alertmanager.",
        ),
    ] = False,
) -> None:
    """Check a site's file, its store, its broker and its provider of logins.

    Mistakes of the file are printed with their lines. The store is only read.

    The check of the broker prints the version of MQTT, whether the site may publish,
    and whether delivery can be confirmed. It publishes an empty message to the topics
    that it checks. A provider of logins is asked what it says of itself.
    """
    from services.site.file import read_site

    site = read_site(config)
    wearables = sum(subject.imu is not None for subject in site.subjects)
    typer.echo(
        f"{config}: no mistakes; site {site.site}, subjects: {len(site.subjects)},"
        f" wearables: {wearables}"
    )
    if site.clips is not None:
        from services.clips.key import require_library

        require_library()
        names = ", ".join(site.clip_subjects) or "nobody"
        typer.echo(f"blurred clips of alarms are stored of: {names}")
    if not offline:
        _say(describe_store(site))
        _say(asyncio.run(describe_broker(site)))
        if site.console is not None and site.console.oidc is not None:
            _say(asyncio.run(describe_provider(site.console.oidc)))
    if notify:
        from pipelines.clock import SystemClock
        from services.delivery.alertmanager import send
        from services.delivery.notices import send_test, targets_of

        clock, all_took = SystemClock(), True
        for target in targets_of(site):
            problem = asyncio.run(send_test(target, site.site, clock)).problem
            typer.echo(f"{target.label}: {problem or 'has taken the test message'}")
            all_took = all_took and not problem
        if site.alertmanager is not None:
            problem = asyncio.run(send(site.alertmanager, [])).problem
            typer.echo(f"alertmanager: {problem or 'takes alerts'}")
            all_took = all_took and not problem
        if not all_took:
            raise typer.Exit(1)


def schema() -> None:
    """Print the JSON Schema of a site's file, for editors."""
    from services.site.settings import Site

    typer.echo(json.dumps(Site.model_json_schema(), indent=2))


def _say(line: str) -> None:
    typer.echo(f"wardwatch: {line}", err=True)
