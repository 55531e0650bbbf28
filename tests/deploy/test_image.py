"""The image and the compose file, checked as far as that goes without an engine."""

import re
import shutil
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
NEEDED_TO_BUILD = {
    "gcc",
    "libc6-dev",
    "libcairo2-dev",
    "libgirepository1.0-dev",
    "pkg-config",
}
NEEDED_ELSEWHERE = {"gir1.2-gst-rtsp-server-1.0", "gstreamer1.0-tools", "mosquitto"}
"""Packages of the demo, of the tests, and of people who look for faults."""
COMPILER = re.compile(r"-dev$|^(gcc|g\+\+|make|pkg-config|build-essential|python3-pip)")

Stage = list[tuple[str, str]]
"""Each instruction of a stage, with its arguments."""


def stages() -> list[Stage]:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.strip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found: list[Stage] = []
    for line in filter(None, joined.splitlines()):
        name, _, arguments = line.partition(" ")
        if name == "FROM":
            found.append([])
        found[-1].append((name, arguments.strip()))
    return found


BUILD, FINAL = stages()


def packages_of(stage: Stage) -> list[str]:
    (line,) = (text for name, text in stage if "apt-get install" in text)
    install = re.split(r"\s+&&\s+", line)
    (words,) = (part.split() for part in install if "apt-get install" in part)
    start = words.index("install") + 1
    return [word for word in words[start:] if not word.startswith("--")]


def values(stage: Stage, wanted: str) -> list[str]:
    return [arguments for name, arguments in stage if name == wanted]


@pytest.mark.parametrize("stage", [BUILD, FINAL], ids=["build", "final"])
def test_a_stage_keeps_the_rules_of_a_small_repeatable_image(stage: Stage) -> None:
    (image,) = values(stage, "FROM")
    assert image.split()[0] == "debian:12-slim"
    assert values(stage, "ADD") == []
    (install,) = (text for text in values(stage, "RUN") if "apt-get install" in text)
    assert install.startswith("apt-get update &&")
    assert "--yes --no-install-recommends" in install
    assert "rm -rf /var/lib/apt/lists/*" in install
    packages = packages_of(stage)
    assert packages == sorted(set(packages))


def test_the_image_has_what_cameras_need_and_no_compiler() -> None:
    script = (ROOT / "deploy" / "bootstrap.sh").read_text()
    (block,) = re.findall(r"^system_packages=\(\n(.*?)^\)", script, re.M | re.S)
    ours = set(re.sub(r"#.*", "", block).split())
    final = set(packages_of(FINAL))
    assert ours - final == NEEDED_TO_BUILD | NEEDED_ELSEWHERE
    assert [name for name in final if COMPILER.search(name)] == []
    copies = values(FINAL, "COPY")
    assert copies == ["--from=build /opt/wardwatch /opt/wardwatch"]
    assert any("rm -rf pipelines/lab" in text for text in values(BUILD, "RUN"))


def test_the_image_has_every_extra_that_a_ward_can_need() -> None:
    (build,) = (text for text in values(BUILD, "RUN") if "bootstrap.sh" in text)
    assert build.startswith("WARDWATCH_INSTALL=runtime deploy/bootstrap.sh && ")
    script = (ROOT / "deploy" / "bootstrap.sh").read_text()
    runtime = script.partition("$install_kind == runtime")[2].partition("else")[0]
    (extras,) = re.findall(r"install --editable '\.\[(.+)\]'", runtime)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    offered = project["optional-dependencies"].keys()
    assert offered - set(extras.split(",")) == {"lab", "quantize", "official-sam"}


def test_the_image_runs_as_nobody_and_says_whether_it_is_well() -> None:
    (user,) = values(FINAL, "USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)  # Kubernetes knows no names
    (check,) = values(FINAL, "HEALTHCHECK")
    assert "/healthz" in check
    for name in ("ENTRYPOINT", "CMD"):  # a shell would swallow SIGTERM
        (words,) = values(FINAL, name)
        assert isinstance(yaml.safe_load(words), list)


def copied() -> list[str]:
    lines = [line.split() for line in values(BUILD, "COPY")]
    return [name for line in lines for name in line[:-1]]


def test_every_path_that_the_image_copies_exists_and_is_sent() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    ignored = [line for line in lines if not line.startswith("#")]
    for name in copied():
        assert (ROOT / name).exists(), name
        assert not any(fnmatch(name, pattern) for pattern in ignored), name


def test_what_the_image_copies_starts_without_the_rest(tmp_path: Path) -> None:
    leave = shutil.ignore_patterns("__pycache__", "lab", "networks")
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=leave)
    site = tmp_path / "site.yaml"
    site.write_text("site: ward-3\n")
    program = (
        "import models, pipelines, services\n"
        "print(models.__file__, pipelines.__file__, services.__file__)\n"
        "from services.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "check", str(site), "--offline"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert "no mistakes; site ward-3" in done.stdout, done.stderr
    # This project is installed here as well, and must not have stepped in.
    for path in done.stdout.splitlines()[0].split():
        assert Path(path).is_relative_to(tmp_path)


def compose() -> dict[str, Any]:
    plan: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    return plan


def test_compose_names_only_what_exists() -> None:
    services = compose()["services"]
    for name, service in services.items():
        assert "build" in service or re.search(r":\w", service["image"]), name
        assert not str(service.get("image", "")).endswith(":latest"), name
        for other in service.get("depends_on", ()):
            assert other in services, name
            if isinstance(service["depends_on"], dict):
                wanted = service["depends_on"][other]["condition"]
                assert (wanted == "service_healthy") == (
                    "healthcheck" in services[other]
                )
        for mount in service.get("volumes", ()):
            source = mount.partition(":")[0]
            if not source.startswith("."):
                assert source in compose()["volumes"], mount
            elif source != "./site.yaml":  # is written by the operator
                assert (ROOT / "deploy" / source).exists(), mount


def test_compose_asks_every_part_whether_it_is_well() -> None:
    services = compose()["services"]
    assert [name for name, part in services.items() if "healthcheck" not in part] == []
    assert all(part["restart"] == "unless-stopped" for part in services.values())
