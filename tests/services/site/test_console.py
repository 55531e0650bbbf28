"""The console's section of the file."""

import pytest
from pydantic import ValidationError

from services.site.console import ConsoleSettings
from services.site.settings import Site

OIDC = {
    "issuer": "https://login.example/ward",
    "client_id": "console",
    "console_url": "https://ward.example/",
}


def test_a_site_has_no_console_unless_it_says_so() -> None:
    assert Site.model_validate({"site": "ward-3"}).console is None
    given = Site.model_validate({"site": "ward-3", "console": {}}).console
    assert given == ConsoleSettings()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"tls_cert": "a.pem"}, "tls_cert and tls_key go together"),
        ({"language": "fr"}, "Input should be 'en' or 'de'"),
        ({"snooze_minutes": []}, "at least 1 item"),
        ({"snooze_minutes": [0]}, "greater than or equal to 1"),
        ({"snooze_minutes": [10, 5]}, r"rising minutes, .*got \[10, 5\]"),
        ({"port": 70000}, "less than or equal to 65535"),
        ({"trusted_proxies": ["nginx"]}, "not a valid IPv4 or IPv6 network"),
        ({"trusted_proxies": ["0.0.0.0/0"]}, "trusts everybody; name the addresses"),
        ({"password_login": "administrators"}, "needs oidc, or nobody else can log in"),
        ({"oidc": {**OIDC, "issuer": "http://login.example"}}, "expected https://; "),
        ({"oidc": {**OIDC, "console_url": "ward.example"}}, "expected https://HOST/"),
        ({"oidc": {**OIDC, "scopes": ["profile"]}}, "openid must be one of them"),
        ({"oidc": {**OIDC, "roles": {"it": "root"}}}, "Input should be 'viewer', "),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ConsoleSettings.model_validate(values)


def test_hub_and_console_need_ports_of_their_own() -> None:
    site = {"site": "ward-3", "hub": {"port": 9480}, "console": {}}
    with pytest.raises(ValidationError, match=r"hub.port and console.port are both"):
        Site.model_validate(site)
    free = {"site": "ward-3", "hub": {"port": 0}, "console": {"port": 0}}
    assert Site.model_validate(free).console is not None


def test_addresses_of_a_provider_follow_from_two() -> None:
    settings = ConsoleSettings.model_validate({"oidc": OIDC}).oidc
    assert settings is not None
    assert settings.callback_url == "https://ward.example/login/openid/callback"
    discovery = "https://login.example/ward/.well-known/openid-configuration"
    assert settings.discovery_url == discovery
    assert settings.client_secret() is None


def test_a_proxy_is_trusted_however_a_socket_writes_its_address() -> None:
    proxies = ["10.0.0.1", "10.1.0.0/16", "fd00::1"]
    settings = ConsoleSettings.model_validate({"trusted_proxies": proxies})
    assert settings.proxy_networks() == [
        *("10.0.0.1/32", "10.1.0.0/16", "fd00::1/128"),
        *("::ffff:10.0.0.1/128", "::ffff:10.1.0.0/112"),
    ]
