"""The commands ``wardwatch run``, ``check`` and ``schema``: the service of a site."""

import asyncio
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services import signals

if TYPE_CHECKING:
    from services.site.settings import Site
    from services.supervisor.supervisor import Supervisor

logger = logging.getLogger(__name__)

_PATIENCE_S = 60.0
"""From the signal on: watchers and the hub may each take a third of it to end."""

ConfigArgument = Annotated[
    Path, typer.Argument(help="The site's YAML file; see deploy/site.example.yaml.")
]


def run(
    config: ConfigArgument,
    *,
    ray_address: Annotated[
        str | None,
        typer.Option(
            help="Ray cluster to join, as host:6379 or auto.",
            show_default="one on this machine",
        ),
    ] = None,
) -> None:
    """Watch a site: events and alarms to MQTT, metrics to Prometheus.

    Runs until SIGTERM or Ctrl-C, and ends without losing an event: exit code 0, or 143
    and 130 if it had not started yet. A second signal ends it at once. SIGHUP reads the
    file again: subjects come, go and change, and the others are not disturbed.
    If Ray dies, the exit code is 75: start the service again, as systemd does.
    """
    from services.site.file import read_site
    from services.supervisor.ray_preflight import check_ray_address, check_ray_folder

    site = read_site(config)
    asyncio.run(_preflight(site))
    check_ray_folder()
    if ray_address is not None:
        check_ray_address(ray_address)
    from pipelines.clock import SystemClock
    from services.errors import RESTART_EXIT_CODE, RayLost
    from services.supervisor.supervisor import Supervisor  # Ray takes its time

    supervisor = Supervisor(site, SystemClock(), ray_address, say=_say)
    try:
        started = asyncio.run(_run(supervisor, config, ray_is_ours=ray_address is None))
    except RayLost as err:
        _say(str(err))
        raise typer.Exit(RESTART_EXIT_CODE) from None
    if not started:
        raise KeyboardInterrupt


def check(
    config: ConfigArgument,
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Read the file alone; try no broker.")
    ] = False,
) -> None:
    """Read a site's file, say every mistake with its line, and try the broker.

    Says whether the broker is there, which MQTT it speaks, whether it lets us publish
    and whether delivery can be confirmed. An empty message goes to the topics tried.
    """
    from services.site.file import read_site

    site = read_site(config)
    wearables = sum(subject.imu is not None for subject in site.subjects)
    typer.echo(
        f"{config}: all right; site {site.site} with {len(site.subjects)} subjects"
        f" and {wearables} wearables"
    )
    if not offline:
        asyncio.run(_try_broker(site))


def schema() -> None:
    """Print the JSON Schema of a site's file, for editors."""
    from services.site.settings import Site

    typer.echo(json.dumps(Site.model_json_schema(), indent=2))


def _say(line: str) -> None:
    typer.echo(f"wardwatch: {line}", err=True)


async def _try_broker(site: "Site") -> None:
    """Say what the broker lets the site do.

    Raises:
        BrokerRefused: If it does not let us in, or not publish.
    """
    from pipelines.clock import SystemClock
    from services.delivery.broker_check import examine
    from services.delivery.link import BrokerLink
    from services.hub.topics import Topics

    link, topics = BrokerLink.of(site.broker), Topics(site.broker.prefix, site.site)
    subjects = [subject.id for subject in site.subjects]
    found = await examine(link, topics, subjects, SystemClock())
    _say(f"broker {link}: {found.text}")


async def _preflight(site: "Site") -> None:
    """Find out in this process what would fail in another, where nobody reads it.

    Raises:
        ServiceError: If a port is taken, the store cannot be written, or the broker
            does not let us in. One that is not there may come later.
    """
    from services.delivery.mqtt import BrokerLink, is_refusal, try_broker
    from services.errors import BrokerRefused
    from services.hub.http import listen
    from services.hub.store import Store

    listen(site.hub.host, site.hub.port).close()
    Store(site.hub.folder).close()
    link = BrokerLink.of(site.broker)
    problem = await try_broker(link)
    if problem and is_refusal(problem):
        raise BrokerRefused(str(link), problem)
    if problem:
        _say(f"broker {link}: {problem}")


async def _run(supervisor: "Supervisor", config: Path, *, ray_is_ours: bool) -> bool:
    """Run the service until a signal asks for its end; return whether it started."""
    over, again = asyncio.Event(), asyncio.Event()
    signals.on_hangup(again)
    with signals.setting(over, _PATIENCE_S):
        _say("starting")
        ending = asyncio.create_task(_wait(over), name="until a signal")
        starting = asyncio.create_task(supervisor.start(), name="start")
        works: list[asyncio.Task[Any]] = [ending, starting]
        try:
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                _say("ending before it has started")
                if ray_is_ours:  # nothing is watched yet, so nothing can be lost
                    signals.end_at_once(signals.exit_code() or 1)
                return False
            state = starting.result()
            site = supervisor.site
            _say(
                f"site {site.site}: {len(site.subjects)} subjects; {state.url}/metrics,"
                f" {state.url}/readyz; events to {site.broker.host}:{site.broker.port}"
            )
            rereading = asyncio.create_task(_reread(supervisor, config, again))
            losing = asyncio.create_task(
                supervisor.until_lost(), name="until Ray is lost"
            )
            works = [ending, rereading, losing]
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            _say("ending")
            return True
        finally:
            for task in works:
                task.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            await supervisor.stop()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _reread(supervisor: "Supervisor", config: Path, again: asyncio.Event) -> None:
    """Take another configuration when it is asked for; keep the old if it is bad."""
    from ray.exceptions import RayError

    from services.errors import ServiceError, SettingsError
    from services.site.file import read_site

    while True:
        await again.wait()
        again.clear()
        try:
            site = read_site(config)
        except SettingsError as err:
            for problem in err.problems:
                _say(problem)
            _say("the configuration stays as it was")
            continue
        kept = supervisor.site
        others = {
            name
            for name in type(site).model_fields
            if name != "subjects" and getattr(site, name) != getattr(kept, name)
        }
        if others:
            _say(f"{', '.join(sorted(others))}: take effect at the next start")
        try:
            await supervisor.apply(kept.model_copy(update={"subjects": site.subjects}))
        except (ServiceError, RayError, OSError) as error:
            _say(f"not taken ({type(error).__name__}); send SIGHUP again")
        else:
            _say(f"{len(site.subjects)} subjects now")
