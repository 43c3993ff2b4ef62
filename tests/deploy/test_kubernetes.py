"""The manifests for Kubernetes: the published schemas, the product, and kustomize; and that mistakes are noticed."""

from __future__ import annotations

import asyncio
import copy
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import yaml

from bot.config.settings import ServeSettings, load
from tests.deploy.kustomize import built, unlisted
from tests.deploy.manifest_faults import NEWEST, OLDEST, PROBES, faults
from tests.support.databases.postgres import OWNER
from tests.support.shell import ROOT, Shell

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.deploy.kustomize import Object
    from tests.support.databases.postgres import PostgresServer
    from tests.support.scenario import ServingScenario

KUBERNETES = ROOT / "deploy/kubernetes"
EXAMPLE = KUBERNETES / "example"
DIRECTORIES = (KUBERNETES / "base", EXAMPLE, ROOT / "deploy/postgres")
NO_RESOURCES = {"roles.sql"}
"""Beside the grants, for the server's administrator."""
SECRETS = {
    "DATABASE_URL": "postgresql://record_bot:secret@db/record_bot?sslmode=verify-full",
    "PURECLOUD_CLIENT_SECRET": "secret",
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
}


@pytest.fixture
def objects() -> list[Object]:
    return built(EXAMPLE)


def named(objects: list[Object], kind: str) -> Object:
    return next(one for one in objects if one["kind"] == kind)


def bot(objects: list[Object]) -> Object:
    found: Object = named(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    return found


def test_the_manifests_are_sound(objects: list[Object]) -> None:
    assert faults(objects) == []
    assert {one["kind"] for one in objects} == {
        "ConfigMap", "Deployment", "Job", "Namespace", "NetworkPolicy", "PodDisruptionBudget", "Service",
        "ServiceAccount",
    }  # fmt: skip


@pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda path: path.name)
def test_every_file_is_listed(directory: Path) -> None:
    assert unlisted(directory) - NO_RESOURCES == set()


def _set(*path: str | int, to: Any) -> Callable[[Any], None]:
    def change(found: Any) -> None:
        for step in path[:-1]:
            found = found[step]
        found[path[-1]] = to

    return change


def _drop(*path: str | int) -> Callable[[Any], None]:
    def change(found: Any) -> None:
        for step in path[:-1]:
            found = found[step]
        del found[path[-1]]

    return change


POD = ("spec", "template", "spec")
BOT = (*POD, "containers", 0)


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("Deployment", _set("spec", "replicas", to="two"), f"Deployment, Kubernetes {OLDEST}: 'two' is not of type"),
        ("Deployment", _set(*BOT, "readinesProbe", to={}), f"Deployment, Kubernetes {NEWEST}: Additional properties"),
        ("Deployment", _drop("spec", "selector"), "'selector' is a required property"),
        ("NetworkPolicy", _set("apiVersion", to="networking.k8s.io/v9"), "Couldn't find schema for kind NetworkPolicy"),
        ("Deployment", _set(*BOT, "readinessProbe", "httpGet", "path", to="/ready"), "readinessProbe is not /readyz"),
        ("Deployment", _set(*BOT, "livenessProbe", "httpGet", "path", to="/readyz"), "livenessProbe is not /healthz"),
        ("Deployment", _set(*BOT, "ports", 0, "containerPort", to=8080), "the image listens on 3000"),
        ("Service", _set("spec", "ports", 0, "targetPort", to="web"), "the Service leads to another port"),
        ("Deployment", _set(*BOT, "args", to=["server"]), "there is no command ['server']"),
        ("Deployment", _set(*BOT, "command", to=["sh"]), "bot doesn't run record-bot"),
        ("Deployment", _set(*BOT, "image", to="record-bot:9.9.9"), "compose.yml has another version than 9.9.9"),
        ("Deployment", _set(*BOT, "env", 0, "name", to="DATABASE_FILE"), "there are no settings ['DATABASE_FILE']"),
        ("Deployment", _set(*BOT, "env", 0, "value", to="/run/secrets/DATABASE_URL"), "which is not mounted"),
        ("Deployment", _set(*BOT, "volumeMounts", 0, "name", to="files"), "there is no volume files"),
        ("Deployment", _set(*BOT, "volumeMounts", 1, "readOnly", to=False), "/run/secrets/record-bot can be written"),
        ("Deployment", _drop(*BOT, "volumeMounts", 0), "bot can't write to /data"),
        ("Deployment", _set(*POD, "volumes", 0, to={"name": "data", "hostPath": {"path": "/"}}), "of another kind"),
        ("Deployment", _set(*BOT, "securityContext", "readOnlyRootFilesystem", to=False), "bot is not confined"),
        ("Deployment", _drop(*BOT, "securityContext", "capabilities"), "bot is not confined"),
        ("Deployment", _drop(*BOT, "resources", "limits"), "bot has no requests or no limit"),
        ("Deployment", _set(*POD, "securityContext", "runAsUser", to=0), "pods don't run as 10001:10001"),
        ("Deployment", _drop(*POD, "securityContext", "seccompProfile"), "no seccomp profile"),
        ("Deployment", _drop(*POD, "enableServiceLinks"), "variables of Kubernetes"),
        ("Deployment", _set(*POD, "terminationGracePeriodSeconds", to=30), "killed before it has finished"),
        ("Deployment", _set("spec", "replicas", to=5), "more connections than Slack allows"),
        ("ConfigMap", _drop("data", "GENESYS_REQUESTS_PER_MINUTE"), "more requests than Genesys allows"),
        ("Deployment", _set("spec", "selector", "matchLabels", "app", to="x"), "record-bot selects no pods"),
        ("Service", _set("spec", "selector", "app", to="x"), "Service record-bot selects no pods"),
        ("PodDisruptionBudget", _set("spec", "maxUnavailable", to=2), "nothing serves while a node is drained"),
        ("PodDisruptionBudget", _set("spec", "selector", "matchLabels", "app", to="x"), "selects no pods"),
        ("NetworkPolicy", _set("spec", "podSelector", "matchLabels", "app", to="x"), "not confined by one Network"),
        ("Job", _set(*POD, "initContainers", 0, "args", to=["db", "migrate"]), "there is no command ['db', 'migrate']"),
        ("Job", _set(*POD, "containers", 0, "image", to="postgres:12"), "another version of PostgreSQL"),
        ("Job", _set(*POD, "serviceAccountName", to="default"), "there is no serviceaccount default"),
        ("Job", _set(*POD, "volumes", 2, "configMap", "name", to="grants"), "there is no configmap grants"),
        ("ConfigMap", _set("data", "SLACK_BOT_TOKEN", to="xoxb-1"), "a ConfigMap holds ['SLACK_BOT_TOKEN']"),
    ],
)  # fmt: skip
def test_a_mistake_is_noticed(objects: list[Object], kind: str, change: Callable[[Any], None], said: str) -> None:
    wrong = copy.deepcopy(objects)
    change(next(one for one in reversed(wrong) if one["kind"] == kind))

    found = faults(wrong, known=objects)

    assert any(said in sentence for sentence in found), found


def test_a_file_that_is_not_listed_is_noticed(tmp_path: Path) -> None:
    copied = shutil.copytree(KUBERNETES / "base", tmp_path / "base")
    listing = copied / "kustomization.yaml"
    listing.write_text(listing.read_text().replace("  - network-policy.yaml\n", ""))

    assert unlisted(copied) == {"network-policy.yaml"}


def test_the_settings_are_enough(objects: list[Object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kubelet sets them, with the files of the secrets in another directory."""
    monkeypatch.chdir(tmp_path)
    for name in {name.upper() for name in ServeSettings.model_fields}:
        monkeypatch.delenv(name, raising=False)
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(value)
    for name, value in named(objects[::-1], "ConfigMap")["data"].items():
        monkeypatch.setenv(name, value)
    for one in bot(objects)["env"]:
        monkeypatch.setenv(one["name"], one["value"].replace("/run/secrets/record-bot", str(tmp_path)))

    found = load(ServeSettings)

    assert found.slack_bot_token.get_secret_value() == "xoxb-1"
    assert found.database_url == "postgresql+psycopg://record_bot:secret@db/record_bot?sslmode=verify-full"


async def test_a_running_bot_answers_the_probes(objects: list[Object], scenario: ServingScenario) -> None:
    await asyncio.wait_for(scenario.serving.up.wait(), 60)
    async with aiohttp.ClientSession() as session:
        for name in PROBES:
            path = bot(objects)[name]["httpGet"]["path"]
            async with session.get(f"http://127.0.0.1:{scenario.serving.port}{path}") as answer:
                assert answer.status == 200, name


async def test_the_migration_job_migrates_and_grants(
    objects: list[Object], postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Its commands as they are, with other directories: the schema, then the rights of the bot's role."""
    database = postgres_server.database(migrated=False)
    with postgres_server.connected() as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'record_bot'").fetchone():
            connection.execute("CREATE ROLE record_bot LOGIN")
    url = database.url_of(OWNER)
    (tmp_path / "DATABASE_URL").write_text(f"{url}\n")
    pod = named(objects, "Job")["spec"]["template"]["spec"]
    upgrade, grants = pod["initContainers"][0], pod["containers"][0]
    script = (
        grants["args"][0]
        .replace("/run/secrets/record-bot-owner", str(tmp_path))
        .replace("/grants/", "deploy/postgres/")
    )
    path = f"{postgres_server.programs}:/usr/bin:/bin"
    try:
        ran = await Shell(tmp_path, {"DATABASE_URL_FILE": str(tmp_path / "DATABASE_URL")})(*upgrade["args"])
        environment = {"PATH": path, **{one["name"]: one["value"] for one in grants["env"]}}
        granted = await asyncio.create_subprocess_exec(*grants["command"], script, cwd=ROOT, env=environment)
        assert await granted.wait() == 0
        rights = [
            right
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE")
            if database.rows("SELECT has_table_privilege('record_bot', 'audit_entries', ?) AS may", [right])[0]["may"]
        ]
    finally:
        database.drop()

    assert ran.status == 0, ran.said
    assert rights == ["SELECT", "INSERT"]


def test_kustomize_builds_the_same(objects: list[Object]) -> None:
    if shutil.which("kubectl") is None:
        # Skipped in CI too: Debian 12 has only kubectl 1.20 (kubernetes-client), whose kustomize is from 2019. All
        # other tests of the manifests run without it, on what `objects` builds from the same files.
        pytest.skip("kubectl is needed for this test: https://kubernetes.io/docs/tasks/tools/ says how to install it")
    made = subprocess.run(["kubectl", "kustomize", EXAMPLE], check=True, capture_output=True, text=True).stdout
    made = re.sub(r"(record-bot-(?:settings|grants))-[0-9a-z]{10}\b", r"\1", made)

    def key(one: Object) -> tuple[str, str]:
        return one["kind"], one["metadata"]["name"]

    assert sorted(yaml.safe_load_all(made), key=key) == sorted(objects, key=key)


def test_no_secret_is_in_the_files() -> None:
    for file in KUBERNETES.rglob("*.*"):
        assert not re.search(r"xox[a-z]-|xapp-|://\w+:[^@\s]+@", file.read_text()), file
