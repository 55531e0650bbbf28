"""The limit of failed logins."""

from services.console.login_limit import LoginLimit
from tests.fakes import FakeClock


def test_the_sixth_try_of_a_name_waits_until_the_first_is_five_minutes_old() -> None:
    clock = FakeClock()
    limit = LoginLimit(clock)
    for _ in range(5):
        assert limit.wait_s("kim", "10.0.0.1") == 0
        limit.failed("kim", "10.0.0.1")
        clock.advance_s(10)
    assert limit.wait_s("kim", "10.0.0.2") == 250
    clock.advance_s(250)
    assert limit.wait_s("kim", "10.0.0.1") == 0


def test_an_address_that_tries_many_names_waits_for_every_name() -> None:
    limit = LoginLimit(FakeClock())
    for number in range(20):
        limit.failed(f"user-{number}", "10.0.0.1")
    assert limit.wait_s("kim", "10.0.0.1") > 0
    assert limit.wait_s("kim", "10.0.0.2") == 0


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
