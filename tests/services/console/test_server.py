"""The process of the console: its first administrator, TLS, and its end."""

import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import text

from services.console.passwords import fits
from services.console.server import (
    FIRST_NAME,
    make_first_administrator,
    open_console,
    set_new_password,
)
from services.errors import ConsoleError
from services.site.console import ConsoleSettings
from services.site.settings import Site
from services.store.access import Act
from services.store.database import sqlite_url
from services.store.store import Store
from tests.console_rig import open_rig
from tests.fakes import FakeClock

SITE = "site: ward-3\nhub: {{ folder: {folder} }}\nconsole: {{ port: 0 }}\n"


def site_file(folder: Path) -> Path:
    Store.migrated(sqlite_url(folder)).close()
    file = folder / "site.yaml"
    file.write_text(SITE.format(folder=folder))
    return file


def test_the_first_administrator_is_made_once_and_must_change_the_password(
    tmp_path: Path,
) -> None:
    store = Store.migrated(sqlite_url(tmp_path))
    site = Site.model_validate({"site": "ward-3"})
    console = open_console(site, ConsoleSettings(), store, FakeClock())
    password = make_first_administrator(console)
    admin = console.access.user(FIRST_NAME)
    assert password is not None
    assert admin is not None
    assert fits(password, admin.password_hash)
    assert (admin.role, admin.must_change) == ("administrator", True)
    assert make_first_administrator(console) is None
    store.close()


def test_a_lost_password_is_replaced_and_an_unknown_name_is_refused(
    tmp_path: Path,
) -> None:
    console = open_rig(tmp_path)
    password = set_new_password(console, "kim")
    kim = console.access.user("kim")
    assert kim is not None
    assert fits(password, kim.password_hash)
    assert (kim.role, kim.must_change) == ("carer", True)
    with pytest.raises(ConsoleError, match=r"^console tom: there is no such user$"):
        set_new_password(console, "tom")
    console.store.close()


def test_a_lost_right_of_the_administrator_comes_back_with_the_password(
    tmp_path: Path,
) -> None:
    console = open_rig(tmp_path)
    nobody = text("UPDATE users SET role = 'viewer', subjects = '[]'")
    console.store.database.execute(nobody)
    set_new_password(console, "Ada")
    ada = console.access.user("ada")
    assert ada is not None
    assert (ada.role, ada.subjects) == ("administrator", None)
    console.access.remove("ada", Act(0, "test"))
    console.store.database.execute(text("DELETE FROM users"))
    with pytest.raises(ConsoleError, match=r"this is no name of a user$"):
        set_new_password(console, "ada lovelace")
    console.store.close()


@pytest.mark.slow
def test_the_command_serves_over_tls_and_ends_with_a_signal(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"),
            *("-keyout", key, "-out", cert, "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    options = ["--tls-cert", str(cert), "--tls-key", str(key)]
    command = [sys.executable, "-m", "services", "console", str(site_file(tmp_path))]
    with subprocess.Popen(
        [*command, *options], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert first.startswith("wardwatch: first login: name admin, password ")
        address = process.stderr.readline().split()[-1]
        port = address.rstrip("/").rpartition(":")[2]
        context = ssl.create_default_context(cafile=str(cert))
        url = f"https://localhost:{port}/healthz"
        with urllib.request.urlopen(url, context=context, timeout=20) as answer:
            assert answer.status == 200
        process.terminate()
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


@pytest.mark.slow
def test_a_console_that_can_no_longer_read_what_is_new_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "services", "console", str(site_file(tmp_path))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()
        address = process.stderr.readline().split()[-1]
        with urllib.request.urlopen(f"{address}healthz", timeout=20) as answer:
            assert answer.status == 200
        store = Store.joined(sqlite_url(tmp_path))
        store.notes.note("expected sources", 5)  # nothing that a hub writes
        store.close()
        try:
            assert process.wait(20) == 1
        finally:
            process.kill()
        assert "console feed failed" in process.stderr.read()
