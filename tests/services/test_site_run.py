"""What a signal to read the file again changes, and what it says."""

import asyncio
from pathlib import Path

from pipelines.clock import SystemClock
from services.site.file import read_site
from services.site_run import reload_at
from services.supervisor.supervisor import Supervisor
from tests.services.supervisor.cluster_rig import FakeCluster

BASE = "site: ward-3\nsubjects: [{id: bed-4, camera: test}]\n"
PHONE = "notify: [{name: nurse, url: 'json://127.0.0.1/a'}]\n"
HOOK = "webhooks: [{name: calls, url: 'http://127.0.0.1/b', secret: sEcReT9}]\n"
MANAGER = "alertmanager: {url: 'http://127.0.0.1:9093'}\n"


def test_targets_of_alarms_are_changed_and_a_mistake_keeps_them(
    tmp_path: Path,
) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(BASE)
    said: list[str] = []

    async def scene() -> None:
        cluster, reload = FakeCluster(), asyncio.Event()
        site = read_site(file)
        supervisor = Supervisor(site, SystemClock(), None, said.append, cluster=cluster)
        await supervisor.start()
        running = asyncio.create_task(reload_at(supervisor, file, reload, said.append))

        async def read(text: str) -> None:
            before = len(said)
            file.write_text(text)
            reload.set()
            async with asyncio.timeout(10):
                while len(said) == before:  # noqa: ASYNC110  lines are only appended
                    await asyncio.sleep(0.01)

        await read(BASE + PHONE + HOOK + MANAGER)
        changed = cluster.hub.site
        assert changed is not None
        assert changed.notify[0].name == "nurse"
        await read(BASE + PHONE + "webhooks: [{name: calls, secret: sEcReT9}]\n")
        assert cluster.hub.site is changed
        await read(BASE + PHONE + HOOK + MANAGER + "hub: {port: 9000}\n")
        await read(BASE)
        running.cancel()
        await supervisor.stop()

    asyncio.run(scene())
    now = "1 subjects now; alarms go to"
    assert said == [
        f"{now} nurse, calls, Alertmanager beside MQTT",
        f"{file}:4: webhooks[0]: needs either url or url_file",
        "the configuration stays as it was",
        "hub: changes take effect at the next start",
        "1 subjects now",
        f"{now} nobody beside MQTT",
    ]
