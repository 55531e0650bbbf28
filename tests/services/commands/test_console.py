"""``wardwatch console``: its mistakes, and a lost password."""

from pathlib import Path

import pytest

from services.command_line import app, run
from services.console.passwords import fits
from services.hub.http import listen
from services.store.access import Access
from services.store.database import sqlite_url
from services.store.store import Store


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    Store.migrated(sqlite_url(tmp_path)).close()
    file = tmp_path / "site.yaml"
    file.write_text(f"site: ward-3\nhub: {{ folder: {tmp_path} }}\n")
    return file


def test_a_lost_password_is_replaced(
    site_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(app, ["console", str(site_file), "--reset-password", "admin"]) == 0
    password = capsys.readouterr().out.split()[-1]
    store = Store.joined(sqlite_url(site_file.parent))
    admin = Access(store.database).user("admin")
    store.close()
    assert admin is not None
    assert fits(password, admin.password_hash)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--tls-cert", "a.pem"], "tls_cert and tls_key go together"),
        (["--tls-cert", "SITE", "--tls-key", "SITE"], "no certificate with its key"),
        (["--tls-cert", "a.pem", "--tls-key", "b.pem"], "a.pem: No such file"),
        (["--reset-password", "tom"], "console tom: there is no such user"),
    ],
)
def test_a_mistake_is_one_line(
    site_file: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    problem: str,
) -> None:
    run(app, ["console", str(site_file), "--reset-password", "admin"])
    capsys.readouterr()
    given = [str(site_file) if it == "SITE" else it for it in options]
    assert run(app, ["console", str(site_file), *given]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert problem in error


def test_a_console_without_a_store_says_who_makes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(f"site: ward-3\nhub: {{ folder: {tmp_path / 'none'} }}\n")
    assert run(app, ["console", str(file)]) == 2
    assert "start the hub with wardwatch run" in capsys.readouterr().err


def test_a_port_that_another_console_has_is_one_line(
    site_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with listen("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        assert run(app, ["console", str(site_file), "--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"wardwatch: 127.0.0.1:{port}: address already in use; set console.port to"
        " another number, or stop the program that listens there\n"
    )
