"""Rules, routes and dashboards, by the programs that will read them."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.window import Modality
from pipelines.clock import SystemClock
from pipelines.records import SourceState, SourceStatus
from services.demo.broker import Broker
from services.hub.hub import Hub
from services.hub.reports import Counts, Report, SubjectState
from services.site.settings import Site
from tests.fakes import ColourRecognizer
from tests.services.store.rows import event

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yaml"
ROUTES = DEPLOY / "alertmanager" / "alertmanager.yaml"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
SOON_S = 40.0


def call(*command: str | Path) -> str:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


@pytest.mark.slow
def test_every_rule_is_well_formed_and_behaves_as_its_test_says() -> None:
    call("promtool", "check", "rules", RULES)
    call("promtool", "check", "config", DEPLOY / "prometheus" / "prometheus.yaml")
    call("promtool", "test", "rules", DEPLOY / "prometheus" / "rules.test.yaml")


def test_every_rule_has_a_test() -> None:
    tests = yaml.safe_load((DEPLOY / "prometheus" / "rules.test.yaml").read_text())
    fired = {
        case["alertname"]
        for test in tests["tests"]
        for case in test.get("alert_rule_test", ())
        if case["exp_alerts"]
    }
    assert fired == ALERTS.keys()
    text = (DEPLOY / "prometheus" / "rules.test.yaml").read_text()
    untested = [it["record"] for it in rules() if it.get("record", "") not in text]
    # the age of predictions is tested by the alert that is made of it
    assert untested == ["site:wardwatch_prediction_age_seconds:p95_5m"]


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_reaches_whom_it_should(name: str) -> None:
    call("amtool", "check-config", ROUTES)
    severity = ALERTS[name]["labels"]["severity"]
    wanted = {"critical": "on-call", "warning": "technicians", "none": "dead"}
    labels = (f"alertname={name}", f"severity={severity}")
    route = ("amtool", "config", "routes", "test", "--config.file", ROUTES)
    assert call(*route, *labels).strip().startswith(wanted[severity])


def test_the_site_guide_lists_every_alert_once() -> None:
    guide = (DEPLOY.parent / "docs" / "site.md").read_text()
    (table,) = re.findall(r"^\| alert \| when \|\n\|.*\n((?:\|.*\n)+)", guide, re.M)
    names = [row.split("|")[1].strip() for row in table.splitlines()]
    assert sorted(", ".join(names).split(", ")) == sorted(ALERTS)


def test_what_inhibits_is_an_alert() -> None:
    for rule in yaml.safe_load(ROUTES.read_text())["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            (names,) = re.findall(r'"(.*)"', matcher)
            assert set(names.split("|")) <= ALERTS.keys()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fetch(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


@contextmanager
def program(*command: str | Path) -> Iterator[None]:
    found = shutil.which(str(command[0])) or command[0]
    process = subprocess.Popen(
        list(map(str, (found, *command[1:]))),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def monitoring(folder: Path, hub_port: int) -> Iterator[tuple[str, str]]:
    """Run Prometheus and Alertmanager with our files, hurried: minutes are seconds."""
    ours, theirs = free_port(), free_port()
    (folder / "rules.yaml").write_text(
        re.sub(r"for: \d+\w", "for: 1s", RULES.read_text())
    )
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [
        f"127.0.0.1:{hub_port}"
    ]
    alertmanagers = config["alerting"]["alertmanagers"]
    alertmanagers[0]["static_configs"][0]["targets"] = [f"127.0.0.1:{theirs}"]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    prometheus = program(
        "prometheus",
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'series'}",
        f"--web.listen-address=127.0.0.1:{ours}",
        "--rules.alert.resend-delay=1s",
    )
    alertmanager = program(
        "prometheus-alertmanager",
        f"--config.file={ROUTES}",
        f"--storage.path={folder / 'alerts'}",
        f"--web.listen-address=127.0.0.1:{theirs}",
        "--cluster.listen-address=",
    )
    with alertmanager, prometheus:
        yield f"http://127.0.0.1:{ours}", f"http://127.0.0.1:{theirs}"


def active(alertmanager: str) -> dict[str, dict[str, Any]]:
    told = fetch(f"{alertmanager}/api/v2/alerts?active=true") or []
    return {it["labels"]["alertname"]: it for it in told}


def answers(prometheus: str, query: str) -> list[Any]:
    asked = urllib.parse.urlencode({"query": query})
    told = fetch(f"{prometheus}/api/v1/query?{asked}")
    return told["data"]["result"] if told else []


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_a_lost_camera_is_told_and_told_to_be_back_and_every_panel_has_data(
    tmp_path: Path,
) -> None:
    queries = [
        target["expr"]
        for path in DASHBOARDS
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
    ]

    def report(number: int, camera: SourceState) -> Report:
        status = SourceStatus("bed-4", "camera", camera, 0, "", "sender")
        imu = SourceStatus("bed-4", "imu", "online", 0, "", "sender")
        state = SubjectState(
            status, imu, has_wearable=True, predicted_ns=SystemClock().now_ns()
        )
        windows = Counter[tuple[str, Modality]]({("bed-4", "fused"): 2})
        counts = Counts(3, 1, 0, {}, windows, [0.02], [0.01], [0.2], [1.5])
        events = (event(event_id=str(number)),)
        return Report("watcher-0", number, events, (), {"bed-4": state}, counts)

    async def scene(broker: Broker) -> None:
        site = Site.model_validate(
            {
                "site": "ward-3",
                "broker": {"port": broker.port},
                "hub": {"folder": str(tmp_path), "port": 0, "canary_every_s": 1},
            }
        )
        hub = Hub(site, ColourRecognizer())
        await hub.expect({"bed-4": ["camera", "imu"]})
        number = 0

        async def until(camera: SourceState, holds: Any) -> None:
            nonlocal number
            async with asyncio.timeout(SOON_S):
                while not await asyncio.to_thread(holds):
                    number += 1
                    await hub.accept(report(number, camera))
                    await asyncio.sleep(0.3)

        with monitoring(tmp_path, hub.port) as (prometheus, alertmanager):
            await until("online", lambda: "Watchdog" in active(alertmanager))
            assert "CameraLost" not in active(alertmanager)
            await until("offline", lambda: "CameraLost" in active(alertmanager))
            lost = active(alertmanager)["CameraLost"]
            assert lost["labels"]["subject"] == "bed-4"
            assert [it["name"] for it in lost["receivers"]] == ["on-call"]
            await until("online", lambda: "CameraLost" not in active(alertmanager))
            empty = [it for it in queries if not answers(prometheus, it)]
            assert empty == []
        await hub.stop()

    assert len(queries) > 15
    with Broker() as broker:
        asyncio.run(scene(broker))
