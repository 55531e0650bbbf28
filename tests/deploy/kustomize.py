"""Renders our kustomizations as ``kubectl kustomize`` does, as far as they go.

A key that is not known here is an error, so that no manifest is checked in part.
"""

from pathlib import Path
from typing import Any, TypeAlias

import yaml

Manifest: TypeAlias = dict[str, Any]

_KNOWN = {
    "apiVersion",
    "configMapGenerator",
    "images",
    "kind",
    "namespace",
    "patches",
    "resources",
}


def render(folder: Path) -> list[Manifest]:
    """Return every object of a kustomization's folder."""
    plan = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = plan.keys() - _KNOWN
    assert not unknown, f"{folder}: the tests do not render {sorted(unknown)}"
    objects: list[Manifest] = []
    for name in plan.get("resources", ()):
        path = folder / name
        objects += render(path) if path.is_dir() else _documents(path)
    for generator in plan.get("configMapGenerator", ()):
        _generate(folder, generator, objects)
    for patch in plan.get("patches", ()):
        target = find(objects, patch["target"]["kind"], patch["target"]["name"])
        for change in yaml.safe_load(patch["patch"]):
            _apply(target, **change)
    for image in plan.get("images", ()):
        for container in containers_in(objects):
            if container["image"].partition(":")[0] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"
    for each in objects:
        if "namespace" in plan:
            each["metadata"]["namespace"] = plan["namespace"]
    return objects


def find(objects: list[Manifest], kind: str, name: str) -> Manifest:
    """Return the object of that kind and name."""
    (found,) = (
        each
        for each in objects
        if (each["kind"], each["metadata"]["name"]) == (kind, name)
    )
    return found


def pod_templates(objects: list[Manifest]) -> dict[str, Manifest]:
    """Return the pod templates of all objects, by a name for messages."""
    found: dict[str, Manifest] = {}
    for each in objects:
        spec, name = each.get("spec", {}), each["metadata"]["name"]
        if each["kind"] == "RayCluster":
            found[f"{name} head"] = spec["headGroupSpec"]["template"]
            for group in spec["workerGroupSpecs"]:
                found[f"{name} {group['groupName']}"] = group["template"]
        elif "template" in spec:
            found[name] = spec["template"]
    return found


def containers_in(objects: list[Manifest]) -> list[Manifest]:
    """Return every container of every pod."""
    return [
        container
        for template in pod_templates(objects).values()
        for key in ("containers", "initContainers")
        for container in template["spec"].get(key, ())
    ]


def _documents(path: Path) -> list[Manifest]:
    # An alias is the same object in Python; a change of one must not change the other.
    return [_unaliased(each) for each in yaml.safe_load_all(path.read_text())]


def _unaliased(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unaliased(each) for key, each in value.items()}
    return [_unaliased(each) for each in value] if isinstance(value, list) else value


def _generate(folder: Path, generator: dict[str, Any], objects: list[Manifest]) -> None:
    name = generator["name"]
    assert generator["options"] == {"disableNameSuffixHash": True}, name
    data = {file: (folder / file).read_text() for file in generator["files"]}
    if generator.get("behavior") == "replace":
        find(objects, "ConfigMap", name)["data"] = data
        return
    objects.append(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name},
            "data": data,
        }
    )


def _apply(target: Manifest, op: str, path: str, value: Any = None) -> None:
    """Apply one step of a JSON patch (RFC 6902): add or replace."""
    assert op in {"add", "replace"}, op
    place: Any = target
    *steps, last = (
        int(step) if step.isdigit() else step for step in path.strip("/").split("/")
    )
    for step in steps:
        place = place[step]
    if last == "-":  # the end of a list
        place.append(value)
        return
    assert op == "add" or isinstance(place, list) or last in place, path
    place[last] = value
