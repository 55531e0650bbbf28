"""The limit of failed logins."""

import pytest

from services.console.login_limit import LoginLimit
from tests.fakes import FakeClock


def test_the_sixth_try_waits_until_the_first_is_five_minutes_old() -> None:
    clock = FakeClock()
    limit = LoginLimit(clock)
    for _ in range(5):
        assert limit.wait_s("kim", "10.0.0.1") == 0
        limit.failed("kim", "10.0.0.1")
        clock.advance_s(10)
    assert limit.wait_s("kim", "10.0.0.1") == 250
    clock.advance_s(250)
    assert limit.wait_s("kim", "10.0.0.1") == 0


def test_who_guesses_a_name_locks_out_nobody_elsewhere() -> None:
    limit = LoginLimit(FakeClock())
    for _ in range(5):
        limit.failed("kim", "10.0.0.1")
    assert limit.wait_s("kim", "10.0.0.1") > 0
    assert limit.wait_s("kim", "10.0.0.2") == 0


def test_a_name_that_many_addresses_guess_waits_everywhere() -> None:
    limit = LoginLimit(FakeClock())
    for number in range(50):
        assert limit.wait_s("kim", "10.0.9.9") == 0
        limit.failed("kim", f"10.0.0.{number}")
    assert limit.wait_s("kim", "10.0.9.9") > 0


def test_an_address_that_tries_many_names_waits_for_every_name() -> None:
    limit = LoginLimit(FakeClock())
    for number in range(20):
        limit.failed(f"user-{number}", "10.0.0.1")
    assert limit.wait_s("kim", "10.0.0.1") > 0
    assert limit.wait_s("kim", "10.0.0.2") == 0


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
    ],
)
def test_the_addresses_of_one_network_are_one(
    one: str, other: str, *, is_one: bool
) -> None:
    limit = LoginLimit(FakeClock())
    for _ in range(5):
        limit.failed("kim", one)
    assert (limit.wait_s("kim", other) > 0) == is_one


def test_a_flood_of_names_does_not_let_further_tries_go_uncounted() -> None:
    limit = LoginLimit(FakeClock())
    for number in range(10_001):
        limit.failed(f"user-{number}", f"10.{number >> 8}.{number % 256}.1")
    for _ in range(5):
        assert limit.wait_s("kim", "10.255.0.1") == 0
        limit.failed("kim", "10.255.0.1")
    assert limit.wait_s("kim", "10.255.0.1") > 0


def test_a_login_forgets_the_failures_of_its_name() -> None:
    limit = LoginLimit(FakeClock())
    for _ in range(5):
        limit.failed("kim", "10.0.0.1")
    limit.succeeded("kim", "10.0.0.1")
    assert limit.wait_s("kim", "10.0.0.1") == 0


def test_logins_of_a_shared_address_do_not_use_up_its_tries() -> None:
    limit = LoginLimit(FakeClock())
    for _ in range(100):
        limit.failed("kim", "10.0.0.1")
        limit.succeeded("kim", "10.0.0.1")
    assert limit.wait_s("kim", "10.0.0.1") == 0
