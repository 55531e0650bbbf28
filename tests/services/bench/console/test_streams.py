"""Open pages of the console's benchmark, on a real console."""

import asyncio
from pathlib import Path

from services.bench.console.streams import open_pages
from tests import made_up_ward
from tests.console_rig import PASSWORD, Served, open_rig, serving


def test_every_open_page_receives_every_tile(tmp_path: Path) -> None:
    async def receive(served: Served) -> int:
        async with open_pages(2, served.url, "kim", PASSWORD) as received:
            async with asyncio.timeout(30):
                while received.tiles < 2 * len(made_up_ward.BEDS):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            return received.size_bytes

    console = open_rig(tmp_path)
    expected = {name: ["camera"] for name in made_up_ward.BEDS}
    console.store.notes.note("expected sources", expected)
    now_ns = console.utc_ns()
    console.store.live.put(made_up_ward.lives(now_ns), now_ns)
    with serving(console) as served:
        assert asyncio.run(receive(served)) > 2000
    console.store.close()
