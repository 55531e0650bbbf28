"""The console's section of the file."""

import pytest
from pydantic import ValidationError

from services.site.console import ConsoleSettings
from services.site.settings import Site


def test_a_site_has_no_console_unless_it_says_so() -> None:
    assert Site.model_validate({"site": "ward-3"}).console is None
    given = Site.model_validate({"site": "ward-3", "console": {}}).console
    assert given == ConsoleSettings()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"tls_cert": "a.pem"}, "tls_cert and tls_key go together"),
        ({"language": "fr"}, "Input should be 'en' or 'de'"),
        ({"port": 70000}, "less than or equal to 65535"),
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
