"""Logins that have begun: each counts once, for a while, and not too many are kept."""

from services.console.openid.under_way import LONGEST_S, Begun, LoginsUnderWay
from tests.fakes import FakeClock

KIM = Begun("browser of kim", "nonce", "verifier", "/")


def test_a_login_is_taken_once_by_its_own_browser() -> None:
    logins = LoginsUnderWay(FakeClock())
    logins.add("s", KIM, "10.0.0.1")
    assert logins.take("s", "browser of kim") is KIM
    assert logins.take("s", "browser of kim") is None
    logins.add("s", KIM, "10.0.0.1")
    assert logins.take("s", "another browser") is None
    assert logins.take("s", "browser of kim") is None


def test_a_login_is_forgotten_after_ten_minutes() -> None:
    clock = FakeClock()
    logins = LoginsUnderWay(clock)
    logins.add("s", KIM, "10.0.0.1")
    clock.advance_s(LONGEST_S)
    assert logins.take("s", "browser of kim") is None


def test_an_address_that_begins_many_logins_forgets_only_its_own() -> None:
    logins = LoginsUnderWay(FakeClock())
    logins.add("other", KIM, "10.0.0.1")
    for number in range(51):
        logins.add(f"s{number}", KIM, f"2001:db8::{number:x}")  # one network
    assert logins.take("s0", KIM.browser) is None
    assert logins.take("s1", KIM.browser) is KIM
    assert logins.take("other", KIM.browser) is KIM
