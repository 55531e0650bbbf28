"""What a provider says of itself."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.console.openid.provider import Provider
from services.console.openid.refusal import ProviderDown
from services.site.openid import OpenIdSettings
from tests.fakes import FakeClock
from tests.openid_provider import OpenIdProvider, openid_provider


def describe(provider: OpenIdProvider, folder: Path, **more: Any) -> str:
    settings = OpenIdSettings.model_validate(provider.settings(folder, **more))
    return asyncio.run(Provider(settings, FakeClock()).describe())


def test_a_provider_that_answers_is_described(tmp_path: Path) -> None:
    with openid_provider() as provider:
        said = describe(provider, tmp_path)
        expected = f"answers; logins go to http://127.0.0.1:{provider.port}/authorize"
        assert said == f"{expected}, with a secret"


def test_a_provider_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    faults: list[tuple[dict[str, Any], str]] = [
        ({"issuer": "https://x.example"}, "its discovery names another issuer; .*"),
        ({"token_endpoint": "http://x.example"}, "its token_endpoint is not https://"),
        ({"userinfo_endpoint": "http://x.example"}, "its userinfo_endpoint is not .*"),
        ({"jwks_uri": None}, "its discovery is malformed at jwks_uri"),
        (
            {"id_token_signing_alg_values_supported": ["HS256", "none"]},
            "it signs in no way that is accepted here",
        ),
    ]
    with openid_provider() as provider:
        for discovery, reason in faults:
            provider.discovery = discovery
            with pytest.raises(ProviderDown, match=rf"^{reason}$"):
                describe(provider, tmp_path)
        missing = {"client_secret_file": str(tmp_path / "nothing")}
        provider.discovery = {}
        with pytest.raises(ProviderDown, match=r"client_secret_file: No such file"):
            describe(provider, tmp_path, **missing)
        elsewhere = {"issuer": f"{provider.issuer}/elsewhere"}
        with pytest.raises(ProviderDown, match=r"^its discovery answers HTTP 404$"):
            describe(provider, tmp_path, **elsewhere)
    with pytest.raises(ProviderDown, match=r"^cannot be reached \(ConnectError\)$"):
        describe(provider, tmp_path)


def test_what_a_provider_says_is_asked_again_after_an_hour(tmp_path: Path) -> None:
    async def ask_thrice(provider: OpenIdProvider) -> list[str]:
        clock = FakeClock()
        settings = OpenIdSettings.model_validate(provider.settings(tmp_path))
        asking = Provider(settings, clock)
        urls = []
        for step_s in (0, 3600, 1):
            clock.advance_s(step_s)
            urls.append((await asking.begin())["url"].partition("?")[0])
            provider.discovery = {"authorization_endpoint": "https://new.example"}
        return urls

    with openid_provider() as provider:
        urls = asyncio.run(ask_thrice(provider))
        old = f"{provider.root}/authorize"
        assert urls == [old, old, "https://new.example"]
        assert len(provider.asked) == 2


@pytest.mark.slow
def test_a_missing_library_is_one_line_that_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['authlib'] = None\n"
        "from services.console.openid.provider import require_library\n"
        "from services.errors import ConsoleError\n"
        "try: require_library()\n"
        "except ConsoleError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "console oidc: needs authlib: pip install --editable '.[oidc]'\n"
