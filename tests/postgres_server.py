"""A PostgreSQL server of the tests' own, in a temporary folder.

PostgreSQL refuses to run as root, so root starts it as Debian's user ``postgres``.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, final

from sqlalchemy import URL, create_engine

PASSWORD = "carers only"
_INSTALLED = Path("/usr/lib/postgresql")
_USER = "ward"
_WAIT_S = 30


@final
class PostgresServer:
    """A server that listens on 127.0.0.1 and wants a password."""

    def __init__(self) -> None:
        versions = sorted(_INSTALLED.glob("*/bin"), key=lambda it: int(it.parent.name))
        self._programs = versions[-1]
        self._folder = Path(tempfile.mkdtemp(prefix="wardwatch-postgres-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._schemas = 0

    def __enter__(self) -> Self:
        try:
            login = self._folder / "login"
            login.write_text(PASSWORD)
            if os.geteuid() == 0:
                for path in (self._folder, login):
                    shutil.chown(path, "postgres", "postgres")
            self._run(
                *("initdb", "--pgdata", str(self._data), "--no-sync"),
                *("--username", _USER, "--auth", "scram-sha-256"),
                *("--pwfile", str(login), "--encoding", "UTF8", "--locale", "C"),
            )
            self.start()
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = (
            f"-h 127.0.0.1 -p {self.port} -c unix_socket_directories=''"
            " -c fsync=off -c full_page_writes=off -c max_connections=50"
        )
        log = str(self._folder / "log")
        self._run("pg_ctl", *self._of_data, "--log", log, "--options", options, "start")

    def stop(self) -> None:
        """Stop the server at once, as if the machine had lost its power."""
        self._run("pg_ctl", *self._of_data, "--mode", "immediate", "stop")

    def url(self, **changes: Any) -> URL:
        """Return the URL of the server's own database, or one with other parts."""
        login = _USER, PASSWORD, "127.0.0.1", self.port, "postgres"
        return URL.create("postgresql+psycopg", *login).set(**changes)

    def new_schema(self) -> URL:
        """Create an empty schema, and return the URL of a store in it.

        A schema costs a millisecond; a database of its own costs a copy of seven MB.
        """
        self._schemas += 1
        name = f"ward_{self._schemas}"
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        engine.dispose()
        return self.url(query={"options": f"-csearch_path={name}"})

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _of_data(self) -> Sequence[str]:
        return "--pgdata", str(self._data), "--wait", "--timeout", str(_WAIT_S)

    def _run(self, program: str, *arguments: str) -> None:
        user: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=2 * _WAIT_S,
            **user,
        )
