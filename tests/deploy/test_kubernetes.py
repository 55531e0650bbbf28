"""The manifests for Kubernetes, as far as they can be checked without one."""

import copy
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from ray._private import ray_constants

from services import site_run
from services.command_line import app
from services.site.file import read_site
from services.site.settings import Site
from services.supervisor import ray_node
from tests.deploy.kustomize import (
    Manifest,
    containers_in,
    find,
    pod_templates,
    render,
)
from tests.deploy.manifest_rules import problems_of

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
BASE = render(FOLDER / "base")
EXAMPLE = render(FOLDER / "overlays" / "example")
BOTH = pytest.mark.parametrize(
    "objects", [BASE, EXAMPLE], ids=["base", "overlays/example"]
)


@BOTH
def test_manifests_have_no_mistakes(objects: list[Manifest]) -> None:
    assert problems_of(objects) == []


def _container(objects: list[Manifest], name: str = "run") -> Manifest:
    (found,) = (each for each in containers_in(objects) if each["name"] == name)
    return found


def _pod(objects: list[Manifest], name: str = "wardwatch-run") -> Manifest:
    spec: Manifest = pod_templates(objects)[name]["spec"]
    return spec


def _ray(objects: list[Manifest]) -> Manifest:
    spec: Manifest = find(objects, "RayCluster", "wardwatch-ray")["spec"]
    return spec


def _site(objects: list[Manifest]) -> Manifest:
    data: Manifest = find(objects, "ConfigMap", "wardwatch-site")["data"]
    return data


BREAKS: dict[str, tuple[Callable[[list[Manifest]], object], str]] = {
    "a misspelt field": (
        lambda it: _container(it).update(readynessProbe={}),
        "readynessProbe",
    ),
    "a misspelt field of the RayCluster": (
        lambda it: _ray(it).update(enableAutoscaling=True),
        "enableAutoscaling",
    ),
    "a misspelt field in a pod of Ray": (
        lambda it: _container(it, "ray-worker").update(image_pull="Always"),
        "image_pull",
    ),
    "a number where Ray takes text": (
        lambda it: _ray(it)["headGroupSpec"]["rayStartParams"].update({"num-cpus": 0}),
        "is not of type 'string'",
    ),
    "a misspelt field of the autoscaler": (
        lambda it: _ray(it)["autoscalerOptions"]["securityContext"].update(root=1),
        "root",
    ),
    "a missing probe": (
        lambda it: _container(it).pop("livenessProbe"),
        "has no livenessProbe",
    ),
    "a probe of another port": (
        lambda it: _container(it)["readinessProbe"]["httpGet"].update(port="pages"),
        "the readinessProbe asks a port that is not listed",
    ),
    "an image without a version": (
        lambda it: _container(it).update(image="registry.example:5000/wardwatch"),
        "is not pinned",
    ),
    "the newest image": (
        lambda it: _container(it, "console").update(image="wardwatch:latest"),
        "is not pinned",
    ),
    "a Secret in a file": (
        lambda it: it.append(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "wardwatch"}}
        ),
        "Secret wardwatch: create it by hand",
    ),
    "a password in a variable": (
        lambda it: _container(it)["env"].append(
            {"name": "WARDWATCH_BROKER__PASSWORD", "value": "x"}
        ),
        "the value of WARDWATCH_BROKER__PASSWORD is in the file",
    ),
    "a password in the site's file": (
        lambda it: _site(it).update({"site.yaml": "broker:\n  password: hunter2\n"}),
        "holds a password",
    ),
    "a login in an address": (
        lambda it: _site(it).update({"site.yaml": "camera: rtsp://ward:pw@cam/1"}),
        "holds a password",
    ),
    "root": (
        lambda it: _pod(it).update(securityContext={}),
        "runs as root",
    ),
    "a writable root": (
        lambda it: _container(it)["securityContext"].update(
            readOnlyRootFilesystem=False
        ),
        "is not locked down",
    ),
    "no limit of memory": (
        lambda it: _container(it)["resources"].pop("limits"),
        "has no limit of memory",
    ),
    "a volume that is not there": (
        lambda it: _pod(it)["volumes"][0].update(configMap={"name": "sites"}),
        "there is no ConfigMap sites",
    ),
    "a policy for nobody": (
        lambda it: find(it, "NetworkPolicy", "wardwatch-hub")["spec"].update(
            podSelector={"matchLabels": {"app": "hub"}}
        ),
        "NetworkPolicy wardwatch-hub: no pod has the labels",
    ),
    "a Service for nobody": (
        lambda it: find(it, "Service", "wardwatch-hub")["spec"].update(
            selector={"app": "hub"}
        ),
        "Service wardwatch-hub: leads to no port",
    ),
    "an Ingress that is not believed": (
        lambda it: it.append(find(EXAMPLE, "Ingress", "wardwatch-console")),
        "wardwatch-console: is behind an Ingress and does not set WARDWATCH_CONSOLE__",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_manifest_is_found(name: str) -> None:
    objects = copy.deepcopy(BASE)
    damage, expected = BREAKS[name]
    damage(objects)
    assert expected in "\n".join(problems_of(objects))


def _read(objects: list[Manifest], folder: Path) -> Site:
    """Read the site's file with the files of its Secrets, as a pod would have them."""
    text = _site(objects)["site.yaml"]
    for number, name in enumerate(re.findall(r"/run/secrets/(\S+)", text)):
        file = folder / "secrets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        contents = {
            "database-url": "postgresql://ward:secret@db/ward",
            "nurses-url": "ntfy://ntfy.example/ward-3",
        }
        file.write_text(contents.get(file.name, f"secret-{number}"))
    path = folder / "site.yaml"
    path.write_text(text.replace("/run/secrets", str(folder / "secrets")))
    return read_site(path)


@BOTH
def test_the_service_accepts_its_file_and_answers_where_it_is_asked(
    objects: list[Manifest], tmp_path: Path
) -> None:
    site = _read(objects, tmp_path)
    run, console = _container(objects), _container(objects, "console")
    assert site.hub.host == "0.0.0.0"
    assert run["ports"] == [{"name": "hub", "containerPort": site.hub.port}]
    folders = {mount["mountPath"] for mount in run["volumeMounts"]}
    assert str(site.hub.folder) in folders
    assert site.hub.database_file is not None  # the console is in another pod
    assert site.console is None  # or `run` would serve a second one
    worker = _container(objects, "ray-worker")
    assert folders >= {"/run/secrets/wardwatch", "/etc/wardwatch"}
    assert str(site.hub.folder) in [
        each["mountPath"] for each in worker["volumeMounts"]
    ]
    address = {each["name"]: each["value"] for each in console["env"]}
    find(objects, "Service", address["WARDWATCH_HUB__HOST"])
    allowed, _ = find(objects, "NetworkPolicy", "wardwatch-hub")["spec"]["egress"]
    assert site.broker.port in [port["port"] for port in allowed["ports"]]


def test_the_console_believes_the_ingress_of_the_example(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("site: ward-3\n")
    env = _environment(_container(EXAMPLE, "console")["env"])
    code = (
        "import pathlib, sys; from services.site.file import read_site\n"
        "print(*read_site(pathlib.Path(sys.argv[1])).console.trusted_proxies)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(file)],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout == "10.244.0.0/16\n", said.stderr


def test_the_targets_of_alarms_are_reached() -> None:
    egress = [
        rule
        for name in ("wardwatch-hub", "wardwatch-notices", "wardwatch-logins")
        for rule in find(EXAMPLE, "NetworkPolicy", name)["spec"]["egress"]
    ]
    monitoring = {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
    alertmanager = [{"protocol": "TCP", "port": 9093}]
    assert {"ports": alertmanager, "to": [{"namespaceSelector": monitoring}]} in egress
    https = {"ports": [{"protocol": "TCP", "port": 443}]}
    assert egress.count(https) == 2  # of the hub, and of the console's provider


def test_every_secret_of_the_example_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "cluster.md").read_text()
    names = re.findall(r"/run/secrets/wardwatch(?:-tls)?/(\S+)", str(_site(EXAMPLE)))
    used = {re.sub(r"\\n.*", "", name) for name in names}
    assert used == set(re.findall(r"--from-file=(\S+)", guide))


def _parsed(words: list[str]) -> dict[str, Any]:
    """Parse a command line of ours; an unknown option is an error."""
    command = typer.main.get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    params: dict[str, Any] = command.make_context(words[0], words[1:]).params
    return params


def test_the_pods_run_commands_that_exist() -> None:
    run, console = _container(BASE), _container(BASE, "console")
    (line,) = re.findall(r"exec wardwatch (.+)", run["args"][0])
    params = _parsed(line.replace('"', "").split())
    assert str(params["config"]) == "/etc/wardwatch/site.yaml"
    assert params["ray_address"] == "$RAY_HEAD"
    assert console["command"] == ["wardwatch"]
    params = _parsed(console["args"])
    assert console["ports"] == [{"name": "pages", "containerPort": params["port"]}]
    assert params["host"] == "0.0.0.0"


def _environment(variables: list[Manifest]) -> dict[str, Any]:
    return {
        each["name"]: each.get("value", each.get("valueFrom")) for each in variables
    }


def test_nobody_joins_ray_without_its_token() -> None:
    token = {"secretKeyRef": {"name": "wardwatch-ray", "key": "token"}}
    wanted = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    parts = [_container(BASE, name) for name in ("ray-head", "ray-worker", "run")]
    for part in (*parts, _ray(BASE)["autoscalerOptions"]):
        assert wanted.items() <= _environment(part["env"]).items()


def test_rays_nodes_are_as_the_service_starts_its_own() -> None:
    ray = _ray(BASE)
    constraints = (ROOT / "deploy" / "constraints.txt").read_text().splitlines()
    assert f"ray=={ray['rayVersion']}" in constraints
    assert ray["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for name in ("ray-head", "ray-worker", "run"):
        env = _environment(_container(BASE, name)["env"])
        assert ray_node._ENVIRONMENT.items() <= env.items(), name
    for name in ("ray-head", "ray-worker"):
        (port,) = (
            port["containerPort"]
            for port in _container(BASE, name)["ports"]
            if port["name"] == "agent"
        )
        assert port == ray_constants.DEFAULT_DASHBOARD_AGENT_LISTEN_PORT
    env = _environment(_container(BASE)["env"])
    assert env["RAY_HEAD"] == "wardwatch-ray-head-svc:6379"  # as KubeRay names it


def test_one_service_ends_in_order_before_the_next_one_starts() -> None:
    spec = find(BASE, "Deployment", "wardwatch-run")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    patience_s = spec["template"]["spec"]["terminationGracePeriodSeconds"]
    assert patience_s > site_run._PATIENCE_S


def test_everybody_is_denied_first() -> None:
    deny = find(BASE, "NetworkPolicy", "wardwatch-deny")["spec"]
    assert deny.keys() == {"podSelector", "policyTypes"}
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    wanted = deny["podSelector"]["matchLabels"].items()
    for name, template in pod_templates(BASE).items():
        assert wanted <= template["metadata"]["labels"].items(), name


@BOTH
def test_the_image_is_of_this_version(objects: list[Manifest]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    images = {container["image"] for container in containers_in(objects)}
    assert images == {f"registry.example/wardwatch:{project['version']}"}
