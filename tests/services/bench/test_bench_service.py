"""How a load is judged, and that what no watcher has reported yet is waited for."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from pipelines.clock import SystemClock
from services.bench.counters import HubCounters
from services.bench.load import Load, growth_json, growth_rows
from services.bench.service import ServiceCost, cost_rows

METRICS = """\
# HELP wardwatch_windows_total Recognised.
wardwatch_windows_total{{modality="fused"}} {windows}
wardwatch_windows_total{{modality="video"}} 3
wardwatch_subject_windows_total{{subject="a",modality="fused"}} {windows}
wardwatch_subject_windows_total{{subject="a",modality="video"}} 3
wardwatch_frames_total{{outcome="encoded"}} 7
wardwatch_frames_total{{outcome="reused"}} 5
wardwatch_frames_total{{outcome="thinned"}} 11
wardwatch_frames_used_ratio{{subject="a"}} 0.25
wardwatch_frames_used_ratio{{subject="b"}} 1
wardwatch_frames_used_ratio{{subject="c"}} NaN
wardwatch_frames_dropped_total{{subject="a"}} 1
wardwatch_frames_dropped_total{{subject="b"}} 2
wardwatch_source_up{{subject="a"}} 1
wardwatch_outbox_pending 0
wardwatch_report_queue 2
wardwatch_prediction_age_seconds_sum 3
wardwatch_prediction_age_seconds_count 6
"""
CORES = {"watcher": 1.6, "hub": 0.4}
# 21.33 windows a second are due.
STEADY = Load(8, 21.3, 19.0, None, 0.0, 0, 0, 1.0, CORES, {})


class Hub(BaseHTTPRequestHandler):
    """Tells of a report before the fourth time that it is asked."""

    asked = 0

    def do_GET(self) -> None:
        Hub.asked += 1
        text = METRICS.format(windows=100 if Hub.asked < 4 else 164)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base's
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Hub.asked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_counters_are_those_of_the_moment_of_a_report(url: str) -> None:
    counters = asyncio.run(HubCounters(url, SystemClock()).at_report())
    assert Hub.asked == 4
    assert counters == {
        "windows": 164 + 3,
        "frames": 7,
        "thinned": 11,
        "used": 0.25,
        "dropped": 3,
        "online": 1,
        "queue": 2,
        "age_sum": 3,
        "age_count": 6,
    }


def test_what_the_answers_of_each_subject_rest_on_is_read(url: str) -> None:
    windows = asyncio.run(HubCounters(url, SystemClock()).windows_by_subject())
    assert windows == {"a": {"fused": 100, "video": 3}}


@pytest.mark.parametrize(
    ("load", "keeps_up"),
    [
        (STEADY, True),
        (replace(STEADY, windows_per_s=20.9), False),
        (replace(STEADY, dropped=1), False),
        (replace(STEADY, thinned=1), False),
        (replace(STEADY, age_growth_s=0.25), False),
        (replace(STEADY, age_growth_s=-0.7), True),
    ],
)
def test_a_load_keeps_up_if_all_is_recognised_in_time(
    load: Load, keeps_up: bool
) -> None:
    assert load.keeps_up is keeps_up


def test_growth_is_a_cameras_cost_and_the_first_load_that_is_too_much() -> None:
    small = replace(STEADY, subjects=4, windows_per_s=10.7, cpu_cores={"watcher": 0.4})
    beyond = replace(STEADY, subjects=16, thinned=9, used_ratio=0.5)
    facts = growth_json([small, STEADY, beyond])
    assert facts["watcher_cost_ratio"] == 2.0
    assert [each["cores_a_camera"] for each in facts["loads"]] == [0.1, 0.25, 0.125]
    assert facts["beyond"]["subjects"] == 16
    assert facts["beyond"]["used_ratio"] == 0.5
    assert growth_json([beyond])["watcher_cost_ratio"] is None
    assert growth_json([small])["beyond"] is None
    (_, _, (name, text)) = growth_rows([STEADY, replace(beyond, waits_s=(0.1, 0.2, 1))])
    assert name == "16 cameras"
    assert text.startswith("21.3 windows/s, 100 / 200 / 1000 ms; 0.12, 0.10; does not")
    assert text.endswith("up, uses 50% of the pictures at the end")
    (_, (_, text)) = growth_rows([replace(STEADY, age_growth_s=9.0)])
    assert text.endswith("; does not keep up")  # although all pictures are used


def test_the_table_says_which_load_keeps_up() -> None:
    timed = replace(STEADY, rss_mb={"watcher": 400.0, "hub": 100.0})
    late = replace(timed, thinned=9)
    name = "largest load that keeps up"
    assert dict(cost_rows(ServiceCost(100.0, 0.9, (timed, late))))[name] == "8 cameras"
    none = dict(cost_rows(ServiceCost(100.0, 0.9, (late,))))
    assert none[name] == "none of those measured"
