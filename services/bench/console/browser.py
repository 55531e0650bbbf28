"""A real browser with the wall board open and its sound on, by Playwright."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, final

from services.errors import BrowserMissing, ServiceError

if TYPE_CHECKING:
    from playwright.async_api import Page

_PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
_SOON_S: Final = 15.0
_NOTE_SOUNDS: Final = """
window.soundsMs = [];
const start = AudioScheduledSourceNode.prototype.start;
AudioScheduledSourceNode.prototype.start = function (when = 0) {
  const waitS = Math.max(0, when - this.context.currentTime);
  window.soundsMs.push(performance.timeOrigin + performance.now() + 1000 * waitS);
  return start.call(this, when);
};
window.firstMs = async () => {
  while (!window.soundsMs.length) await new Promise((done) => setTimeout(done, 10));
  return Math.min(...window.soundsMs);
};
"""
"""Notes when each tone begins, in milliseconds of UTC, and lets it sound."""


@final
class Listener:
    """Hears what an open page sounds."""

    def __init__(self, page: "Page") -> None:
        self._page = page

    async def heard_ns(self) -> int:
        """Wait for the next alarm's sound; return when its first tone begins, UTC.

        Raises:
            ServiceError: If nothing sounds.
        """
        try:
            async with asyncio.timeout(_SOON_S):
                first_ms: float = await self._page.evaluate("window.firstMs()")
        except TimeoutError:
            msg = f"the browser has not sounded within {_SOON_S:g} s of an event"
            raise ServiceError(msg) from None
        return round(first_ms * 1e6)

    async def hush(self) -> None:
        """Wait until no alarm calls, and forget what was heard."""
        await self._page.locator(".card").first.wait_for(state="detached")
        await self._page.evaluate("window.soundsMs.length = 0")


def require_browser(path: str | None = None) -> str:
    """Return the program of a browser that Playwright can drive.

    Args:
        path: Folders to search, separated as in PATH; None for those of PATH.

    Raises:
        BrowserMissing: If the browser or Playwright is not installed.
    """
    try:
        import playwright.async_api  # noqa: F401
    except ModuleNotFoundError:
        place, how = "playwright", "is not installed; run: pip install playwright"
        raise BrowserMissing(place, how) from None
    found = [shutil.which(program, path=path) for program in _PROGRAMS]
    program = next(filter(None, found), None)
    if program is None:
        place, how = "chromium", "is not installed; run: apt install chromium"
        raise BrowserMissing(place, how)
    return program


@asynccontextmanager
async def listening(
    program: str, url: str, name: str, password: str
) -> AsyncIterator[Listener]:
    """Open the wall board, and turn on its sound as a person does.

    Args:
        program: Path of a browser (``require_browser``).
        url: Address of the console.
        name: User who logs in.
        password: The user's password.
    """
    from playwright.async_api import async_playwright

    options = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has no sandbox
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program, args=options
        )
        context = await browser.new_context(base_url=url)
        context.set_default_timeout(1000 * _SOON_S)
        page = await context.new_page()
        await page.add_init_script(_NOTE_SOUNDS)
        await page.goto("/login")
        await page.fill("#name", name)
        await page.fill("#password", password)
        await page.press("#password", "Enter")
        await page.wait_for_url("**/")
        await page.click("#sound[data-state=off]")
        await page.locator("#sound[data-state=on]").wait_for()
        yield Listener(page)
        await browser.close()
