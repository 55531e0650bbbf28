"""A login by a provider in a real browser, which is strict with cookies."""

from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from services.hub.http import listen
from tests.console_rig import open_rig, serving
from tests.openid_provider import openid_provider

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_login_at_another_site_ends_on_the_page_that_was_asked_for(
    tmp_path: Path,
) -> None:
    free = listen("127.0.0.1", 0)
    port = free.getsockname()[1]
    free.close()
    with openid_provider() as provider, sync_playwright() as playwright:
        provider.host = "localhost"  # another site than 127.0.0.1 to a browser
        ask = f"{provider.root}/ask"
        provider.discovery = {"authorization_endpoint": ask}
        here = f"http://127.0.0.1:{port}"
        oidc = provider.settings(tmp_path, console_url=here, name="Ward login")
        with serving(open_rig(tmp_path, oidc=oidc), port) as served:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox"]
            )
            page = browser.new_page(base_url=served.url)
            page.goto("/alarms")
            page.click("text=Log in with Ward login")
            page.click("text=It is me")
            page.wait_for_url("**/alarms")
            expect(page.locator(".tools")).to_contain_text("nora")
            browser.close()
            served.console.store.close()
