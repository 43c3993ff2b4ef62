"""The install guide against the code: its commands, settings, permissions, and what it says that ``check`` prints."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values

from bot.config.settings import ServeSettings, load
from bot.sandbox.genesys import SimulatedGenesys
from bot.sandbox.slack import SimulatedSlack
from tests.support.commands import commands
from tests.support.shell import ROOT, Shell, genesys_settings, slack_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUIDE = (ROOT / "docs/install.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
SHELL = [text for language, text in BLOCKS if language == "sh"]
NOT_USED = {f"recording:session:{verb}" for verb in ("start", "stop", "view")} | {
    "analytics:agentConversationDetail:view",
    "conversation:communication:disconnect",
    "conversation:participant:wrapup",
    "recording:annotation:edit",
    "recording:recordingSegment:view",
    "recording:screenRecording:view",
    "recording:snippetRecording:view",
}
"""Permissions that the simulator knows, and the bot has no use for in an organization of Genesys Cloud."""


def invocations() -> Iterator[list[str]]:
    """Return the words behind each ``record-bot`` (or its stand-in) in the guide's shell blocks."""
    for text in SHELL:
        for line in text.replace("\\\n", " ").splitlines():
            found = re.search(r"(?:^|\s)(?:as_bot|record-bot|run --rm bot|run --rm migrate) ([a-z]+(?: .*)?)$", line)
            if found and not line.startswith(("as_bot()", "sudo useradd", "docker run", "address")):
                yield found[1].split()


def test_the_guide_has_commands() -> None:
    assert {"check", "serve", "db", "audit", "manifest"} <= {words[0] for words in invocations()}


@pytest.mark.parametrize("words", tuple(invocations()), ids=" ".join)
def test_every_command_in_the_guide_exists_with_its_options(words: list[str]) -> None:
    known = commands()
    name = words[0] if words[0] in known else " ".join(words[:2])
    options = {option for one in known[name].params for option in one.opts}
    assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("number", range(len(SHELL)))
def test_every_block_is_shell(number: int) -> None:
    checked = subprocess.run(["bash", "-n"], input=SHELL[number], check=False, capture_output=True, text=True)

    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_settings_of_the_guide_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = [text for language, text in BLOCKS if language == "ini"]
    (tmp_path / ".env").write_text(text)
    monkeypatch.chdir(tmp_path)
    for name in ServeSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    load(ServeSettings)

    assert set(dotenv_values(tmp_path / ".env")) <= {name.upper() for name in ServeSettings.model_fields}


def test_the_permissions_are_those_that_genesys_asks_for() -> None:
    named = set(re.findall(r"`([a-z]+:[A-Za-z]+:[A-Za-z]+)`", GUIDE))
    simulator = "\n".join(file.read_text() for file in (ROOT / "bot/sandbox/genesys").rglob("*.py"))
    wanted = set(re.findall(r'"([a-z]+:[A-Za-z]+:[A-Za-z]+)"', simulator)) - NOT_USED

    assert named >= wanted
    for document in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        assert named >= set(re.findall(r"`([a-z]+:[A-Za-z]+:[A-Za-z]+)`", document.read_text())), document


def test_the_files_that_the_guide_names_exist() -> None:
    named = {path for text in SHELL for path in re.findall(r"(?<![\w/])(?:/opt/record-bot/)?(deploy/[\w./-]+)", text)}
    made_by_the_guide = re.compile(r"deploy/(?:secrets.*|\w[\w-]*\.env)")

    assert named
    assert [path for path in named if not made_by_the_guide.fullmatch(path) and not (ROOT / path).exists()] == []


async def test_check_prints_what_the_guide_shows(tmp_path: Path) -> None:
    (shown,) = [text for language, text in BLOCKS if language == "text"]
    slack, genesys = SimulatedSlack(), SimulatedGenesys()
    await slack.start()
    await genesys.start()
    try:
        slack.seed()
        genesys.seed()
        ran = await Shell(tmp_path, slack_settings(slack) | genesys_settings(genesys))("check", HTTP_PORT="0")
    finally:
        await genesys.stop()
        await slack.stop()

    said = {re.split(r"\s{2,}", line)[0]: re.split(r"\s{2,}", line)[1] for line in ran.out.splitlines()}
    for line in shown.replace("S0123456789", "S0SUPERS").splitlines():
        name, verdict = re.split(r"\s{2,}", line)
        assert said[name].startswith(verdict), line
