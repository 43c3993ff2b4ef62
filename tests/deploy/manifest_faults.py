"""What is wrong with Kubernetes manifests: against the published schemas, among themselves, and with the product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from bot.config.secret_files import ENDING, FILE_NAMES, SECRETS
from bot.config.settings import ServeSettings
from bot.runtime.serve import FINISH_SECONDS, FLUSH_SECONDS
from tests.deploy.dockerfile import read_dockerfile
from tests.deploy.kustomize import containers
from tests.support.commands import command_at
from tests.support.shell import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.deploy.kustomize import Object

OLDEST, NEWEST = "1.30", "1.37"
"""The versions of Kubernetes for which the manifests are; the oldest is the first that sleeps before SIGTERM."""
IMAGE = read_dockerfile(ROOT / "deploy/Dockerfile")[1][-1]
COMPOSE: Object = yaml.safe_load((ROOT / "deploy/compose.yml").read_text())
SETTINGS = {name.upper() for name in ServeSettings.model_fields}
SLACKS_CONNECTIONS = 10
"""Socket Mode connections of one app, by Slack's documentation."""
GENESYS_REQUESTS = ServeSettings.model_fields["genesys_requests_per_minute"].default
"""A minute, for one OAuth client."""
LIBPQ = {"PGTARGETSESSIONATTRS"}
"""What psql is told besides."""
OUTSIDE = {("secret", "record-bot"), ("secret", "record-bot-owner")}
"""What an operator makes by hand, because it is secret."""
PROBES = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}


@dataclass(frozen=True)
class Workload:
    """A Deployment or Job: its name, kind, pods' labels, and pods."""

    kind: str
    spec: Object

    @property
    def pod(self) -> Object:
        found: Object = self.spec["template"]["spec"]
        return found

    @property
    def labels(self) -> dict[str, str]:
        found: dict[str, str] = self.spec["template"]["metadata"]["labels"]
        return found


def faults(objects: Sequence[Object], *, known: Sequence[Object] = ()) -> list[str]:
    """Return a sentence for each thing that is wrong; those that fit no schema are looked at no further.

    ``known`` objects fit their schemas: to read a schema takes a tenth of a second.
    """
    if wrong := list(_against_schemas([one for one in objects if one not in known])):
        return wrong
    workloads = [Workload(one["kind"], one["spec"]) for one in objects if one["kind"] in {"Deployment", "Job"}]
    found = [*_references(objects, workloads), *_selectors(objects, workloads), *_numbers(objects)]
    for workload in workloads:
        found += [*_pod(workload), *_volumes(workload.pod)]
        for container in containers(workload.pod):
            found += [*_confined(container), *_settings(container, objects), *_command(container)]
    return found


def _against_schemas(objects: Sequence[Object]) -> Iterator[str]:
    import kubernetes_validate  # noqa: PLC0415  jsonschema takes a second, which each worker would spend to collect

    for one in objects:
        for version in (OLDEST, NEWEST):
            try:
                kubernetes_validate.validate(one, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{one['kind']}, Kubernetes {version}: {error.message}"
            except kubernetes_validate.SchemaNotFoundError as error:
                yield error.message


def _references(objects: Sequence[Object], workloads: Sequence[Workload]) -> Iterator[str]:
    made = {(one["kind"].lower(), one["metadata"]["name"]) for one in objects}
    if "secret" in {kind for kind, _ in made}:
        yield "a secret is among the manifests"
    for workload in workloads:
        pod = workload.pod
        wanted = {("serviceaccount", pod["serviceAccountName"])}
        for volume in pod["volumes"]:
            if "secret" in volume:
                wanted.add(("secret", volume["secret"]["secretName"]))
            if "configMap" in volume and not volume["configMap"].get("optional"):
                wanted.add(("configmap", volume["configMap"]["name"]))
        for container in containers(pod):
            wanted |= {("configmap", one["configMapRef"]["name"]) for one in container.get("envFrom", ())}
        yield from (f"there is no {kind} {name}" for kind, name in sorted(wanted - made - OUTSIDE))


def _selectors(objects: Sequence[Object], workloads: Sequence[Workload]) -> Iterator[str]:
    for one in objects:
        wanted = _selected(one)
        if wanted and not any(wanted.items() <= workload.labels.items() for workload in workloads):
            yield f"{one['kind']} {one['metadata']['name']} selects no pods"
    for workload in workloads:
        policies = [
            one["spec"]
            for one in objects
            if one["kind"] == "NetworkPolicy" and _selected(one).items() <= workload.labels.items()
        ]
        if len(policies) != 1 or set(policies[0]["policyTypes"]) != {"Ingress", "Egress"}:
            yield f"the pods of the {workload.kind} are not confined by one NetworkPolicy"
        for spread in workload.pod.get("topologySpreadConstraints", ()):
            if not spread["labelSelector"]["matchLabels"].items() <= workload.labels.items():
                yield "the pods are spread by labels that they don't have"


def _selected(one: Object) -> dict[str, str]:
    """Return the labels of the pods that an object selects."""
    spec = one.get("spec", {})
    found: dict[str, str] = spec.get("selector") or spec.get("podSelector") or {}
    labels: Any = found.get("matchLabels", found)
    return dict(labels)


def _numbers(objects: Sequence[Object]) -> Iterator[str]:
    of = {one["kind"]: one for one in objects}
    bot, service, budget = of["Deployment"]["spec"], of["Service"]["spec"], of["PodDisruptionBudget"]["spec"]
    most = bot["replicas"] + bot["strategy"]["rollingUpdate"]["maxSurge"]
    if most * ServeSettings.model_fields["slack_sockets"].default > SLACKS_CONNECTIONS:
        yield "a rollout opens more connections than Slack allows"
    settings = next(one["data"] for one in objects if one["metadata"]["name"] == "record-bot-settings")
    if most * int(settings.get("GENESYS_REQUESTS_PER_MINUTE", "300")) > GENESYS_REQUESTS:
        yield "a rollout sends more requests than Genesys allows"
    if bot["replicas"] < 2 or not 0 < budget["maxUnavailable"] < bot["replicas"]:
        yield "nothing serves while a node is drained"
    (container,) = bot["template"]["spec"]["containers"]
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    listening = int(IMAGE.environment["HTTP_PORT"])
    if ports != {"http": listening} or bot["template"]["metadata"]["annotations"]["prometheus.io/port"] != str(
        listening
    ):
        yield f"the image listens on {listening}, the manifests say {ports}"
    if [(one["port"], one["targetPort"]) for one in service["ports"]] != [(listening, "http")]:
        yield "the Service leads to another port"
    for name, path in PROBES.items():
        if container.get(name, {}).get("httpGet") != {"path": path, "port": "http"}:
            yield f"{name} is not {path}"
    seconds = bot["template"]["spec"]["terminationGracePeriodSeconds"]
    if seconds <= container["lifecycle"]["preStop"]["sleep"]["seconds"] + FINISH_SECONDS + FLUSH_SECONDS:
        yield "the bot is killed before it has finished its work"


def _pod(workload: Workload) -> Iterator[str]:
    pod, context = workload.pod, workload.pod["securityContext"]
    user, group = map(int, IMAGE.last("USER").text.split(":"))
    if not context.get("runAsNonRoot") or (context["runAsUser"], context["runAsGroup"]) != (user, group):
        yield f"the {workload.kind}'s pods don't run as {user}:{group}"
    if context.get("fsGroup") != group:
        yield f"group {group} doesn't own what is mounted"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield f"the {workload.kind}'s pods have no seccomp profile"
    if pod.get("automountServiceAccountToken", True) or pod.get("enableServiceLinks", True):
        yield f"the {workload.kind}'s pods get a token or variables of Kubernetes"
    if pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}:
        yield f"the {workload.kind}'s pods share the node's namespaces"


def _volumes(pod: Object) -> Iterator[str]:
    volumes = {one["name"]: one for one in pod["volumes"]}
    for name, volume in volumes.items():
        if not volume.keys() & {"emptyDir", "secret", "configMap"}:
            yield f"the volume {name} is of another kind"
        if volume.get("secret", {}).get("defaultMode", 0o440) != 0o440:
            yield f"the secrets in {name} can be read by others"
    for container in containers(pod):
        for mount in container.get("volumeMounts", ()):
            if mount["name"] not in volumes:
                yield f"there is no volume {mount['name']}"
            elif not mount.get("readOnly") and "emptyDir" not in volumes[mount["name"]]:
                yield f"{mount['mountPath']} can be written"
        if _is_ours(container) and "/data" not in {
            one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")
        }:
            yield f"{container['name']} can't write to /data"


def _confined(container: Object) -> Iterator[str]:
    wanted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    if container.get("securityContext") != wanted:
        yield f"{container['name']} is not confined"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
        yield f"{container['name']} has no requests or no limit"


def _settings(container: Object, objects: Sequence[Object]) -> Iterator[str]:
    maps = {one["metadata"]["name"]: one["data"] for one in objects if one["kind"] == "ConfigMap"}
    named: dict[str, Any] = {}
    for source in container.get("envFrom", ()):
        named |= maps.get(source["configMapRef"]["name"], {})
    if secret := named.keys() & set(SECRETS):
        yield f"a ConfigMap holds {sorted(secret)}"
    named |= {one["name"]: one.get("value") for one in container.get("env", ())}
    if unknown := named.keys() - SETTINGS - FILE_NAMES - (set() if _is_ours(container) else LIBPQ):
        yield f"there are no settings {sorted(unknown)}"
    mounts = [one["mountPath"] for one in container.get("volumeMounts", ())]
    for name, value in named.items():
        directory, _, key = str(value).rpartition("/")
        if name in FILE_NAMES and (directory not in mounts or key != name.removesuffix(ENDING)):
            yield f"{name} names {value}, which is not mounted"


def _command(container: Object) -> Iterator[str]:
    if not _is_ours(container):
        if container["image"] != COMPOSE["services"]["postgres"]["image"]:
            yield f"compose.yml has another version of PostgreSQL than {container['image']}"
        return
    tag = container["image"].rpartition(":")[2]
    if tag != COMPOSE["services"]["bot"]["image"].rpartition(":")[2]:
        yield f"compose.yml has another version than {tag}"
    if IMAGE.last("ENTRYPOINT").text != '["record-bot"]' or "command" in container:
        yield f"{container['name']} doesn't run record-bot"
    command = command_at(container["args"])
    if command is None or hasattr(command, "commands"):
        yield f"there is no command {container['args']}"


def _is_ours(container: Object) -> bool:
    return bool(container["image"].rpartition("/")[2].startswith("record-bot:"))
