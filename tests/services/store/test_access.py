"""Users, sessions and tokens, on SQLite and on PostgreSQL."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from services.store.access import Access, Act, User
from services.store.database import sqlite_url
from services.store.store import Store

ACT = Act(100, "ada")
ADA = User("ada", "hash a", "administrator")
KIM = User("kim", "hash k", "carer", ("bed-1",), "de")
MINUTE_NS = 60_000_000_000


@pytest.fixture
def access(store: Store) -> Access:
    access = Access(store.database)
    assert access.add(ADA, ACT)
    assert access.add(KIM, ACT)
    return access


def test_users_come_back_as_they_were_added(access: Access) -> None:
    assert access.users() == [ADA, KIM]
    assert access.user("nobody") is None


def test_a_name_that_is_taken_changes_nobody(access: Access) -> None:
    assert not access.add(replace(KIM, role="administrator"), ACT)
    assert access.user("kim") == KIM


def test_every_change_is_in_the_audit(access: Access, store: Store) -> None:
    access.set_rights("kim", "viewer", None, ACT)
    access.set_password("kim", "new", ACT, must_change=True)
    access.set_language("kim", None, ACT)
    access.open_session("kim", "s", ACT)
    access.close_session("s", ACT)
    access.add_token("kim", "pager", ["read"], "t", ACT)
    access.remove_token(1, ACT)
    access.remove("kim", ACT)
    entries = store.audit.page(20)[::-1]
    assert [entry.what for entry in entries] == [
        *("user added", "user added", "rights changed", "password changed"),
        *("language changed", "logged in", "logged out", "token added"),
        *("token removed", "user removed"),
    ]
    assert {(entry.at_ns, entry.who) for entry in entries} == {(100, "ada")}
    assert "new" not in str([entry.detail for entry in entries])


def test_a_store_that_takes_no_writes_still_lets_people_read(tmp_path: Path) -> None:
    store = Store.migrated(sqlite_url(tmp_path))
    access = Access(store.database)
    access.add(KIM, ACT)
    access.open_session("kim", "s", ACT)
    access.add_token("kim", "pager", ["read"], "t", ACT)
    for table in ("sessions", "tokens"):
        refuse = f"CREATE TRIGGER full_{table} BEFORE UPDATE ON {table} BEGIN"
        store.database.execute(text(f"{refuse} SELECT RAISE(ABORT, 'full'); END"))
    later_ns = ACT.at_ns + 2 * MINUTE_NS
    assert access.session("s", later_ns, 9 * MINUTE_NS, 9 * MINUTE_NS) == KIM
    assert access.token("t", later_ns) is not None
    store.close()


def test_somebody_stays_administrator(access: Access) -> None:
    assert not access.remove("ada", ACT)
    assert not access.set_rights("ada", "carer", None, ACT)
    access.set_rights("kim", "administrator", None, ACT)
    assert access.remove("ada", ACT)
    assert access.has_administrator()


def test_a_session_lasts_while_it_is_used_and_not_beyond_its_limit(
    access: Access,
) -> None:
    access.open_session("kim", "s", Act(0, "kim"))

    def who(at_ns: int) -> User | None:
        return access.session("s", at_ns, idle_ns=10 * MINUTE_NS, most_ns=10**15)

    assert who(9 * MINUTE_NS) == KIM
    assert who(18 * MINUTE_NS) == KIM  # because it was used in between
    assert who(28 * MINUTE_NS) is None
    assert access.session("s", 19 * MINUTE_NS, 10**15, 19 * MINUTE_NS) is None
    assert access.session("other", 1, 10**15, 10**15) is None


def test_old_sessions_can_be_dropped(access: Access) -> None:
    access.open_session("kim", "s", Act(5, "kim"))
    access.drop_old_sessions(5)
    assert access.session("s", 6, 100, 100) == KIM
    access.drop_old_sessions(6)
    assert access.session("s", 6, 100, 100) is None


def test_a_new_password_ends_sessions_and_a_reset_ends_tokens_too(
    access: Access,
) -> None:
    access.open_session("kim", "s", ACT)
    access.add_token("kim", "pager", ["read"], "t", ACT)
    access.set_password("kim", "own", ACT, must_change=False)
    assert access.session("s", 101, 100, 100) is None
    assert access.token("t", 101) is not None
    access.set_password("kim", "reset", ACT, must_change=True)
    assert access.token("t", 101) is None


def test_a_token_knows_its_user_its_scopes_and_its_last_use(access: Access) -> None:
    access.add_token("kim", "pager", ["read", "answer"], "t", ACT)
    found = access.token("t", 5 * MINUTE_NS)
    assert found is not None
    assert found[0] == KIM
    assert found[1].scopes == ("read", "answer")
    (token,) = access.tokens("kim")
    assert token.used_ns == 5 * MINUTE_NS
    assert access.tokens("ada") == []
    access.remove_token(token.number, ACT)
    assert access.token("t", 6 * MINUTE_NS) is None
