"""The documents and ``.env.example`` against the code: what they name exists, and what exists is named."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values

from bot.config.secret_files import FILE_NAMES, SECRETS
from bot.config.settings import ServeSettings, load
from bot.i18n.catalog import ENGLISH, read_languages
from bot.slack.listeners.command import COMMAND, VERBS
from bot.slack.manifest import SCOPES
from tests.support.commands import commands
from tests.support.shell import BOT_SETTINGS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS_PAGE = (ROOT / "docs/settings.md").read_text()
COMMANDS_PAGE = (ROOT / "docs/commands.md").read_text()
INSTALL_GUIDE = (ROOT / "docs/install.md").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
FIELDS = ServeSettings.model_fields
SETTINGS = {name.upper() for name in FIELDS}
ENVIRONMENT_ONLY = {"TARGET_CONVERSATION_ID"}
SECRET = set(SECRETS) - {"DATABASE_URL"}
SETTING_ROW = re.compile(r"^\| `(?P<name>[A-Z_]+)` \| (?P<default>[^|]*) \|", re.MULTILINE)
COMMAND_ROW = re.compile(r"^\| `record-bot (?P<usage>[^`]+)` \|", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://|#)(?P<path>[^)#]+)")
PATH = re.compile(r"(?<![\w./-])(?:bot|tests|migrations)/[\w./-]*[\w/](?![\w*<{/])")
DOCUMENTS = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "tests/README.md",
    *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md")),
)


def documented_settings() -> dict[str, str]:
    return {row["name"]: row["default"].strip() for row in SETTING_ROW.finditer(SETTINGS_PAGE)}


# Settings


def test_the_documents_have_every_setting_and_no_other() -> None:
    assert set(documented_settings()) == SETTINGS


def test_the_example_has_every_setting_and_no_other() -> None:
    assert set(re.findall(r"^([A-Z_]+)=", EXAMPLE, re.MULTILINE)) == SETTINGS


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_the_documents_say_the_default(name: str) -> None:
    said, field = documented_settings()[name], FIELDS[name.lower()]

    if field.is_required():
        assert said == "required"
    elif said.startswith("`") and isinstance(field.default, (str, int)):
        value = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        assert said == f"`{value}`"
    elif isinstance(field.default, timedelta):
        hours, minutes = (field.default // timedelta(**{unit: 1}) for unit in ("hours", "minutes"))
        assert said in {f"`{minutes}m`", *([f"`{hours}h`"] if minutes == 60 * hours else [])}
    elif isinstance(field.default, (str, int)):
        assert said == "the region's web page"
    else:
        assert said in {"empty", "from the region", "`text` on a terminal, else `json`"}


def test_names_like_settings_in_the_documents_are_settings() -> None:
    for document in DOCUMENTS:
        words = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", (ROOT / document).read_text()))
        known = SETTINGS | ENVIRONMENT_ONLY | FILE_NAMES
        assert {word for word in words if word.startswith(BOT_SETTINGS)} <= known, document


def test_the_documents_say_which_settings_can_come_from_files() -> None:
    section = SETTINGS_PAGE.partition("\n## Secrets from files\n")[2].partition("\n## ")[0]

    assert set(re.findall(r"`([A-Z_]+_FILE)`", section)) == FILE_NAMES
    assert {name for name in SECRETS if f"{name}_FILE" in EXAMPLE} == set(SECRETS)


def test_the_example_holds_no_secret_and_explains_each_setting() -> None:
    values = dotenv_values(ROOT / ".env.example")

    assert not any(values[name] for name in SECRET)
    blocks = re.findall(r"((?:^#.*\n)*)((?:^[A-Z_]+=.*\n)+)", EXAMPLE, re.MULTILINE)
    assert all(comment for comment, _ in blocks)


def test_the_example_works_once_what_is_required_is_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled = {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_AUDIT_CHANNEL": "C0AUDIT",
        "SLACK_SUPERVISORS": "U0ADA",
        "PURECLOUD_CLIENT_ID": "id",
        "PURECLOUD_CLIENT_SECRET": "secret",
    }
    text = re.sub(r"^([A-Z_]+)=$", lambda found: f"{found[1]}={filled.get(found[1], '')}", EXAMPLE, flags=re.MULTILINE)
    (tmp_path / ".env").write_text(text)
    monkeypatch.chdir(tmp_path)
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)

    found = load(ServeSettings)

    for name, field in FIELDS.items():
        if not field.is_required() and name.upper() not in filled:
            assert getattr(found, name) == field.get_default(call_default_factory=True), name


# Commands


def test_the_documents_have_every_command_and_no_other() -> None:
    rows = [re.sub(r"\[.*?\]", "", row["usage"]).split() for row in COMMAND_ROW.finditer(COMMANDS_PAGE)]

    assert {" ".join(word for word in row if word.islower() and not word.startswith("--")) for row in rows} == set(
        commands()
    )


@pytest.mark.parametrize("usage", [row["usage"] for row in COMMAND_ROW.finditer(COMMANDS_PAGE)])
def test_the_documents_have_every_option_of_a_command_and_no_other(usage: str) -> None:
    name = next(name for name in sorted(commands(), key=len, reverse=True) if usage.startswith(name))
    options = {option for one in commands()[name].params for option in one.opts if option.startswith("--")}

    assert set(re.findall(r"--[a-z-]+", usage)) == options


def test_the_documents_have_every_verb_of_slack_and_no_other() -> None:
    rows = re.findall(rf"^\| `{COMMAND} ([^`]+)` \|", COMMANDS_PAGE, re.MULTILINE)
    words = read_languages().of(ENGLISH)
    assert rows == [words(f"help.{verb}_usage") for verb in VERBS]


def test_make_targets_that_the_documents_name_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        named = set(re.findall(r"(?:`|^)make ([a-z]+)", (ROOT / document).read_text(), re.MULTILINE))
        assert named <= targets, document


def test_make_help_lists_every_target() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout

    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert re.findall(r"^make (\w+) ", listed, re.MULTILINE) == phony[1].split()


# The rest


def test_the_install_guide_names_the_scopes() -> None:
    assert f"for five scopes: {', '.join(f'`{scope}`' for scope in SCOPES)}." in INSTALL_GUIDE


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_within_the_repository_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for link in LINK.finditer(path.read_text()):
        assert (path.parent / link["path"]).exists(), link["path"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_that_a_document_names_exist(document: str) -> None:
    for path in PATH.findall((ROOT / document).read_text()):
        assert (ROOT / path).exists(), f"{document} names {path}"


def test_the_architecture_page_names_every_package() -> None:
    packages = {f"bot/{package.parent.name}/" for package in ROOT.glob("bot/*/__init__.py")}

    assert packages <= set(PATH.findall((ROOT / "docs/architecture.md").read_text()))
