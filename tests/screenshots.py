"""Pictures of every page: ``python -m tests.screenshots FOLDER``.

The ward is made up. Each page comes in light and dark, for a desk and a phone.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from services.console.context import Console
from tests import made_up_ward
from tests.clip_rig import film, key_file
from tests.console_rig import PASSWORD, open_rig, serving

CHROMIUM = "/usr/bin/chromium"
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
PAGES = {
    "board": "/",
    "alarms": "/alarms",
    "alarm": "/alarms/{alarm}",
    "subject": "/subjects/bed-4",
    "history": "/history",
    "coverage": "/coverage",
    "system": "/system",
    "users": "/users",
    "account": "/account",
    "audit": "/audit",
}


def main(folder: Path) -> None:
    """Write all pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as data, sync_playwright() as playwright:
        console = open_rig(Path(data), key_file=key_file(Path(data)))
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        with serving(console) as served:
            for scheme in ("light", "dark"):
                for size in SIZES:
                    _pictures(browser, served.url, console, folder, scheme, size)
        browser.close()


def _pictures(
    browser: Browser, url: str, console: Console, folder: Path, scheme: str, size: str
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        base_url=url,
    )
    page = context.new_page()
    page.goto("/login")
    page.screenshot(path=folder / f"login-{size}-{scheme}.png")
    page.fill("#name", "ada")
    page.fill("#password", PASSWORD)
    page.click("button.main")
    if not console.store.alarms.ids():
        made_up_ward.fill(console.store, console.utc_ns())
    (fallen,) = [
        alarm for alarm in console.store.alarms.open() if alarm.subject_id == "bed-4"
    ]
    alarm = fallen.alarm_id
    if not console.store.clips.has(alarm):
        console.store.clips.put(film(fallen))
    for name, path in PAGES.items():
        now_ns = console.utc_ns()
        console.store.live.put(made_up_ward.lives(now_ns), now_ns)
        page.goto(path.format(alarm=alarm))
        page.locator("#lost").wait_for(state="hidden")
        _prepare(page, name)
        page.wait_for_timeout(700)
        target = folder / f"{name}-{size}-{scheme}.png"
        page.screenshot(path=target, full_page=True)
    context.close()


def _prepare(page: Page, name: str) -> None:
    if name == "alarm":
        page.click("[data-load]")
        page.locator("#at:enabled").wait_for()
        page.click("#clip button")
        page.locator("#clip-at:enabled").wait_for()
    if name == "alarms":
        page.locator("summary").nth(1).click()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
