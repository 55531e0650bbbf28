"""Run the service of a site, from the checks before its start to its end."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services import signals
from services.tasks import end_tasks

if TYPE_CHECKING:
    from services.site.openid import OpenIdSettings
    from services.site.settings import Site
    from services.supervisor.supervisor import Supervisor

    Say = Callable[[str], None]

_TARGETS = ("notify", "webhooks", "alertmanager")
_RELOADED = ("subjects", *_TARGETS)
"""What a signal changes while the service runs; all else needs a new start."""
_PATIENCE_S = 60.0
"""Longest time from the signal to the end: watchers and the hub may each need 20 s."""


async def describe_broker(site: "Site") -> str:
    """Return one line on what the broker allows the site.

    Raises:
        BrokerRefused: If the broker refuses the connection or the publishing.
    """
    from pipelines.clock import SystemClock
    from services.delivery.broker_check import examine
    from services.delivery.link import BrokerLink
    from services.hub.topics import Topics

    link, topics = BrokerLink.of(site.broker), Topics(site.broker.prefix, site.site)
    subjects = [subject.id for subject in site.subjects]
    found = await examine(link, topics, subjects, SystemClock())
    return f"broker {link}: {found}"


async def describe_provider(settings: "OpenIdSettings") -> str:
    """Return one line on the provider of logins.

    Raises:
        ConsoleError: If it cannot be used, or its library is not installed.
    """
    from pipelines.clock import SystemClock
    from services.console.openid.provider import Provider, require_library
    from services.console.openid.refusal import ProviderDown
    from services.errors import ConsoleError

    require_library()
    try:
        found = await Provider(settings, SystemClock()).describe()
    except ProviderDown as down:
        place = f"oidc {settings.issuer}"
        raise ConsoleError(place, down.reason) from None
    return f"console oidc {settings.issuer}: {found}"


def describe_store(site: "Site") -> str:
    """Return one line on the site's store.

    Raises:
        StoreError: If the hub cannot use it.
    """
    from services.store.schema import examine

    return examine(site.hub.store_url(), site.site, site.hub.former_site)


async def check_before_start(site: "Site", say: "Say") -> None:
    """Find problems here that would otherwise appear in a process without a terminal.

    A broker that is down gets a line, since it may come later.

    Raises:
        ServiceError: If a port is in use, the store cannot be written or is another
            site's, the broker refuses the connection, or a library is missing.
    """
    from services.clips.key import require_library
    from services.delivery.link import BrokerLink, is_refusal, try_broker
    from services.errors import BrokerRefused
    from services.hub.http import listen_again
    from services.store.store import Store

    if site.clips is not None:
        require_library()
    listen_again(site.hub.host, site.hub.port, None).close()
    hub = site.hub
    Store.migrated(hub.store_url(), site.site, hub.former_site).close()
    link = BrokerLink.of(site.broker)
    problem = await try_broker(link)
    if problem and is_refusal(problem):
        raise BrokerRefused(str(link), problem)
    if problem:
        say(f"broker {link}: {problem}")


async def run_until_signal(
    supervisor: "Supervisor", config: Path, say: "Say", *, ray_is_ours: bool
) -> bool:
    """Run the service until a signal asks for its end; SIGHUP reads ``config`` again.

    ``ray_is_ours`` says whether the Ray node ends with this process.

    Returns:
        Whether the service had started.
    """
    stop, reload = asyncio.Event(), asyncio.Event()
    signals.on_hangup(reload)
    with signals.setting(stop, _PATIENCE_S):
        say("starting")
        stopping = asyncio.create_task(stop.wait(), name="wait for a signal")
        starting = asyncio.create_task(supervisor.start(), name="start")
        tasks: list[asyncio.Task[Any]] = [stopping, starting]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                say("ending before it has started")
                if ray_is_ours:  # nothing is watched yet, so nothing can be lost
                    signals.end_at_once(signals.exit_code() or 1)
                return False
            state = starting.result()
            site = supervisor.site
            say(
                f"site {site.site}: {len(site.subjects)} subjects; {state.url}/metrics,"
                f" {state.url}/readyz; events to {site.broker.host}:{site.broker.port}"
            )
            reloading = asyncio.create_task(reload_at(supervisor, config, reload, say))
            losing = asyncio.create_task(
                supervisor.until_lost(), name="wait for the loss of Ray"
            )
            ends = [stopping, reloading, losing]
            tasks = [*ends, *_console(site, config, say)]
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            say("ending")
            return True
        finally:
            await end_tasks(tasks)
            await supervisor.stop()


def _console(site: "Site", config: Path, say: "Say") -> list[asyncio.Task[None]]:
    """Start the console, if the site has one; nothing else depends on it."""
    from pipelines.clock import SystemClock
    from services.site_console import console_command, keep_running

    if site.console is None:
        return []
    running = keep_running(console_command(config), SystemClock(), say)
    return [asyncio.create_task(running, name="console")]


async def reload_at(
    supervisor: "Supervisor", config: Path, reload: asyncio.Event, say: "Say"
) -> None:
    """Apply what may change of the file at each event; keep the old if it is bad.

    Args:
        supervisor: Runs the site.
        config: The site's file.
        reload: Set to have the file read.
        say: Prints a line.
    """
    from ray.exceptions import RayError

    from services.errors import ServiceError, SettingsError
    from services.site.file import read_site

    while True:
        await reload.wait()
        reload.clear()
        try:
            site = read_site(config)
        except SettingsError as err:
            for problem in err.problems:
                say(problem)
            say("the configuration stays as it was")
            continue
        before = supervisor.site
        others = sorted(
            name
            for name in type(site).model_fields
            if name not in _RELOADED and getattr(site, name) != getattr(before, name)
        )
        if others:
            say(f"{', '.join(others)}: changes take effect at the next start")
        try:
            changed = {name: getattr(site, name) for name in _RELOADED}
            await supervisor.apply(before.model_copy(update=changed))
        except (ServiceError, RayError, OSError) as error:
            say(f"not applied ({type(error).__name__}); send SIGHUP again")
        else:
            say(f"{len(site.subjects)} subjects now{_targets_now(before, site)}")


def _targets_now(before: "Site", site: "Site") -> str:
    """Return who gets alarms, if that has changed."""
    if all(getattr(site, name) == getattr(before, name) for name in _TARGETS):
        return ""
    names = [target.name for target in (*site.notify, *site.webhooks)]
    names += [] if site.alertmanager is None else ["Alertmanager"]
    return f"; alarms go to {', '.join(names) or 'nobody'} beside MQTT"
