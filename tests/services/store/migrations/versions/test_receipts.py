"""Users and notices of the version before logins by a provider and receipts."""

from pathlib import Path

from alembic import command
from sqlalchemy import Connection

from services.store.access import Access, User
from services.store.database import Database, sqlite_url
from services.store.notices import DeadNotices
from services.store.receipts import Receipt
from services.store.schema import _config
from services.store.store import Store
from tests.services.store.rows import alarm

ROWS = (
    "INSERT INTO users VALUES ('kim', 'hash', 'carer', '[\"bed-4\"]', 'de', 0)",
    "INSERT INTO notices (number, key, target, alarm_id, title, body, is_taken,"
    " outlives_alarm, refusals, dead_why) VALUES"
    " (1, 'nurses e1 0', 'nurses', 'e1', 't', 'b', 1, 0, 0, NULL),"
    " (2, 'record e1 1', 'record', 'e1', '', '{}', 0, 1, 30, 'answers HTTP 403'),"
    " (3, 'record e1 2', 'record', 'e1', '', '{}', 0, 1, 0, NULL)",
)


def make_old_file(folder: Path) -> None:
    def work(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        for row in ROWS:
            connection.exec_driver_sql(row)

    database = Database(sqlite_url(folder))
    database.do(work)
    database.close()


def test_users_and_notices_of_version_0004_are_kept(tmp_path: Path) -> None:
    make_old_file(tmp_path)
    store = Store.migrated(sqlite_url(tmp_path))
    kim = User("kim", "hash", "carer", ("bed-4",), "de", must_change=False)
    assert Access(store.database).user("kim") == kim
    assert store.receipts.of_alarm(alarm("e1")) == [
        Receipt("nurses", 0, "delivered"),  # of which the time is not known
        Receipt("record", 1, "given up", refusals=30, why="answers HTTP 403"),
        Receipt("record", 2, "waiting"),
    ]
    assert store.notices.dead("record") == DeadNotices(1, "answers HTTP 403")
    assert [each.key for each in store.notices.waiting()] == ["record e1 2"]
    store.close()
