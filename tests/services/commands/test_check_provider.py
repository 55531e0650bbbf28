"""What ``wardwatch check`` says about the provider of logins."""

import json
from pathlib import Path

import pytest

from services.command_line import app, run
from services.demo.broker import Broker
from tests.openid_provider import SECRET, openid_provider


@pytest.mark.slow
def test_the_provider_of_logins_is_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "site.yaml"
    with Broker() as broker, openid_provider() as provider:
        site = {
            "site": "ward-3",
            "broker": {"port": broker.port},
            "hub": {"folder": str(tmp_path)},
            "console": {"oidc": provider.settings(tmp_path)},
        }
        path.write_text(json.dumps(site))
        assert run(app, ["check", str(path)]) == 0
        provider.discovery = {"issuer": "https://another.example"}
        assert run(app, ["check", str(path)]) == 2
        issuer = provider.issuer
    said = capsys.readouterr().err
    assert f"wardwatch: console oidc {issuer}: answers; logins go to " in said
    assert f"console oidc {issuer}: its discovery names another issuer; " in said
    assert SECRET not in said
