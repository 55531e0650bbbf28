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
        ({"snooze_minutes": []}, "at least 1 item"),
        ({"snooze_minutes": [0]}, "greater than or equal to 1"),
        ({"snooze_minutes": [10, 5]}, r"rising minutes, .*got \[10, 5\]"),
        ({"port": 70000}, "less than or equal to 65535"),
    ],
)
def test_what_does_not_fit_is_refused(values: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ConsoleSettings.model_validate(values)
