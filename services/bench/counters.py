"""The counters of a running service, as its hub exports them for Prometheus."""

import asyncio
import urllib.request
from collections import defaultdict
from typing import final

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from pipelines.clock import Clock

_PATIENCE_S = 60.0
_POLL_S, _ONLINE_POLL_S = 0.05, 0.5


@final
class HubCounters:
    """Reads the metrics of a hub."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url, self._clock = url, clock

    async def read(self) -> dict[str, float]:
        """Return sums over all subjects; of ``frames``, only the encoded ones count.

        ``used`` is the smallest share of a camera's pictures that is used.
        """
        sums: dict[str, float] = defaultdict(float)
        used = [1.0]
        for family in await self._families():
            for sample in family.samples:
                name, outcome = sample.name, sample.labels.get("outcome")
                if name == "wardwatch_frames_used_ratio" and sample.value > 0:  # no NaN
                    used.append(sample.value)
                if outcome == "thinned":
                    sums["thinned"] += sample.value
                if sample.labels.get("outcome", "encoded") == "encoded":
                    sums[sample.name.removeprefix("wardwatch_")] += sample.value
        return {
            "windows": sums["windows_total"],
            "frames": sums["frames_total"],
            "thinned": sums["thinned"],
            "used": min(used),
            "dropped": sums["frames_dropped_total"],
            "online": sums["source_up"],
            "queue": sums["outbox_pending"] + sums["report_queue"],
            "age_sum": sums["prediction_age_seconds_sum"],
            "age_count": sums["prediction_age_seconds_count"],
        }

    async def windows_by_subject(self) -> dict[str, dict[str, float]]:
        """Return the number of windows by subject and modality."""
        windows: dict[str, dict[str, float]] = defaultdict(dict)
        for family in await self._families():
            for sample in family.samples:
                if sample.name == "wardwatch_subject_windows_total":
                    by_modality = windows[sample.labels["subject"]]
                    by_modality[sample.labels["modality"]] = sample.value
        return dict(windows)

    async def at_report(self) -> dict[str, float]:
        """Return the counters just after a watcher has reported.

        The hub does not know what the watcher counts between two reports, which may be
        seconds apart.

        Raises:
            TimeoutError: If no watcher reports within a minute.
        """
        first = latest = await self.read()
        async with asyncio.timeout(_PATIENCE_S):
            while latest["windows"] == first["windows"]:
                await self._clock.sleep_s(_POLL_S)
                latest = await self.read()
        return latest

    async def until_online(self, subjects: int) -> None:
        """Return as soon as this number of cameras gives pictures.

        Raises:
            TimeoutError: If that takes more than a minute.
        """
        async with asyncio.timeout(_PATIENCE_S):
            while (await self.read())["online"] < subjects:
                await self._clock.sleep_s(_ONLINE_POLL_S)

    async def _families(self) -> list[Metric]:
        text = await asyncio.to_thread(self._fetch)
        return list(text_string_to_metric_families(text))

    def _fetch(self) -> str:
        with urllib.request.urlopen(f"{self._url}/metrics", timeout=10) as answer:
            text: bytes = answer.read()
            return text.decode()
