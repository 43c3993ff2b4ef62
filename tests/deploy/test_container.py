"""Dockerfile and compose file against their promises: no root, nothing without a hash, nothing writable but data."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from typing import Any

import pytest
import yaml

from bot.config.secret_files import FILE_NAMES
from bot.config.settings import ServeSettings
from bot.runtime.serve import FINISH_SECONDS, FLUSH_SECONDS
from tests.deploy.dockerfile import Stage, read_dockerfile
from tests.support.shell import ROOT

DEPLOY = ROOT / "deploy"
SETTINGS = {name.upper() for name in ServeSettings.model_fields}
NOT_OURS = {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "TMPDIR"}
"""What the image sets for Python and the system."""


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return read_dockerfile(DEPLOY / "Dockerfile")[1]


@pytest.fixture(scope="module")
def image(stages: list[Stage]) -> Stage:
    return stages[-1]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
    return found


# The image


def test_every_stage_begins_with_a_base_of_a_whole_version(stages: list[Stage]) -> None:
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", stage.base) for stage in stages)


def test_the_image_does_not_run_as_root(image: Stage) -> None:
    user = image.last("USER").text

    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user), (
        "numbers, so that an orchestrator can see that it is not root"
    )
    after = image.instructions[image.instructions.index(image.last("USER")) + 1 :]
    assert not {one.word for one in after} & {"USER", "RUN", "COPY"}


def test_nothing_is_fetched_without_a_hash(stages: list[Stage]) -> None:
    everything = [one for stage in stages for one in stage.instructions]

    assert not [one for one in everything if one.word == "ADD"]
    assert not [one for one in everything if re.search(r"https?://|curl|wget|apt-get", one.text)]
    installs = [part for one in everything for part in re.findall(r"pip (?:install|wheel)[^&]*", one.text)]
    assert len(installs) >= 3
    for command in installs:
        assert "--require-hashes" in command or "--no-deps" in command
        if "--require-hashes" not in command:
            assert "--no-index" in command or "--no-build-isolation" in command, command


def test_the_image_can_send_traces(stages: list[Stage]) -> None:
    installed = " ".join(one.text for stage in stages for one in stage.all("RUN"))
    pinned = (ROOT / "requirements-otel.txt").read_text()
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["otel"]

    assert "-r requirements-otel.txt" in installed
    for wanted in extra:
        assert re.search(rf"^{wanted.partition('>')[0]}==", pinned, re.MULTILINE), wanted


def test_no_secret_is_baked_in(stages: list[Stage]) -> None:
    for stage in stages:
        names = set(stage.environment) | {name for one in stage.all("ARG") for name in one.pairs}
        assert not [name for name in names if re.search("TOKEN|SECRET|PASSWORD|CLIENT_ID", name)]


def test_every_setting_of_the_image_is_a_setting(image: Stage) -> None:
    assert set(image.environment) - NOT_OURS <= SETTINGS


def test_all_that_is_written_is_written_to_the_volume(image: Stage) -> None:
    environment = image.environment

    assert image.last("VOLUME").text == '["/data"]'
    assert image.last("WORKDIR").text == "/data"
    assert environment["TMPDIR"] == "/data"
    file = ServeSettings.model_fields["database_url"].default.removeprefix("sqlite+aiosqlite:///")
    assert not file.startswith("/"), "relative to WORKDIR"
    assert not FILE_NAMES & {f"{name}_FILE" for name in environment}, "both would be set where an operator sets one"


def test_the_health_check_needs_no_shell_and_no_tool(image: Stage) -> None:
    program, *_, code = image.last("HEALTHCHECK").health

    assert program == "python"
    compile(code, "HEALTHCHECK", "exec")
    assert "/healthz" in code
    assert "HTTP_PORT" in code


def test_sigterm_reaches_the_bot_itself(image: Stage) -> None:
    assert image.last("STOPSIGNAL").text == "SIGTERM"
    assert image.last("ENTRYPOINT").text == '["record-bot"]', (
        "the JSON form: a shell in between would swallow the signal"
    )
    assert image.last("CMD").text == '["serve"]'


def test_what_is_copied_reaches_the_build_and_settings_do_not(stages: list[Stage]) -> None:
    first, *rest = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")
    ]
    let_in = {line.removeprefix("!") for line in rest if line.startswith("!")}
    copied = {
        word
        for stage in stages
        for one in stage.all("COPY")
        if "--from" not in one.text
        for word in one.text.split()[:-1]
    }

    assert first == "*"
    assert copied == let_in
    assert all((ROOT / one).exists() for one in let_in)
    assert not [
        name for name in (".env", "record-bot.db", ".git", "deploy") if any(fnmatch.fnmatch(name, x) for x in let_in)
    ]


# Compose


def test_every_container_of_the_bot_is_confined(compose: dict[str, Any]) -> None:
    ours = {name: one for name, one in compose["services"].items() if str(one["image"]).startswith("record-bot")}

    assert set(ours) == {"bot", "migrate"}
    for one in ours.values():
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert "cap_add" not in one
        assert not one.get("privileged")
        assert "user" not in one, "the image's own"
        assert [entry.partition(":")[0] for entry in one["tmpfs"]] == ["/tmp"]  # noqa: S108  a path in there
        assert one["volumes"] == ["data:/data"]


def test_no_container_may_gain_privileges(compose: dict[str, Any]) -> None:
    for name, one in compose["services"].items():
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert one["cap_drop"] == ["ALL"], name
        assert one["read_only"] is True, name


def test_the_bot_has_time_to_finish(compose: dict[str, Any]) -> None:
    seconds = int(compose["services"]["bot"]["stop_grace_period"].removesuffix("s"))

    assert seconds > FINISH_SECONDS + FLUSH_SECONDS


def test_the_bot_starts_only_on_a_migrated_database_with_its_grants(compose: dict[str, Any]) -> None:
    services = compose["services"]

    assert services["bot"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert services["bot"]["depends_on"]["grants"] == {"condition": "service_completed_successfully"}
    assert services["grants"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert services["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert services["migrate"]["command"] == ["db", "upgrade"]
    assert services["postgres"]["healthcheck"]["test"]


def test_only_the_bot_is_reached_and_only_from_this_machine(compose: dict[str, Any]) -> None:
    published = {name: one["ports"] for name, one in compose["services"].items() if "ports" in one}

    assert published == {"bot": ["127.0.0.1:3000:3000"]}
    assert compose["networks"]["database"] == {"internal": True}
    assert compose["services"]["postgres"]["networks"] == ["database"]


def test_no_password_stands_in_the_compose_file(compose: dict[str, Any]) -> None:
    for one in compose["services"].values():
        for name, value in one.get("environment", {}).items():
            assert not re.search("PASSWORD|TOKEN|SECRET", name) or str(value).startswith("/run/secrets/"), name
    assert all(one["file"].startswith("secrets/") for one in compose["secrets"].values())
    ignored = (DEPLOY / ".gitignore").read_text().split()
    assert {"*.env", "secrets/"} <= set(ignored)


def test_the_database_is_of_one_major_version(compose: dict[str, Any]) -> None:
    images = {one["image"] for name, one in compose["services"].items() if name in {"postgres", "grants"}}

    assert len(images) == 1
    assert re.fullmatch(r"postgres:\d+-\w+", images.pop())


def test_what_compose_mounts_exists(compose: dict[str, Any]) -> None:
    mounted = [
        volume.partition(":")[0]
        for one in compose["services"].values()
        for volume in one.get("volumes", [])
        if volume.startswith("./")
    ]

    assert mounted
    assert all((DEPLOY / path).is_file() for path in mounted)
    assert (DEPLOY / compose["services"]["bot"]["build"]["context"]).resolve() == ROOT
