"""What every manifest of ours must hold, as a list of problems.

Kubernetes' own objects are checked against its schemas. The operator KubeRay is not in
them: its RayCluster is checked against a schema of the fields that we use, named as in
the API reference of KubeRay 1.4, and its pod templates against Kubernetes' schema.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate

from tests.deploy.kustomize import Manifest, find, pod_templates

KUBERNETES = "1.32"
_NO_LOGIN = re.compile(r"://[^/\s@:]*:(?!\$\{)[^/\s@]+@")
_SECRET_KEY = re.compile(r"^\s*(?:password|secret|token)\s*:\s*\S", re.MULTILINE)
_SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|DATABASE")
_PROXIES = "WARDWATCH_CONSOLE__TRUSTED_PROXIES"
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
_AUTOSCALER_CONTAINER = {
    "imagePullPolicy",
    "resources",
    "securityContext",
    "env",
    "volumeMounts",
}
"""Options of the autoscaler that are fields of its container."""
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_COUNT = {"type": "integer", "minimum": 0}


def _closed(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required.split(),
        "additionalProperties": False,
        "properties": properties,
    }


RAY_CLUSTER = _closed(
    "apiVersion kind metadata spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayCluster"},
    metadata={"type": "object"},
    spec=_closed(
        "rayVersion headGroupSpec workerGroupSpecs",
        rayVersion={"type": "string"},
        enableInTreeAutoscaling={"type": "boolean"},
        autoscalerOptions=_closed(
            "resources securityContext",
            upscalingMode={"enum": ["Default", "Aggressive", "Conservative"]},
            idleTimeoutSeconds=_COUNT,
            imagePullPolicy={"enum": ["Always", "IfNotPresent", "Never"]},
            resources={"type": "object"},
            securityContext={"type": "object"},
            env={"type": "array"},
            volumeMounts={"type": "array"},
        ),
        headGroupSpec=_closed(
            "rayStartParams template",
            rayStartParams=_TEXTS,
            template={"type": "object"},
        ),
        workerGroupSpecs={
            "type": "array",
            "minItems": 1,
            "items": _closed(
                "groupName minReplicas maxReplicas rayStartParams template",
                groupName={"type": "string"},
                replicas=_COUNT,
                minReplicas=_COUNT,
                maxReplicas=_COUNT,
                rayStartParams=_TEXTS,
                template={"type": "object"},
            ),
        },
    ),
)


def problems_of(objects: list[Manifest]) -> list[str]:
    """Return each mistake in the objects of a site."""
    found = [line for each in objects for line in _schema_problems(json.dumps(each))]
    if found:  # the other rules need well-formed objects
        return found
    for name, template in pod_templates(objects).items():
        found += [f"{name}: {line}" for line in _pod_problems(template["spec"])]
    return [
        *found,
        *_secret_problems(objects),
        *_reference_problems(objects),
        *_proxy_problems(objects),
    ]


@cache  # a schema takes 0.1 s, and most objects are the same in most tests
def _schema_problems(text: str) -> list[str]:
    manifest = json.loads(text)
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    try:
        if manifest["kind"] != "RayCluster":
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
            return []
        jsonschema.validate(manifest, RAY_CLUSTER)
        for template in pod_templates([manifest]).values():
            whole = {"apiVersion": "v1", "kind": "PodTemplate", "template": template}
            kubernetes_validate.validate(whole, KUBERNETES, strict=True)
        options = manifest["spec"].get("autoscalerOptions", {})
        kept = {key: options[key] for key in options if key in _AUTOSCALER_CONTAINER}
        spec = {"containers": [{"name": "autoscaler", "image": "ray:1", **kept}]}
        pod = {"apiVersion": "v1", "kind": "Pod", "spec": spec}
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
        place = ".".join(map(str, error.absolute_path))
        return [f"{name}: {place}: {error.message.splitlines()[0][:200]}"]
    return []


def _pod_problems(pod: Mapping[str, Any]) -> Iterator[str]:
    security = pod.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield "runs as root"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}
    for container in pod["containers"]:
        name = container["name"]
        tag = container["image"].rpartition("/")[2].partition(":")[2]
        if not tag or tag == "latest":
            yield f"{name}: image {container['image']} is not pinned"
        if container.get("securityContext") != {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }:
            yield f"{name}: is not locked down"
        resources = container.get("resources", {})
        if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
            yield f"{name}: requests no CPU or memory"
        if "memory" not in resources.get("limits", {}):
            yield f"{name}: has no limit of memory"
        ports = {port["name"] for port in container.get("ports", ())}
        for probe in _PROBES:
            if probe not in container:
                yield f"{name}: has no {probe}"
            elif container[probe]["httpGet"]["port"] not in ports:
                yield f"{name}: the {probe} asks a port that is not listed"
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        if mounts != volumes.keys():
            yield f"{name}: mounts {sorted(mounts)} of volumes {sorted(volumes)}"


def _secret_problems(objects: list[Manifest]) -> Iterator[str]:
    for each in objects:
        name = f"{each['kind']} {each['metadata']['name']}"
        if each["kind"] == "Secret":
            yield f"{name}: create it by hand; it belongs into no file here"
        if each["kind"] == "ConfigMap":
            for text in each["data"].values():
                if _NO_LOGIN.search(text) or _SECRET_KEY.search(text):
                    yield f"{name}: holds a password; name a file of the Secret"
    for name, template in pod_templates(objects).items():
        for container in template["spec"]["containers"]:
            for variable in container.get("env", ()):
                if "value" in variable and _SECRET_NAME.search(variable["name"]):
                    yield f"{name}: the value of {variable['name']} is in the file"


def _reference_problems(objects: list[Manifest]) -> Iterator[str]:
    """Find names that lead nowhere, which no schema can see."""
    templates = pod_templates(objects)
    labels = [template["metadata"]["labels"] for template in templates.values()]
    names = {(each["kind"], each["metadata"]["name"]) for each in objects}

    def chosen(selector: Mapping[str, str]) -> list[Manifest]:
        pairs = zip(templates.values(), labels, strict=True)
        return [one for one, own in pairs if selector.items() <= own.items()]

    for each in objects:
        name, spec = f"{each['kind']} {each['metadata']['name']}", each.get("spec", {})
        if each["kind"] == "Service":
            pods = chosen(spec["selector"])
            listed = {
                port["name"]
                for template in pods
                for container in template["spec"]["containers"]
                for port in container["ports"]
            }
            if not {port["targetPort"] for port in spec["ports"]} <= listed:
                yield f"{name}: leads to no port of a pod"
        for selector in _pod_selectors(spec):
            if not chosen(selector):
                yield f"{name}: no pod has the labels {selector}"
    for name, template in templates.items():
        for volume in template["spec"].get("volumes", ()):
            wanted = {
                ("ConfigMap", volume.get("configMap", {}).get("name")),
                (
                    "PersistentVolumeClaim",
                    volume.get("persistentVolumeClaim", {}).get("claimName"),
                ),
            }
            for kind, target in wanted:
                if target is not None and (kind, target) not in names:
                    yield f"{name}: there is no {kind} {target}"


def _proxy_problems(objects: list[Manifest]) -> Iterator[str]:
    """Find pods behind an Ingress that take all browsers for one address."""
    behind = [
        path["backend"]["service"]["name"]
        for each in objects
        if each["kind"] == "Ingress"
        for rule in each["spec"]["rules"]
        for path in rule["http"]["paths"]
    ]
    for service in behind:
        selector = find(objects, "Service", service)["spec"]["selector"].items()
        for name, template in pod_templates(objects).items():
            if selector <= template["metadata"]["labels"].items():
                (container,) = template["spec"]["containers"]
                if _PROXIES not in [each["name"] for each in container["env"]]:
                    yield f"{name}: is behind an Ingress and does not set {_PROXIES}"


def _pod_selectors(spec: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    """Yield the labels by which a policy or a budget chooses pods."""
    if isinstance(spec.get("selector"), dict) and "matchLabels" in spec["selector"]:
        yield spec["selector"]["matchLabels"]
    if "podSelector" in spec:
        yield spec["podSelector"]["matchLabels"]
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction, ()):
            for peer in (*rule.get("from", ()), *rule.get("to", ())):
                if "podSelector" in peer:
                    yield peer["podSelector"]["matchLabels"]
