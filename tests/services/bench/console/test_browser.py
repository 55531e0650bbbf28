"""The browser of the console's benchmark, on a real console."""

import asyncio
from pathlib import Path

import pytest

from services.bench.console.browser import listening, require_browser
from services.errors import BrowserMissing
from tests import made_up_ward
from tests.console_rig import PASSWORD, Served, open_rig, serving


def test_a_missing_browser_is_one_clear_line() -> None:
    with pytest.raises(BrowserMissing, match=r"^chromium is not installed; run: apt"):
        require_browser(path="/nowhere")


@pytest.mark.slow
@pytest.mark.browser
def test_it_notes_when_the_sound_of_an_alarm_begins(tmp_path: Path) -> None:
    async def hear(served: Served) -> tuple[int, int]:
        console = served.console
        program = require_browser()
        async with listening(program, served.url, "kim", PASSWORD) as listener:
            began_ns = console.utc_ns()
            alarm = made_up_ward.fall(console.store, "bed-4", began_ns)
            heard_ns = await listener.heard_ns()
            over = alarm.resolved("kim", "true", console.utc_ns())
            console.store.take([], {}, began_ns, [over])
            await listener.hush()
            return began_ns, heard_ns

    console = open_rig(tmp_path)
    with serving(console) as served:
        began_ns, heard_ns = asyncio.run(hear(served))
        assert began_ns < heard_ns < console.utc_ns()
    console.store.close()
