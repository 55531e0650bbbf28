"""The command ``wardwatch console``: web pages for carers and administrators."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.run import ConfigArgument

if TYPE_CHECKING:
    from services.site.console import ConsoleSettings


def console(
    config: ConfigArgument,
    *,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="the file")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Port; 0 for a free one.", show_default="the file"
        ),
    ] = None,
    tls_cert: Annotated[
        str | None, typer.Option(metavar="FILE", help="Certificate chain (PEM).")
    ] = None,
    tls_key: Annotated[
        str | None, typer.Option(metavar="FILE", help="Its private key (PEM).")
    ] = None,
    reset_password: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Print a new password of a user, and serve nothing."
        ),
    ] = None,
) -> None:
    """Serve the pages where carers see the ward and answer alarms.

    ``wardwatch run`` does this by itself if the site's file has a section console. The
    hub must have made the store before. At the first start it prints the name and the
    password of an administrator, once.
    """
    import asyncio

    from pipelines.clock import SystemClock
    from services.console.server import open_console, serve, set_new_password
    from services.site.file import read_site
    from services.store.store import Store

    site = read_site(config)
    settings = _with_options(site.console, host, port, tls_cert, tls_key)
    store = Store.joined(site.hub.store_url(), site.site)
    try:
        opened = open_console(site, settings, store, SystemClock())
        if reset_password is not None:
            password = set_new_password(opened, reset_password)
            typer.echo(f"new password of {reset_password}: {password}")
            return
        asyncio.run(serve(opened, _say))
    finally:
        store.close()


def _with_options(
    settings: "ConsoleSettings | None",
    host: str | None,
    port: int | None,
    tls_cert: str | None,
    tls_key: str | None,
) -> "ConsoleSettings":
    """Return the file's settings with those of the command line.

    Raises:
        SettingsError: If they do not fit together.
    """
    from pydantic import ValidationError

    from services.errors import SettingsError
    from services.site.console import ConsoleSettings

    given = {"host": host, "port": port, "tls_cert": tls_cert, "tls_key": tls_key}
    values = {} if settings is None else settings.model_dump()
    values |= {name: value for name, value in given.items() if value is not None}
    try:
        return ConsoleSettings.model_validate(values)
    except ValidationError as err:
        problems = [f"console: {problem['msg']}" for problem in err.errors()]
        raise SettingsError(problems) from None


def _say(line: str) -> None:
    typer.echo(f"wardwatch: {line}", err=True)
