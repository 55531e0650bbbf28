"""What ``wardwatch check`` says about the store."""

from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine

from services.command_line import app, run
from services.demo.broker import Broker
from services.store.database import sqlite_url
from services.store.store import Store
from tests.postgres_server import PASSWORD, PostgresServer


def check(folder: Path, broker: Broker, database: URL | str) -> int:
    if isinstance(database, URL):
        database = database.render_as_string(hide_password=False)
    path = folder / "site.yaml"
    path.write_text(
        f"site: ward-3\nbroker: {{port: {broker.port}}}\n"
        f"hub: {{folder: {folder}, database: '{database}'}}\n"
    )
    return run(app, ["check", str(path)])


def test_a_store_that_is_up_to_date_is_said(
    store_url: URL, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.migrated(store_url)
    store.close()
    with Broker() as broker:
        assert check(tmp_path, broker, store_url) == 0
    said = capsys.readouterr().err
    name = store.database.name
    assert f"store {name}: reached, its tables are up to date\n" in said
    assert PASSWORD not in said


@pytest.mark.slow
def test_an_empty_postgresql_is_left_empty(
    postgres: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = postgres.new_schema()
    with Broker() as broker:
        assert check(tmp_path, broker, url) == 0
        assert check(tmp_path, broker, url) == 0
    expected = "the next start brings its tables up to date"
    assert capsys.readouterr().err.count(expected) == 2


@pytest.mark.slow
def test_a_login_that_must_not_create_tables_is_one_line(
    postgres: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = postgres.new_schema()
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        login = f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'"
        connection.exec_driver_sql(login)
    engine.dispose()
    with Broker() as broker:
        assert check(tmp_path, broker, url.set(username="reader")) == 2
    said = capsys.readouterr().err
    assert "the login must not create tables; GRANT CREATE ON SCHEMA to it" in said


@pytest.mark.slow
def test_a_wrong_password_is_one_line_without_it(
    postgres: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Broker() as broker:
        assert check(tmp_path, broker, postgres.url(password="sEcReT9")) == 2
    said = capsys.readouterr().err
    assert "password authentication failed" in said
    assert "sEcReT9" not in said
    assert len(said.splitlines()) == 1


def test_an_address_of_another_kind_is_a_mistake_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Broker() as broker:
        assert check(tmp_path, broker, "mysql://kim:sEcReT9@h/ward") == 2
    said = capsys.readouterr().err
    assert "site.yaml:3: hub.database: expected sqlite:////PATH or postgresql" in said
    assert "sEcReT9" not in said


def test_a_file_that_is_no_database_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.sqlite").write_text("no database" * 100)
    with Broker() as broker:
        assert check(tmp_path, broker, sqlite_url(tmp_path)) == 2
    assert "hub.sqlite: file is not a database\n" in capsys.readouterr().err
