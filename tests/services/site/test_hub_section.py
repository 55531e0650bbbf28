"""Where the store is, and its login."""

from pathlib import Path

import pytest

from services.errors import SettingsError, StoreError
from services.site.file import read_site
from services.site.hub import HubSettings

ADDRESS = "postgresql://ward:p%40ss@db.local/ward"


def hub_of(folder: Path, text: str, **environment: str) -> HubSettings:
    path = folder / "site.yaml"
    path.write_text(f"site: w\nhub:\n  folder: {folder}\n{text}")
    return read_site(path, environment).hub


def test_the_store_is_a_file_in_the_folder_without_a_database(tmp_path: Path) -> None:
    url = hub_of(tmp_path, "").store_url()
    assert (url.drivername, url.database) == ("sqlite", f"{tmp_path}/hub.sqlite")


def test_the_folder_of_a_process_replaces_the_file_and_no_database(
    tmp_path: Path,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    file = hub_of(tmp_path, "").store_url(elsewhere)
    assert file.database == f"{elsewhere}/hub.sqlite"
    hub = hub_of(tmp_path, f"  database: {ADDRESS}\n")
    assert hub.store_url(elsewhere).host == "db.local"


def test_a_password_comes_from_a_variable_as_it_is(tmp_path: Path) -> None:
    line = "  database: postgresql://ward:${DB_PW}@db.local/ward\n"
    hub = hub_of(tmp_path, line, DB_PW="p@ss/:%41")
    assert hub.store_url().password == "p@ss/:%41"
    assert "p@ss" not in repr(hub)


def test_an_address_comes_from_a_file_that_is_read_each_time(tmp_path: Path) -> None:
    secret = tmp_path / "address"
    secret.write_text(f"{ADDRESS}\n")
    hub = hub_of(tmp_path, f"  database_file: {secret}\n")
    assert hub.store_url().password == "p@ss"
    secret.unlink()
    with pytest.raises(StoreError, match=r"address: No such file or directory$"):
        hub.store_url()


def test_two_addresses_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "address"
    secret.write_text(ADDRESS)
    lines = f"  database_file: {secret}\n  database: sqlite:////hub.sqlite\n"
    with pytest.raises(SettingsError, match="database and database_file are both"):
        hub_of(tmp_path, lines)


def test_a_file_with_something_else_is_refused_without_its_content(
    tmp_path: Path,
) -> None:
    secret = tmp_path / "address"
    secret.write_text("sEcReT9")
    with pytest.raises(SettingsError, match="expected sqlite:////PATH") as found:
        hub_of(tmp_path, f"  database_file: {secret}\n")
    assert "sEcReT9" not in str(found.value)
