"""Who gets the key of blurred clips: watchers, for those who consent, while they do."""

from pathlib import Path

from pipelines.clock import SystemClock
from services.site.settings import Site
from services.supervisor.supervisor import Supervisor
from tests.clip_rig import KEY, key_file
from tests.jumping_time import run_with_jumps
from tests.services.supervisor.cluster_rig import FakeCluster


def site_of(key: Path, *consenting: str) -> Site:
    subjects = [
        {
            "id": name,
            "camera": "test",
            "clip": {"consent": "the resident"} if name in consenting else None,
        }
        for name in ("a", "b")
    ]
    clips = {"key_file": str(key)}
    return Site.model_validate({"site": "w", "subjects": subjects, "clips": clips})


def test_the_key_goes_to_the_watcher_of_those_who_consent_while_they_do(
    tmp_path: Path,
) -> None:
    key, cluster = key_file(tmp_path), FakeCluster()

    async def scene() -> list[dict[str, str | None]]:
        supervisor = Supervisor(site_of(key, "a"), SystemClock(), cluster=cluster)
        keys: list[dict[str, str | None]] = []
        try:
            await supervisor.start()
            for consenting in ("a", "b", "nobody"):
                await supervisor.apply(site_of(key, consenting))
                (watcher,) = cluster.watchers
                keys.append(
                    {
                        name: None if watched.clips is None else watched.clips.key
                        for name, watched in watcher.subjects.items()
                    }
                )
        finally:
            await supervisor.stop()
        return keys

    first, second, third = run_with_jumps(scene())
    assert first == {"a": KEY, "b": None}
    assert second == {"a": None, "b": KEY}
    assert third == {"a": None, "b": None}
